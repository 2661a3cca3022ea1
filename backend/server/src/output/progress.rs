//! How far a long reading or writing is: a bar on a terminal, and nothing in a pipe.
//!
//! It is drawn on standard error, so that a result on standard output stays whole, and it leaves no line behind: the
//! result says that the work is done. A piece of work that is over at a glance shows none.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use estiva_shared::text::human_bytes;

use super::columns;
use super::live::cut;

/// Work that is over before this shows no bar.
const GLANCE: Duration = Duration::from_millis(300);

/// How often it is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// Columns of the bar itself.
const BAR_COLUMNS: u64 = 30;

/// To the line's start, and the line away.
const CLEARED: &str = "\r\u{1b}[K";

/// The progress of one piece of work.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    total: Option<u64>,
    began: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// Of `what`, such as `reading`, with its bytes in all where they are known; none where standard error is no terminal.
    pub(crate) fn on_terminal(what: &'static str, total: Option<u64>) -> Option<Self> {
        io::stderr().is_terminal().then(|| Self {
            what,
            total,
            began: Instant::now(),
            drawn: None,
        })
    }

    /// So many bytes are done.
    pub(crate) fn is_at(&mut self, done: u64) {
        let now = Instant::now();
        let due = self
            .drawn
            .map_or(self.began + GLANCE, |drawn| drawn + DRAWN_EVERY);
        if now < due {
            return;
        }
        self.drawn = Some(now);
        let text = line(self.what, done, self.total, now - self.began);
        draw_line(&text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            clear_line();
        }
    }
}

/// Draws one line on the terminal of standard error, over the last one.
pub(crate) fn draw_line(text: &str) {
    // Columns less one: a full line would wrap, and could not be cleared.
    let shown = cut(text, columns(io::stderr()).saturating_sub(1));
    let _ = write!(io::stderr().lock(), "{CLEARED}{shown}");
}

/// Takes that line away.
pub(crate) fn clear_line() {
    let _ = write!(io::stderr().lock(), "{CLEARED}");
}

/// A bar of so many columns, the share that is done, and both in bytes.
pub(crate) fn bar(width: u64, done: u64, total: u64) -> String {
    let done = done.min(total);
    let parts = |of: u64| (u128::from(done) * u128::from(of) / u128::from(total.max(1))) as u64;
    let full = parts(width) as usize;
    format!(
        "[{}{}] {:>3} %  {} of {}",
        "=".repeat(full),
        " ".repeat(width as usize - full),
        parts(100),
        human_bytes(done),
        human_bytes(total)
    )
}

fn line(what: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let a_second = (done as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let speed = format!("{}/s", human_bytes(a_second));
    match total.filter(|total| *total > 0) {
        Some(total) => format!("{what} {}  {speed}", bar(BAR_COLUMNS, done, total)),
        None => format!("{what} {}  {speed}", human_bytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_how_fast() {
        let second = Duration::from_secs(1);
        let half = line("reading", 85_000_000, Some(170_000_000), second);
        assert_eq!(
            half,
            format!(
                "reading [{}{}]  50 %  85 MB of 170 MB  85 MB/s",
                "=".repeat(15),
                " ".repeat(15)
            )
        );
        let more = line("reading", 7, Some(5), second);
        assert!(
            more.contains("100 %") && more.contains("5 B of 5 B"),
            "{more}"
        );
        assert_eq!(line("saving", 3_000, None, second), "saving 3 kB  3 kB/s");
        assert_eq!(line("reading", 0, Some(0), second), "reading 0 B  0 B/s");
    }
}

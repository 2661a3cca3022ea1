//! A build as it happens: a live list on a terminal, plain lines in a pipe.
//!
//! On a terminal what is over scrolls up and stays; below it stands what runs: the step, its time, its last lines of
//! output. Nothing of an image's or a program's output reaches the terminal unescaped.

use std::io::{self, Write};
use std::time::Instant;

use estiva_shared::dockerfile::{Diagnostic, Severity};
use estiva_shared::protocol::{BuildEvent, PlannedStep, TransferEvent};
use estiva_shared::text::{escape_name, human_bytes, human_duration_ms};

use super::live::Live;
use super::short_id;
use super::transfer::Layers;

/// Lines of a running step's output that are shown on a terminal.
const TAIL_LINES: usize = 5;

/// Lines of a failed step's output that are shown again at its end.
const FAILED_LINES: usize = 12;

/// The longest line of output that is kept, in characters.
const LINE_MAX: usize = 2_000;

/// Columns from one tab stop to the next, as terminals have them.
const TAB_COLUMNS: usize = 8;

/// What a build looks like.
#[derive(Debug)]
pub(crate) struct View<W> {
    live: Live<W>,
    steps: Vec<Step>,
    running: Option<usize>,
    /// The base that is pulled, before the steps are known.
    pulled: Option<Layers>,
}

#[derive(Debug)]
struct Step {
    plan: PlannedStep,
    since: Option<Instant>,
    tail: Vec<String>,
    /// A line that has not ended yet.
    partial: String,
    progress: Option<(u64, Option<u64>)>,
}

impl<W: Write> View<W> {
    /// A view on a terminal of so many columns, or in a pipe.
    pub(crate) fn new(out: W, columns: Option<usize>) -> Self {
        Self {
            live: Live::new(out, columns),
            steps: Vec::new(),
            running: None,
            pulled: None,
        }
    }

    /// Shows an event.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn show(&mut self, event: &BuildEvent) -> io::Result<()> {
        match event {
            BuildEvent::Planned { steps } => {
                self.steps = steps.iter().map(Step::new).collect();
                Ok(())
            }
            BuildEvent::Pull { transfer, .. } => self.pull(transfer),
            BuildEvent::Warning(found) => self.warning(found),
            BuildEvent::Started { step } => self.started(*step),
            BuildEvent::Output { step, text, .. } => self.output(*step, text),
            BuildEvent::Progress {
                step,
                done_bytes,
                total_bytes,
            } => {
                if let Some(step) = self.steps.get_mut(*step) {
                    step.progress = Some((*done_bytes, *total_bytes));
                }
                Ok(())
            }
            BuildEvent::Finished {
                step,
                cached,
                duration_ms,
                layer_bytes,
            } => {
                let end = if *cached {
                    "CACHED".to_owned()
                } else {
                    human_duration_ms(*duration_ms)
                };
                let layer = layer_bytes
                    .map(|bytes| format!(", layer of {}", human_bytes(bytes)))
                    .unwrap_or_default();
                self.ended(*step, &format!("{end}{layer}"))
            }
            BuildEvent::StepFailed {
                step, duration_ms, ..
            } => {
                self.ended(
                    *step,
                    &format!("FAILED after {}", human_duration_ms(*duration_ms)),
                )?;
                self.failed_output(*step)
            }
            BuildEvent::Done {
                image_id,
                tags,
                size_bytes,
                duration_ms,
            } => {
                // A name that was given twice is one name.
                let mut names: Vec<&str> = Vec::new();
                for tag in tags {
                    if !names.contains(&tag.as_str()) {
                        names.push(tag);
                    }
                }
                let names = if names.is_empty() {
                    "without a name".to_owned()
                } else {
                    names.join(", ")
                };
                self.keep(&format!(
                    "built {names}: image {}, {}, in {}",
                    short_id(image_id),
                    human_bytes(*size_bytes),
                    human_duration_ms(*duration_ms)
                ))
            }
            BuildEvent::Failed(_) => self.clear(),
        }
    }

    fn pull(&mut self, transfer: &TransferEvent) -> io::Result<()> {
        if matches!(transfer, TransferEvent::Done { .. }) {
            self.pulled = None;
            return self.clear();
        }
        let layers = self.pulled.get_or_insert_default();
        match layers.take(transfer, "pulling") {
            Some((line, for_pipes)) if !for_pipes || !self.live.is_terminal() => self.keep(&line),
            _ => Ok(()),
        }
    }

    fn warning(&mut self, found: &Diagnostic) -> io::Result<()> {
        let severity = if found.severity == Severity::Info {
            "note"
        } else {
            "warning"
        };
        self.keep(&format!(
            "{severity}: line {}: {}",
            found.span.start.line, found.message
        ))
    }

    /// Draws the live part anew; called some times a second.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn tick(&mut self) -> io::Result<()> {
        if !self.live.is_terminal() {
            return Ok(());
        }
        if let Some(layers) = &self.pulled {
            return self.live.draw(&layers.lines());
        }
        let running = self
            .running
            .and_then(|index| Some((index, self.steps.get(index)?)));
        let Some((index, step)) = running else {
            return self.live.clear();
        };
        let mut lines = vec![format!(
            "{} {}{}",
            self.head(index),
            step.elapsed(),
            step.moved()
        )];
        lines.extend(
            step.tail
                .iter()
                .rev()
                .take(TAIL_LINES)
                .rev()
                .map(|line| format!("   │ {line}")),
        );
        self.live.draw(&lines)
    }

    /// Takes the live part away.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.live.clear()
    }

    fn started(&mut self, index: usize) -> io::Result<()> {
        if let Some(step) = self.steps.get_mut(index) {
            step.since = Some(Instant::now());
        }
        self.running = Some(index);
        if !self.live.is_terminal() {
            self.keep(&self.head(index))
        } else {
            self.tick()
        }
    }

    fn output(&mut self, index: usize, text: &str) -> io::Result<()> {
        let number = self.number(index);
        let Some(step) = self.steps.get_mut(index) else {
            return Ok(());
        };
        let lines = step.take_lines(text);
        if !self.live.is_terminal() {
            for line in lines {
                self.keep(&format!("{number} │ {line}"))?;
            }
        }
        Ok(())
    }

    fn ended(&mut self, index: usize, end: &str) -> io::Result<()> {
        if self.running == Some(index) {
            self.running = None;
        }
        if self.live.is_terminal() {
            return self.keep(&format!("{} {end}", self.head(index)));
        }
        let number = self.number(index);
        if let Some(rest) = self
            .steps
            .get_mut(index)
            .map(|step| std::mem::take(&mut step.partial))
            && !rest.is_empty()
        {
            self.keep(&format!("{number} │ {}", shown(&rest)))?;
        }
        self.keep(&format!("{number} {end}"))
    }

    /// On a terminal the last lines went with the live part; a failed step's are wanted.
    fn failed_output(&mut self, index: usize) -> io::Result<()> {
        if !self.live.is_terminal() {
            return Ok(());
        }
        let Some(step) = self.steps.get(index) else {
            return Ok(());
        };
        let mut lines = step.tail.clone();
        lines.extend((!step.partial.is_empty()).then(|| shown(&step.partial)));
        for line in lines.iter().skip(lines.len().saturating_sub(FAILED_LINES)) {
            self.keep(&format!("   │ {line}"))?;
        }
        Ok(())
    }

    /// A line that stays.
    fn keep(&mut self, line: &str) -> io::Result<()> {
        self.live.keep(line)
    }

    fn number(&self, index: usize) -> String {
        format!("[{}/{}]", index + 1, self.steps.len())
    }

    fn head(&self, index: usize) -> String {
        let number = self.number(index);
        match self.steps.get(index) {
            Some(step) => escape_name(&format!("{number} {}: {}", step.plan.stage, step.plan.text))
                .into_owned(),
            None => number,
        }
    }
}

impl Step {
    fn new(plan: &PlannedStep) -> Self {
        Self {
            plan: plan.clone(),
            since: None,
            tail: Vec::new(),
            partial: String::new(),
            progress: None,
        }
    }

    fn elapsed(&self) -> String {
        self.since.map_or_else(String::new, |since| {
            human_duration_ms(since.elapsed().as_millis() as u64)
        })
    }

    fn moved(&self) -> String {
        match self.progress {
            Some((done, Some(total))) => {
                format!(", {} of {}", human_bytes(done), human_bytes(total))
            }
            Some((done, None)) => format!(", {}", human_bytes(done)),
            None => String::new(),
        }
    }

    /// Adds output; the lines that ended with it, as they are shown.
    fn take_lines(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in text.split_inclusive('\n') {
            let is_whole = piece.ends_with('\n');
            self.partial.push_str(piece.trim_end_matches('\n'));
            if is_whole || self.partial.len() > LINE_MAX {
                let whole = std::mem::take(&mut self.partial);
                lines.push(shown(&whole));
            }
        }
        self.tail.extend(lines.iter().cloned());
        let excess = self.tail.len().saturating_sub(FAILED_LINES);
        self.tail.drain(..excess);
        lines
    }
}

/// A line of output for a terminal: what stands after its last carriage return, which begins it anew, as progress bars
/// do; tabs as the spaces that they stand for, so that its width is known; everything else that moves a cursor escaped.
fn shown(line: &str) -> String {
    let last = line.trim_end_matches('\r').rsplit('\r').next();
    let mut expanded = String::new();
    let mut column = 0;
    for c in last.unwrap_or_default().chars() {
        let width = match c {
            '\t' => TAB_COLUMNS - column % TAB_COLUMNS,
            _ => 1,
        };
        if column + width > LINE_MAX {
            break;
        }
        match c {
            '\t' => expanded.extend(std::iter::repeat_n(' ', width)),
            c => expanded.push(c),
        }
        column += width;
    }
    escape_name(&expanded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::protocol::OutputStream;

    fn planned() -> BuildEvent {
        let step = |text: &str, line| PlannedStep {
            stage: "0".to_owned(),
            text: text.to_owned(),
            line,
        };
        BuildEvent::Planned {
            steps: vec![step("FROM busybox", 1), step("RUN make", 2)],
        }
    }

    fn output(text: &str) -> BuildEvent {
        BuildEvent::Output {
            step: 1,
            stream: OutputStream::Stdout,
            text: text.to_owned(),
        }
    }

    fn shown(columns: Option<usize>, events: &[BuildEvent]) -> String {
        let mut view = View::new(Vec::new(), columns);
        for event in events {
            view.show(event).unwrap();
        }
        String::from_utf8(view.live.into_inner()).unwrap()
    }

    #[test]
    fn a_pipe_gets_plain_lines() {
        let text = shown(
            None,
            &[
                planned(),
                BuildEvent::Started { step: 0 },
                BuildEvent::Finished {
                    step: 0,
                    cached: true,
                    duration_ms: 0,
                    layer_bytes: None,
                },
                BuildEvent::Started { step: 1 },
                output("one\ntw"),
                output("o\nlast"),
                BuildEvent::Finished {
                    step: 1,
                    cached: false,
                    duration_ms: 1500,
                    layer_bytes: Some(2_000_000),
                },
            ],
        );
        let expected = "[1/2] 0: FROM busybox\n[1/2] CACHED\n[2/2] 0: RUN make\n[2/2] │ one\n[2/2] │ two\n[2/2] │ last\n[2/2] 1.5 s, layer of 2 MB\n";
        assert_eq!(text.replace("2.0 MB", "2 MB"), expected);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_programs_escape_sequences_never_reach_the_terminal() {
        let text = shown(
            None,
            &[
                planned(),
                BuildEvent::Started { step: 1 },
                output("\u{1b}]0;title\u{7}red\n10%\r20%\r\n"),
            ],
        );
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'));
        assert!(text.contains("20%") && !text.contains("10%"));
    }

    /// They were shown as `\u{9}`, so that what a compiler or `ls` prints could not be read.
    #[test]
    fn tabs_are_the_spaces_that_they_stand_for() {
        let events = [
            planned(),
            BuildEvent::Started { step: 1 },
            output("a\tb\n\tindented\n12345678\tc\nx\u{7}\ty\nlast\tone\r"),
            BuildEvent::StepFailed {
                step: 1,
                duration_ms: 10,
                message: "x".into(),
            },
        ];
        for columns in [None, Some(80)] {
            let text = shown(columns, &events);
            for line in [
                "│ a       b\n",
                "│         indented\n",
                "│ 12345678        c\n",
                "│ x\\u{7}      y\n",
                "│ last    one\n",
            ] {
                assert!(text.contains(line), "{line}: {text}");
            }
        }
        assert_eq!(super::shown(&"\t".repeat(3_000)).len(), LINE_MAX);
    }

    #[test]
    fn a_terminal_shows_the_failed_steps_last_lines() {
        let text = shown(
            Some(80),
            &[
                planned(),
                BuildEvent::Started { step: 1 },
                output("boom\n"),
                BuildEvent::StepFailed {
                    step: 1,
                    duration_ms: 10,
                    message: "x".into(),
                },
            ],
        );
        assert!(text.contains("FAILED after 10 ms\n   │ boom\n"), "{text}");
    }
}

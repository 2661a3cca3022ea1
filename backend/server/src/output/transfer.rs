//! A pull or a push as it happens: a bar for each layer on a terminal, a line for each that is there in a pipe.
//!
//! It goes to standard error, so that standard output has the result alone. What a registry says is escaped.

use std::io::{self, Write};

use estiva_shared::protocol::{LayerState, TransferEvent};
use estiva_shared::text::human_bytes;

use super::live::Live;
use super::progress::bar;
use super::short_id;

/// Columns of a layer's bar.
const BAR_COLUMNS: u64 = 24;

/// Layers that are shown at once; those that are done go first.
const LINES_MAX: usize = 12;

/// What is known of the layers of one transfer.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    layers: Vec<Shown>,
    /// The registry has said what there is.
    are_known: bool,
}

#[derive(Debug)]
struct Shown {
    digest: String,
    bytes: u64,
    state: LayerState,
}

impl Layers {
    /// Takes an event in. Answers a line that is worth keeping, and whether it is one for a pipe alone.
    pub(crate) fn take(&mut self, event: &TransferEvent, verb: &str) -> Option<(String, bool)> {
        match event {
            TransferEvent::Resolved {
                reference,
                platform,
                layers,
                ..
            } => {
                let shown = layers.iter().map(|layer| Shown {
                    digest: layer.digest.clone(),
                    bytes: layer.bytes,
                    state: LayerState::Waiting,
                });
                self.layers = shown.collect();
                self.are_known = true;
                let bytes = layers.iter().map(|layer| layer.bytes).sum();
                let count = match layers.len() {
                    1 => "1 layer".to_owned(),
                    count => format!("{count} layers"),
                };
                let bytes = human_bytes(bytes);
                let line = format!("{verb} {reference} ({platform}): {count}, {bytes}");
                Some((line, false))
            }
            TransferEvent::Layer { digest, state } => {
                let layer = self.layers.iter_mut().find(|each| each.digest == *digest)?;
                layer.state = state.clone();
                let end = end_of(state)?;
                Some((format!("{}: {end}", short_id(digest)), true))
            }
            TransferEvent::Retrying {
                attempt,
                wait_ms,
                message,
                ..
            } => {
                let wait = *wait_ms as f64 / 1000.0;
                let line = format!("{message}; try {attempt} in {wait:.1} s");
                Some((line, false))
            }
            TransferEvent::Done { .. } => None,
        }
    }

    /// The live lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let open = |layer: &&Shown| end_of(&layer.state).is_none();
        let over = self.layers.iter().filter(|layer| !open(layer)).count();
        let mut lines = Vec::new();
        if over > 0 {
            lines.push(format!("there: {over} of {}", self.layers.len()));
        }
        let open = self.layers.iter().filter(open).take(LINES_MAX);
        lines.extend(open.map(Shown::line));
        lines
    }
}

/// What a layer's last state says.
fn end_of(state: &LayerState) -> Option<String> {
    match state {
        LayerState::Exists => Some("there already".to_owned()),
        LayerState::Done => Some("done".to_owned()),
        LayerState::Mounted { from } => Some(format!("taken over from {from}")),
        _ => None,
    }
}

impl Shown {
    fn line(&self) -> String {
        let id = short_id(&self.digest);
        match &self.state {
            LayerState::Transferring {
                done_bytes,
                total_bytes,
            } => format!("{id} {}", bar(BAR_COLUMNS, *done_bytes, *total_bytes)),
            LayerState::Compressing { done_bytes } => {
                format!(
                    "{id} {} compressing",
                    bar(BAR_COLUMNS, *done_bytes, self.bytes)
                )
            }
            LayerState::Verifying => format!("{id} verifying"),
            LayerState::Unpacking => format!("{id} unpacking"),
            _ => format!("{id} waiting"),
        }
    }
}

/// Shows one transfer.
#[derive(Debug)]
pub(crate) struct View<W> {
    live: Live<W>,
    verb: &'static str,
    layers: Layers,
}

impl<W: Write> View<W> {
    /// Of `verb`, such as `pulling`, on a terminal of so many columns, or in a pipe.
    pub(crate) fn new(out: W, columns: Option<usize>, verb: &'static str) -> Self {
        Self {
            live: Live::new(out, columns),
            verb,
            layers: Layers::default(),
        }
    }

    /// Shows an event.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn show(&mut self, event: &TransferEvent) -> io::Result<()> {
        let Some((line, for_pipes)) = self.layers.take(event, self.verb) else {
            return Ok(());
        };
        if for_pipes && self.live.is_terminal() {
            return Ok(());
        }
        self.live.keep(&line)
    }

    /// Draws the live part anew; called some times a second.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn tick(&mut self) -> io::Result<()> {
        let lines = match self.layers.are_known {
            true => self.layers.lines(),
            // A silent name server takes seconds, and a registry may.
            false => vec!["asking the registry".to_owned()],
        };
        self.live.draw(&lines)
    }

    /// Takes the live part away.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.live.clear()
    }
}

#[cfg(test)]
mod tests {
    use estiva_shared::protocol::TransferLayer;

    use super::*;

    fn events() -> Vec<TransferEvent> {
        let layer = |digest: &str, state| TransferEvent::Layer {
            digest: digest.to_owned(),
            state,
        };
        let layers = ["sha256:aaaaaaaaaaaaaaaa", "sha256:bbbbbbbbbbbbbbbb"];
        let transferring = LayerState::Transferring {
            done_bytes: 500,
            total_bytes: 1000,
        };
        vec![
            TransferEvent::Resolved {
                reference: "docker.io/library/node:20".to_owned(),
                digest: None,
                platform: "linux/amd64".to_owned(),
                layers: layers
                    .map(|digest| TransferLayer {
                        digest: digest.to_owned(),
                        bytes: 1000,
                    })
                    .to_vec(),
            },
            layer(layers[0], LayerState::Exists),
            layer(layers[1], transferring),
            TransferEvent::Retrying {
                digest: None,
                attempt: 2,
                wait_ms: 500,
                message: "lost\u{1b}[31m".to_owned(),
            },
        ]
    }

    #[test]
    fn a_pipe_gets_a_line_for_what_is_there_and_nothing_that_moves() {
        let mut out = Vec::new();
        let mut view = View::new(&mut out, None, "pulling");
        for event in events() {
            view.show(&event).unwrap();
            view.tick().unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "pulling docker.io/library/node:20 (linux/amd64): 2 layers, 2 kB"
        );
        assert_eq!(lines[1], "aaaaaaaaaaaa: there already");
        assert!(
            lines[2].starts_with("lost") && lines[2].ends_with("try 2 in 0.5 s"),
            "{text}"
        );
        assert!(lines.len() == 3 && !text.contains('\u{1b}'), "{text}");
    }

    // A name server that is silent left a terminal without a word for five seconds.
    #[test]
    fn a_terminal_is_told_what_is_waited_for_before_anything_comes() {
        let mut out = Vec::new();
        let mut view = View::new(&mut out, Some(80), "pulling");
        view.tick().unwrap();
        view.show(&events()[0]).unwrap();
        view.clear().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("asking the registry\n\u{1b}[1F\u{1b}[Jpulling "),
            "{text:?}"
        );
    }

    #[test]
    fn a_terminal_gets_a_bar_for_each_layer_on_its_way() {
        let mut out = Vec::new();
        let mut view = View::new(&mut out, Some(80), "pulling");
        for event in events() {
            view.show(&event).unwrap();
        }
        view.tick().unwrap();
        view.clear().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("there: 1 of 2\n"), "{text}");
        let half = format!("bbbbbbbbbbbb [{}{}]  50 %", "=".repeat(12), " ".repeat(12));
        assert!(text.contains(&half), "{text}");
        assert!(text.ends_with("\u{1b}[2F\u{1b}[J"), "{text:?}");
    }
}

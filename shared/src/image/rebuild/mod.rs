//! A Dockerfile from an image's history: what each line was, as far as builders record it, with how sure that is and why.
//!
//! `line` reads one line of the history, with `copied` for its COPY and ADD, `values` for assignments, and `printed` for what
//! programs in Go print; `write` writes instructions that the parser of this crate reads back; `settings` finds what the
//! configuration has and no line sets; `reconcile` holds the result against a Dockerfile. What left no trace (a COPY's
//! source, the base image's name) is said in a comment above the line that needs it.
//!
//! **Invariant:** [`Rebuilt::text`] parses without an error, whatever the history holds.

mod copied;
mod document;
mod line;
mod printed;
mod reconcile;
mod settings;
mod values;
mod write;

pub use document::*;
pub use reconcile::reconcile;

use super::{HistoryView, ImageView};
use crate::text::escape_name;
use line::{Piece, Scope};

/// Most instructions that are written: images have at most 512 layers here, and tools write a dozen lines of settings.
const LINES_MAX: usize = 2_000;

/// Most bytes of the text: half of what the parser takes, and a hundred times a long Dockerfile.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// Longest line of the history that is read, in bytes; of a longer one only its start is shown.
const CREATED_BY_BYTES_MAX: usize = 64 << 10;

/// Most characters of a line of the history that a comment repeats.
const QUOTED_CHARS_MAX: usize = 160;

/// What buildah writes beside the first line that is not the base's.
const BASE_COMMENT: &str = "FROM ";

/// Digits of the ids that it writes.
const STEP_DIGITS: usize = 12;

/// The label that names the base image (OCI image specification, "Pre-Defined Annotation Keys").
const BASE_LABEL: &str = "org.opencontainers.image.base.name";

/// Writes a Dockerfile that an image's history and configuration may have come from.
#[must_use]
pub fn rebuild(image: &ImageView) -> Rebuilt {
    let mut writer = Writer::default();
    writer.comment("Rebuilt from an image's history. What is marked \"likely\" or \"guessed\" needs a look; what left no trace is not here.");
    let (base_lines, base) = base_of(&image.history);
    writer.from(base.as_deref(), label(image));
    let mut scope = Scope::new(&image.config);
    scope.note_arguments(image.history.iter().take(LINES_MAX));
    let end_of_base = match base {
        Some(_) => None,
        None => likely_end_of_base(&image.history),
    };
    let mut replayed = settings::Replay::default();
    for (index, line) in image.history.iter().enumerate() {
        if writer.is_full() {
            writer.rebuilt.left_out = (image.history.len() - index) as u64;
            writer.comment(&format!(
                "{} more lines of the history are left out.",
                image.history.len() - index
            ));
            break;
        }
        for piece in line::read(line, &mut scope) {
            replayed.take(&piece, &scope);
            writer.piece(&piece, Some(index), line.layer, index < base_lines);
        }
        if end_of_base == Some(index) {
            writer.comment(
                "guessed: a base image may end here, with a command that the lines below build on.",
            );
        }
    }
    writer.unrecorded_layers(image);
    for piece in replayed.missing(&image.config) {
        writer.piece(&piece, None, None, false);
    }
    writer.rebuilt
}

/// How many lines are the base image's and what it is called, where the builder says so.
fn base_of(history: &[HistoryView]) -> (usize, Option<String>) {
    let named = history.iter().enumerate().rev().find_map(|(index, line)| {
        let name = line.comment.as_deref()?.strip_prefix(BASE_COMMENT)?.trim();
        // The name goes into the text, so it has to be one word.
        let is_word = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '$');
        // Beside its own lines buildah writes the step before, by the first digits of its id.
        let is_step =
            name.len() == STEP_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_word && !is_step && write::is_instruction(&format!("FROM {name}"), "FROM"))
            .then(|| (index, name.to_owned()))
    });
    match named {
        Some((index, name)) => (index, Some(name)),
        None => (0, None),
    }
}

fn label(image: &ImageView) -> Option<&str> {
    let labels = &image.config.labels;
    let found = labels.iter().find(|(name, _)| name == BASE_LABEL)?;
    Some(&found.1)
}

/// The last CMD that later layers follow: most base images end with one.
fn likely_end_of_base(history: &[HistoryView]) -> Option<usize> {
    let last_layer = history.iter().rposition(|line| !line.empty_layer)?;
    let is_cmd = |line: &HistoryView| line::name_of(&line.created_by) == "CMD";
    history[..last_layer].iter().rposition(is_cmd)
}

/// The text while it grows.
#[derive(Default)]
struct Writer {
    rebuilt: Rebuilt,
    lines: u32,
}

impl Writer {
    fn is_full(&self) -> bool {
        // The longest piece, and the comment above it, still fit.
        let room = TEXT_BYTES_MAX.saturating_sub(2 * CREATED_BY_BYTES_MAX);
        self.rebuilt.lines.len() >= LINES_MAX || self.rebuilt.text.len() > room
    }

    /// Writes text and a line end; answers the number of its first line.
    fn put(&mut self, text: &str) -> u32 {
        let first = self.lines + 1;
        self.rebuilt.text.push_str(text);
        self.rebuilt.text.push('\n');
        self.lines += 1 + u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        first
    }

    fn comment(&mut self, text: &str) -> u32 {
        self.put(&format!("# {}", escape_name(text)))
    }

    fn from(&mut self, base: Option<&str>, labelled: Option<&str>) {
        let (text, confidence, reason) = match base {
            Some(name) => (
                format!("FROM {name}"),
                Confidence::Certain,
                Reason::BaseNamed,
            ),
            None => (
                "FROM scratch".to_owned(),
                Confidence::Guessed,
                Reason::BaseUnknown,
            ),
        };
        if base.is_none() {
            self.comment(&format!("{}: {}", confidence.name(), reason.text()));
        }
        if let (None, Some(name)) = (base, labelled) {
            self.comment(&format!(
                "a label names the base image: {}",
                shortened(name)
            ));
        }
        let line = self.put(&text);
        self.rebuilt.lines.push(RebuiltLine {
            line,
            text,
            confidence,
            reason,
            commented: false,
            history: None,
            layer: None,
        });
    }

    /// Writes what a line of the history was.
    fn piece(
        &mut self,
        piece: &Piece,
        history: Option<usize>,
        layer: Option<usize>,
        of_base: bool,
    ) {
        let reason = if of_base {
            Reason::OfBase
        } else {
            piece.reason
        };
        let commented = of_base || piece.is_note;
        let line = if commented {
            self.comment(&format!("{}: {}", reason.text(), shortened(&piece.text)))
        } else {
            if piece.confidence != Confidence::Certain {
                self.comment(&format!("{}: {}", piece.confidence.name(), reason.text()));
            }
            self.put(&piece.text)
        };
        self.rebuilt.lines.push(RebuiltLine {
            line,
            text: piece.text.clone(),
            confidence: piece.confidence,
            reason,
            commented,
            history,
            layer,
        });
    }

    /// Layers that no line of the history made.
    fn unrecorded_layers(&mut self, image: &ImageView) {
        let made = image.history.iter().filter_map(|line| line.layer).max();
        let first = made.map_or(0, |last| last + 1);
        for layer in image.layers.iter().skip(first).take(LINES_MAX) {
            let piece = Piece::note(Reason::NothingRecorded, format!("layer {}", layer.index));
            self.piece(&piece, None, Some(layer.index), false);
        }
    }
}

/// A text on one line of a comment.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

//! A RUN step's output on its way to the page: text at character boundaries, and not without end.

use estiva_shared::protocol::OutputStream;

/// The most that one step may show, in bytes, as BuildKit's limit: a step that prints more is likely in a loop, and
/// whoever watches would get megabytes for nothing.
const STEP_OUTPUT_BYTES_MAX: usize = 2 << 20;

/// Told once, in place of what is dropped.
const CUT_NOTE: &str = "\n[output cut: a step shows 2 MiB at most; the step goes on]\n";

/// The text of one step's two streams.
#[derive(Debug, Default)]
pub(super) struct Output {
    shown_bytes: usize,
    cut: bool,
    /// The beginning of a character whose rest was not read yet, by stream.
    held: [Vec<u8>; 2],
}

impl Output {
    /// Takes bytes as they were read; what can be shown of them now.
    pub(super) fn take(&mut self, stream: OutputStream, bytes: &[u8]) -> Option<String> {
        let mut all = std::mem::take(self.held_of(stream));
        all.extend_from_slice(bytes);
        let whole = whole_characters(&all);
        *self.held_of(stream) = all.split_off(whole);
        self.show(&all)
    }

    /// The end of a stream: what was held back is shown as it is.
    pub(super) fn end(&mut self, stream: OutputStream) -> Option<String> {
        let rest = std::mem::take(self.held_of(stream));
        self.show(&rest)
    }

    fn show(&mut self, bytes: &[u8]) -> Option<String> {
        if bytes.is_empty() || self.cut {
            return None;
        }
        let left = STEP_OUTPUT_BYTES_MAX - self.shown_bytes;
        if bytes.len() <= left {
            self.shown_bytes += bytes.len();
            return Some(String::from_utf8_lossy(bytes).into_owned());
        }
        self.cut = true;
        let text = String::from_utf8_lossy(&bytes[..left]).into_owned();
        Some(text + CUT_NOTE)
    }

    fn held_of(&mut self, stream: OutputStream) -> &mut Vec<u8> {
        match stream {
            OutputStream::Stdout => &mut self.held[0],
            OutputStream::Stderr => &mut self.held[1],
        }
    }
}

/// How many bytes stand before a character that is cut at the end. Bytes that begin no character are whole: they are
/// replaced when shown.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character has four bytes at most, so that at most three can be waiting for its last.
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let needed = match bytes[at] {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return bytes.len(),
        };
        return if needed > back { at } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_read_in_two_pieces_arrives_whole() {
        let mut output = Output::default();
        let bytes = "a€b".as_bytes();
        assert_eq!(output.take(OutputStream::Stdout, &bytes[..2]).unwrap(), "a");
        assert_eq!(
            output.take(OutputStream::Stderr, b"between").unwrap(),
            "between"
        );
        assert_eq!(
            output.take(OutputStream::Stdout, &bytes[2..]).unwrap(),
            "€b"
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced_and_delay_nothing() {
        let mut output = Output::default();
        assert_eq!(
            output.take(OutputStream::Stdout, b"\xFFx\x80\n").unwrap(),
            "\u{FFFD}x\u{FFFD}\n"
        );
        assert_eq!(output.take(OutputStream::Stdout, b"\xE2\x82"), None);
        assert_eq!(output.end(OutputStream::Stdout).unwrap(), "\u{FFFD}");
    }

    #[test]
    fn output_without_end_is_cut_once_with_a_note() {
        let mut output = Output::default();
        let chunk = vec![b'x'; STEP_OUTPUT_BYTES_MAX];
        assert!(output.take(OutputStream::Stdout, &chunk).is_some());
        assert_eq!(
            output.take(OutputStream::Stdout, b"more").unwrap(),
            CUT_NOTE
        );
        assert_eq!(output.take(OutputStream::Stderr, b"more"), None);
    }
}

//! Bytes of a container's output become text piece by piece. A character that a read cut in two is held back until its
//! rest comes, so that no U+FFFD appears that the program did not cause. For who shows output to people; what is passed on
//! to programs stays bytes.

/// The longest UTF-8 sequence, less one: what can be held back.
const HELD_BYTES_MAX: usize = 3;

/// A decoder for one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextDecoder {
    held: Vec<u8>,
}

impl TextDecoder {
    /// The text of these bytes, with what was held back before them.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(bytes);
        let cut = joined.len() - unfinished(&joined);
        self.held = joined.split_off(cut);
        String::from_utf8_lossy(&joined).into_owned()
    }

    /// What is left when the stream has ended, each unfinished character as U+FFFD.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// How many bytes at the end begin a character that is not complete.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=HELD_BYTES_MAX.min(bytes.len()) {
        let needed = match bytes[bytes.len() - back] {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return if needed > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn text_cut_at_any_byte_comes_out_whole() {
        let text = "porão · 桟橋 · ⚓ · 🚢\n";
        for cut in 0..=text.len() {
            let mut decoder = TextDecoder::default();
            let mut out = decoder.push(&text.as_bytes()[..cut]);
            out += &decoder.push(&text.as_bytes()[cut..]);
            out += &decoder.finish();
            assert_eq!(out, text, "cut at {cut}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_never_held_for_long() {
        let mut decoder = TextDecoder::default();
        assert_eq!(decoder.push(b"a\xff\xfeb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(decoder.push(b"\xf0\x9f"), "");
        assert_eq!(decoder.push(b"plain"), "\u{fffd}plain");
        assert_eq!(decoder.push(b"\xe2\x9a"), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }
}

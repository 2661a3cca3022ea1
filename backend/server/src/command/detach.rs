//! The keys that detach: Docker's words for them, and how they are found among what is typed.

/// Docker's.
pub(super) const DEFAULT: &str = "ctrl-p,ctrl-q";

/// Keys at most: more than anybody remembers.
const KEYS_MAX: usize = 16;

/// A sequence of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys(Vec<u8>);

/// Looks for the sequence in what is typed.
#[derive(Debug)]
pub(super) struct Detector {
    keys: Keys,
    /// How many of them were typed, and are held back.
    held: usize,
}

/// For clap: keys with commas between, each a character or `ctrl-` and one of `a` to `z`, `@`, `[`, `\\`, `]`, `^`, `_`.
pub(super) fn keys(words: &str) -> Result<Keys, String> {
    let words = if words.is_empty() { DEFAULT } else { words };
    let keys = words.split(',').map(key).collect::<Option<Vec<u8>>>();
    keys.filter(|keys| keys.len() <= KEYS_MAX)
        .map(Keys)
        .ok_or_else(|| {
            "expected keys with commas between, such as ctrl-p,ctrl-q or ctrl-a,d".to_owned()
        })
}

fn key(word: &str) -> Option<u8> {
    if let [letter] = word.as_bytes() {
        return letter.is_ascii_graphic().then_some(*letter);
    }
    match word.strip_prefix("ctrl-")?.as_bytes() {
        [letter @ (b'a'..=b'z')] => Some(letter - b'a' + 1),
        [b'@'] => Some(0),
        [letter @ (b'[' | b'\\' | b']' | b'^' | b'_')] => Some(letter - b'[' + 27),
        _ => None,
    }
}

impl Detector {
    /// One that has seen nothing.
    pub(super) fn new(keys: Keys) -> Self {
        Self { keys, held: 0 }
    }

    /// What of `typed` goes to the container, and whether the keys were among it. Keys that may be the sequence's
    /// beginning are held back until it is known.
    pub(super) fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let keys = &self.keys.0;
        let mut passed = Vec::with_capacity(typed.len());
        for byte in typed {
            if *byte != keys[self.held] {
                passed.extend_from_slice(&keys[..self.held]);
                self.held = 0;
            }
            if *byte == keys[self.held] {
                self.held += 1;
                if self.held == keys.len() {
                    return (passed, true);
                }
            } else {
                passed.push(*byte);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_dockers_words() {
        for (words, bytes) in [
            ("ctrl-p,ctrl-q", &[16, 17][..]),
            ("", &[16, 17]),
            ("ctrl-a,x", &[1, b'x']),
            ("q", b"q"),
            (
                "ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_",
                &[0, 27, 28, 29, 30, 31],
            ),
        ] {
            assert_eq!(keys(words), Ok(Keys(bytes.to_vec())), "{words}");
        }
        for bad in ["ctrl-", "ctrl-P", "ctrl-1", "a,,b", "ab", "é", "a,"] {
            assert!(keys(bad).is_err(), "{bad}");
        }
        assert!(keys(&["a"; KEYS_MAX + 1].join(",")).is_err());
    }

    #[test]
    fn the_sequence_detaches_however_it_is_cut_and_nothing_else_is_lost() {
        let mut detector = Detector::new(keys(DEFAULT).unwrap());
        assert_eq!(detector.pass(b"ab\x10"), (b"ab".to_vec(), false));
        assert_eq!(detector.pass(b"\x11cd"), (Vec::new(), true));
        for (typed, passed) in [
            (&b"\x10x"[..], &b"\x10x"[..]),
            (b"\x10\x10\x10x", b"\x10\x10\x10x"),
            (b"\x11", b"\x11"),
        ] {
            let mut detector = Detector::new(keys(DEFAULT).unwrap());
            assert_eq!(detector.pass(typed), (passed.to_vec(), false), "{typed:?}");
        }
        let mut detector = Detector::new(keys(DEFAULT).unwrap());
        assert_eq!(detector.pass(b"\x10\x10\x11"), (vec![0x10], true));
        let mut single = Detector::new(keys("q").unwrap());
        assert_eq!(single.pass(b"abq"), (b"ab".to_vec(), true));
    }
}

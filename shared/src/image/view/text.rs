//! A text's encoding, guessed from its first bytes, and its characters.
//!
//! A byte order mark decides (Unicode Standard, section 23.8); else what is valid UTF-8 is UTF-8; else, where every byte could be
//! a letter of Western Europe, ISO 8859-1. What has bytes that no text has is none. UTF-16 without a mark is not guessed.

/// How a text is written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 that begins with a byte order mark.
    Utf8Marked,
    /// UTF-16, the least significant byte first.
    Utf16Little,
    /// UTF-16, the most significant byte first.
    Utf16Big,
    /// ISO 8859-1.
    Latin1,
}

impl Encoding {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8Marked => "UTF-8 (BOM)",
            Self::Utf16Little => "UTF-16 LE",
            Self::Utf16Big => "UTF-16 BE",
            Self::Latin1 => "ISO 8859-1",
        }
    }

    /// Bytes of its byte order mark.
    fn mark_bytes(self) -> usize {
        match self {
            Self::Utf8 | Self::Latin1 => 0,
            Self::Utf8Marked => 3,
            Self::Utf16Little | Self::Utf16Big => 2,
        }
    }
}

/// The encoding of a text that begins so; none where it is no text.
pub fn encoding_of(head: &[u8]) -> Option<Encoding> {
    if head.starts_with(b"\xef\xbb\xbf") {
        return Some(Encoding::Utf8Marked);
    }
    // UTF-32 begins as UTF-16 does, with two zero bytes behind; no text of UTF-16 begins with NUL.
    if head.starts_with(b"\xff\xfe") && head.get(2..4) != Some(b"\0\0") {
        return Some(Encoding::Utf16Little);
    }
    if head.starts_with(b"\xfe\xff") {
        return Some(Encoding::Utf16Big);
    }
    if head.iter().any(|byte| is_of_no_text(*byte)) {
        return None;
    }
    match std::str::from_utf8(head) {
        Ok(_) => Some(Encoding::Utf8),
        // Cut inside a character, as a beginning may be.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            Some(Encoding::Utf8)
        }
        Err(_) => is_western(head).then_some(Encoding::Latin1),
    }
}

/// Control characters but those that texts have: tab, line ends, form feed, backspace (of `man`), escape (of colours).
fn is_of_no_text(byte: u8) -> bool {
    matches!(byte, 0..=7 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

/// Whether bytes above ASCII are letters among others: few, and none of the second set of control characters.
fn is_western(head: &[u8]) -> bool {
    let high = head.iter().filter(|byte| **byte >= 0x80).count();
    let controls = head
        .iter()
        .filter(|byte| (0x80..0xa0).contains(*byte))
        .count();
    controls == 0 && high * 4 <= head.len()
}

/// The characters of a text that begins with these bytes, without its byte order mark; what is malformed becomes U+FFFD. With
/// `is_all`, they are all it has; else a last character that is cut is left out.
pub fn decode(bytes: &[u8], encoding: Encoding, is_all: bool) -> String {
    let bytes = bytes.get(encoding.mark_bytes()..).unwrap_or_default();
    match encoding {
        Encoding::Utf8 | Encoding::Utf8Marked => {
            let whole = match std::str::from_utf8(bytes) {
                Err(error) if !is_all && error.error_len().is_none() => {
                    &bytes[..error.valid_up_to()]
                }
                // Something malformed before may hide a cut at the end.
                Err(_) if !is_all => &bytes[..last_whole(bytes)],
                _ => bytes,
            };
            String::from_utf8_lossy(whole).into_owned()
        }
        Encoding::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Encoding::Utf16Little => decode_wide(bytes, u16::from_le_bytes, is_all),
        Encoding::Utf16Big => decode_wide(bytes, u16::from_be_bytes, is_all),
    }
}

/// Where the last character of UTF-8 that is not cut ends.
fn last_whole(bytes: &[u8]) -> usize {
    // A character has four bytes at most.
    let from = bytes.len().saturating_sub(3);
    let first = (from..bytes.len()).rev().find(|at| bytes[*at] >= 0xc0);
    let Some(first) = first else {
        return bytes.len();
    };
    let length = match bytes[first] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    if first + length > bytes.len() {
        first
    } else {
        bytes.len()
    }
}

fn decode_wide(bytes: &[u8], number: fn([u8; 2]) -> u16, is_all: bool) -> String {
    let (units, rest) = bytes.as_chunks::<2>();
    let mut units: Vec<u16> = units.iter().map(|pair| number(*pair)).collect();
    // The first half of a pair may have its other half behind the cut.
    if !is_all
        && units
            .last()
            .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
    {
        units.pop();
    }
    let mut text = String::from_utf16_lossy(&units);
    if is_all && !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_told_by_its_mark_or_by_its_bytes() {
        let table: &[(&[u8], Option<Encoding>)] = &[
            (b"plain\n\ttext\r\n", Some(Encoding::Utf8)),
            ("olá, 日本".as_bytes(), Some(Encoding::Utf8)),
            (&"olá".as_bytes()[..3], Some(Encoding::Utf8)),
            (b"\xef\xbb\xbfa", Some(Encoding::Utf8Marked)),
            (b"\xff\xfea\0", Some(Encoding::Utf16Little)),
            (b"\xfe\xff\0a", Some(Encoding::Utf16Big)),
            (b"\xff\xfe\0\0a\0\0\0", None),
            (b"ol\xe1, caf\xe9 na esta\xe7\xe3o", Some(Encoding::Latin1)),
            (b"\xe1\xe9\xe7\xe3", None),
            (b"a \x85 b and much more of plain text", None),
            (b"a\0b", None),
            (b"\x1b[31mred\x1b[0m", Some(Encoding::Utf8)),
        ];
        for (bytes, encoding) in table {
            assert_eq!(encoding_of(bytes), *encoding, "{bytes:?}");
        }
    }

    #[test]
    fn texts_are_read_without_their_marks() {
        assert_eq!(decode(b"\xef\xbb\xbfa", Encoding::Utf8Marked, true), "a");
        assert_eq!(
            decode(b"\xff\xfea\0\xe1\0", Encoding::Utf16Little, true),
            "aá"
        );
        assert_eq!(
            decode(b"\xfe\xff\0a\xd8\x3d\xde\x00", Encoding::Utf16Big, true),
            "a😀"
        );
        assert_eq!(decode(b"caf\xe9", Encoding::Latin1, true), "café");
        assert_eq!(decode(b"a\xffb", Encoding::Utf8, true), "a\u{fffd}b");
        assert_eq!(decode(b"", Encoding::Utf8Marked, true), "");
    }

    #[test]
    fn a_beginning_has_no_half_characters() {
        let text = "a😀é\u{fffd}😀";
        for end in 0..text.len() {
            let shown = decode(&text.as_bytes()[..end], Encoding::Utf8, false);
            assert!(text.starts_with(&shown), "{end}: {shown}");
        }
        // The same behind something malformed.
        let mut bytes = b"\xff".to_vec();
        bytes.extend("aé".as_bytes());
        assert_eq!(decode(&bytes[..3], Encoding::Utf8, false), "\u{fffd}a");
        let wide: Vec<u8> = "a😀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xff\xfe".to_vec(), wide].concat();
        for (end, shown) in [(2, ""), (3, ""), (4, "a"), (6, "a"), (7, "a"), (8, "a😀")] {
            assert_eq!(
                decode(&marked[..end], Encoding::Utf16Little, false),
                shown,
                "{end}"
            );
        }
        assert_eq!(
            decode(&marked[..5], Encoding::Utf16Little, true),
            "a\u{fffd}"
        );
    }
}

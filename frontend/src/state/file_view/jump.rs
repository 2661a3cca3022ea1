//! Where a person wants to go in a file: a line, or an offset as programs print them.

/// The line's place from 0, of a number from 1; none where it is no number. A line beyond the last is the last.
pub fn line_of(text: &str, lines: usize) -> Option<usize> {
    let line: usize = text.trim().parse().ok()?;
    Some(line.saturating_sub(1).min(lines.saturating_sub(1)))
}

/// An offset: `4096`, `0x1000` or `1000h`; none where it is none. One beyond the end is the last byte's.
pub fn offset_of(text: &str, size_bytes: u64) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let hex = text.strip_prefix("0x").or_else(|| text.strip_suffix('h'));
    let offset = match hex {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(offset.min(size_bytes.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_offsets_are_read_as_people_write_them() {
        assert_eq!(line_of(" 12 ", 100), Some(11));
        assert_eq!(
            (line_of("0", 5), line_of("99", 5), line_of("1", 0)),
            (Some(0), Some(4), Some(0))
        );
        assert_eq!(
            (line_of("x", 5), line_of("-1", 5), line_of("", 5)),
            (None, None, None)
        );
        assert_eq!(offset_of("4096", 1 << 20), Some(4096));
        assert_eq!(offset_of("0x1F", 1 << 20), Some(31));
        assert_eq!(offset_of("1000h", 1 << 20), Some(4096));
        assert_eq!((offset_of("99", 10), offset_of("5", 0)), (Some(9), Some(0)));
        assert_eq!(
            (offset_of("0x", 9), offset_of("-1", 9), offset_of("ff", 9)),
            (None, None, None)
        );
    }
}

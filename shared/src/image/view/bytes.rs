//! Bytes for the eye: rows of sixteen, and where two runs of bytes differ.

use std::fmt::Write as _;

/// Bytes of a row.
pub const HEX_ROW_BYTES: usize = 16;

/// A row of bytes as `xxd` and `hexdump -C` lay it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexRow {
    /// Where its first byte lies.
    pub offset: u64,
    /// Two digits for each byte, in two groups of eight; as wide for a row that is not full.
    pub digits: String,
    /// The printable characters of ASCII, and `·` for all else.
    pub letters: String,
}

impl HexRow {
    /// A row of at most [`HEX_ROW_BYTES`]; what is more is left out.
    pub fn of(offset: u64, bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(HEX_ROW_BYTES)];
        let mut digits = String::with_capacity(3 * HEX_ROW_BYTES);
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                digits.push_str(if at == HEX_ROW_BYTES / 2 { "  " } else { " " });
            }
            // Writing to a String can't fail.
            let _ = write!(digits, "{byte:02x}");
        }
        let letter = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '·',
        };
        Self {
            offset,
            digits,
            letters: bytes.iter().map(letter).collect(),
        }
    }

    /// Its offset in digits, as many as the largest offset of the file needs, eight at least.
    pub fn place(&self, size_bytes: u64) -> String {
        let needed = (u64::BITS - size_bytes.leading_zeros()).div_ceil(4) as usize;
        format!("{:0width$x}", self.offset, width = needed.max(8))
    }
}

/// Where two runs of bytes differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BytesDifference {
    /// The first byte that differs, or that only one has; none where they are the same.
    pub first: Option<u64>,
    /// Bytes that differ in the part that both have.
    pub differing: u64,
    /// The rows that differ, from 0; the first of them.
    pub rows: Vec<u64>,
    /// Rows that differ in all.
    pub rows_count: u64,
}

/// Compares two runs of bytes; of the rows that differ, at most so many are named.
pub fn differ(one: &[u8], other: &[u8], rows_max: usize) -> BytesDifference {
    let mut found = BytesDifference::default();
    let length = one.len().max(other.len());
    for start in (0..length).step_by(HEX_ROW_BYTES) {
        let row = |bytes: &'_ [u8]| {
            let end = bytes.len().min(start + HEX_ROW_BYTES);
            start.min(end)..end
        };
        let (left, right) = (&one[row(one)], &other[row(other)]);
        if left == right {
            continue;
        }
        let differs = |(a, b): &(&u8, &u8)| a != b;
        found.differing += left.iter().zip(right).filter(differs).count() as u64;
        found.first = found.first.or_else(|| {
            let within = left.iter().zip(right).position(|(a, b)| a != b);
            Some((start + within.unwrap_or(left.len().min(right.len()))) as u64)
        });
        found.rows_count += 1;
        if found.rows.len() < rows_max {
            found.rows.push((start / HEX_ROW_BYTES) as u64);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_laid_out_as_by_hexdump() {
        let row = HexRow::of(0x10, b"\x7fELF\x02\x01\x01\0 ~\xe9\n01234567");
        assert_eq!(
            row.digits,
            "7f 45 4c 46 02 01 01 00  20 7e e9 0a 30 31 32 33"
        );
        assert_eq!(row.letters, "·ELF···· ~··0123");
        assert_eq!(row.place(100), "00000010");
        assert_eq!(row.place(1 << 36), "0000000010");
        let short = HexRow::of(u64::MAX, b"ab");
        assert_eq!((&*short.digits, &*short.letters), ("61 62", "ab"));
        assert_eq!(short.place(u64::MAX), "ffffffffffffffff");
        assert_eq!(HexRow::of(0, b"").digits, "");
    }

    #[test]
    fn a_difference_is_its_first_byte_and_its_rows() {
        let one: Vec<u8> = (0..100).collect();
        let mut other = one.clone();
        assert_eq!(differ(&one, &other, 9), BytesDifference::default());
        other[20] = 0;
        other[21] = 0;
        other[99] = 0;
        let found = differ(&one, &other, 9);
        assert_eq!((found.first, found.differing), (Some(20), 3));
        assert_eq!((&*found.rows, found.rows_count), (&[1, 6][..], 2));
        assert_eq!(differ(&one, &other, 1).rows, [1]);
        // What only one has differs from where the other ends.
        let found = differ(&one, &one[..40], 9);
        assert_eq!((found.first, found.differing), (Some(40), 0));
        assert_eq!(found.rows, [2, 3, 4, 5, 6]);
        assert_eq!(differ(b"", b"a", 9).first, Some(0));
        assert_eq!(differ(b"", b"", 9).first, None);
    }
}

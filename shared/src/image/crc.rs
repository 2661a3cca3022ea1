//! The CRC-32 of bytes that are not all read: of zeros it takes as long for a terabyte as for a few.
//!
//! A checksum is a remainder of polynomials over GF(2), so that appending zeros is a multiplication by a power of x (ISO-HDLC's
//! polynomial, bits reversed; the same sums as [`flate2::Crc`] gives).

/// The polynomial, its lowest power in the highest bit.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// x to the power of 0.
const ONE: u32 = 1 << 31;

/// The sum of some bytes after which so many zeros come.
pub(super) fn append_zeros(sum: u32, count: u64) -> u32 {
    match count {
        0 => sum,
        _ => !multiply(!sum, power_of_bytes(count)),
    }
}

/// The sum of some bytes after which others come: their sum, and how many they are.
pub(super) fn append(sum: u32, other: u32, count: u64) -> u32 {
    match sum {
        // As that of nothing.
        0 => other,
        _ => multiply(sum, power_of_bytes(count)) ^ other,
    }
}

/// x to the power of eight times this.
fn power_of_bytes(mut count: u64) -> u32 {
    // x to the 8th, and its square, and so on.
    let (mut result, mut square) = (ONE, ONE >> 8);
    while count > 0 {
        if count & 1 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        count >>= 1;
    }
    result
}

/// The product of two polynomials, modulo the polynomial.
fn multiply(one: u32, mut other: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        if one >> bit & 1 == 1 {
            product ^= other;
        }
        other = (other >> 1) ^ ((other & 1) * POLYNOMIAL);
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }

    #[test]
    fn zeros_count_as_if_they_were_read() {
        for (before, zeros) in [
            (&b""[..], 0),
            (b"", 1),
            (b"a", 513),
            (b"some bytes", 70_000),
        ] {
            let whole = [before, &vec![0; zeros]].concat();
            assert_eq!(
                append_zeros(sum(before), zeros as u64),
                sum(&whole),
                "{zeros}"
            );
        }
    }

    #[test]
    fn sums_join() {
        let (one, other) = (
            b"what comes first".as_slice(),
            b"and what follows".as_slice(),
        );
        let whole = [one, other].concat();
        assert_eq!(
            append(sum(one), sum(other), other.len() as u64),
            sum(&whole)
        );
        assert_eq!(append(sum(one), sum(b""), 0), sum(one));
    }

    #[test]
    fn a_hole_of_terabytes_takes_no_time() {
        let halves = append_zeros(append_zeros(7, 8 << 40), 8 << 40);
        assert_eq!(append_zeros(7, 16 << 40), halves);
    }
}

//! A layer that was read comes back from its bytes as it was; and any bytes with a right checksum are a layer or none.
#![no_main]

use estiva_shared::image::{LayerRead, Limits};
use libfuzzer_sys::fuzz_target;

/// CRC-32, bit by bit (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    let byte = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, byte)
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = LayerRead::read(bytes, &Limits::default()) {
        let written = read.to_bytes();
        let again = LayerRead::from_bytes(&written).expect("what was written can be read");
        assert_eq!(again.index(), read.index());
        assert_eq!(again.to_bytes(), written);
        // The same with what the input would have there.
        let mut changed = written;
        let at = bytes.len() % changed.len();
        let end = changed.len().min(at + bytes.len());
        changed[at..end].copy_from_slice(&bytes[..end - at]);
        seal(&mut changed);
        let _ = LayerRead::from_bytes(&changed);
    }
});

/// Writes the right checksum at the end.
fn seal(bytes: &mut [u8]) {
    if let Some((content, check)) = bytes.split_last_chunk_mut::<8>() {
        *check = u64::from(crc(content)).to_le_bytes();
    }
}

//! Any bytes are zstd frames or an error with a place: no panic, no more memory than a window, and the same bytes however
//! they are asked for.
#![no_main]

use std::io::Read;

use estiva_shared::image::ZstdReader;
use libfuzzer_sys::fuzz_target;

/// As much as is read of one input: a block of four bytes may stand for 128 KiB.
const BYTES_MAX: u64 = 16 << 20;

fn unpack(packed: &[u8], at_once: usize) -> Vec<u8> {
    let mut reader = ZstdReader::new(packed).take(BYTES_MAX);
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; at_once]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) | Err(_) => return bytes,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fuzz_target!(|packed: &[u8]| {
    assert!(unpack(packed, 1 << 16) == unpack(packed, 1000));
});

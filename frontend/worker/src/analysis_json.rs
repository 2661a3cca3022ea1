//! An analysis as JSON, written into a blob of the browser piece by piece: neither the worker's WebAssembly
//! nor the page's ever holds all of it, which may be a hundred times what is shown of it.

use std::io::{self, Write};

use estiva_shared::image::{ImageAnalysis, write_json};
use js_sys::{Array, Uint8Array};
use web_sys::{Blob, BlobPropertyBag};

/// How much is gathered before the browser takes it: calls are few, and the memory for it is small.
const PIECE_BYTES: usize = 1 << 20;

/// The JSON of these images, the same bytes as `estiva inspect --json` writes.
///
/// # Errors
/// If the browser has no room for it, in a sentence.
pub fn analysis_json(images: &[ImageAnalysis]) -> Result<Blob, String> {
    let mut pieces = Pieces::default();
    write_json(&mut pieces, images).map_err(|error| format!("can't write the JSON: {error}"))?;
    pieces.into_blob()
}

#[derive(Default)]
struct Pieces {
    gathered: Vec<u8>,
    handed_over: Array,
}

impl Pieces {
    fn hand_over(&mut self) {
        self.handed_over
            .push(&Uint8Array::from(self.gathered.as_slice()));
        self.gathered.clear();
    }

    fn into_blob(mut self) -> Result<Blob, String> {
        self.hand_over();
        let options = BlobPropertyBag::new();
        options.set_type("application/json");
        Blob::new_with_u8_array_sequence_and_options(&self.handed_over, &options)
            .map_err(|_| "expected room for the JSON, but the browser has none".to_owned())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE_BYTES {
            self.hand_over();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

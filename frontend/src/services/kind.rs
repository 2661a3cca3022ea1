//! What a dropped file is: an archive, a report's JSON or a Dockerfile. Its name and its first bytes tell.

use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::state::file_kind::{FileKind, LOOKED_AT_BYTES, kind_of};

/// Looks at a file's start. One that can't be read counts as an archive, whose reader says why.
pub async fn look(file: &File) -> FileKind {
    let start = start(file).await.unwrap_or_default();
    kind_of(&file.name(), file.size() as u64, &start)
}

async fn start(file: &File) -> Option<Vec<u8>> {
    let slice = file
        .slice_with_f64_and_f64(0.0, LOOKED_AT_BYTES as f64)
        .ok()?;
    let buffer = JsFuture::from(slice.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

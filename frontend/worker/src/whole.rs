//! A blob that is small enough to be held whole while it is read: the browser hands it out at once, and hashes it with the processor's
//! own instructions, beside this worker (Web Cryptography, "digest"), which it does for whole contents alone.

use std::io::{self, Read};

use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Crypto};

use super::archive::let_go;

/// Most bytes that all readers hold at a time. The browser makes a second copy to hash.
const HELD_BYTES_MAX: u64 = 96 << 20;

/// A blob in memory.
pub(super) struct Whole {
    buffer: ArrayBuffer,
    bytes: Uint8Array,
    digest: Promise,
}

impl Whole {
    /// Whether a blob of so many bytes may be held by one of so many readers.
    pub(super) fn fits(bytes: u64, readers: usize) -> bool {
        bytes <= HELD_BYTES_MAX / readers.max(1) as u64
    }

    /// Takes a blob, and has it hashed from now on; none where the browser does neither.
    pub(super) async fn of(blob: &Blob) -> Option<Self> {
        let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).ok()?;
        // A page that came over plain HTTP from another host has no such hashing.
        if Reflect::get(&crypto, &"subtle".into()).ok()?.is_undefined() {
            return None;
        }
        let crypto: Crypto = crypto.unchecked_into();
        let buffer = JsFuture::from(blob.array_buffer()).await.ok()?;
        let buffer: ArrayBuffer = buffer.unchecked_into();
        let subtle = crypto.subtle();
        let digest = subtle.digest_with_str_and_buffer_source("SHA-256", &buffer);
        Some(Self {
            bytes: Uint8Array::new(&buffer),
            buffer,
            digest: digest.ok()?.unchecked_into(),
        })
    }

    /// Its bytes, from the first to the last.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { whole: self, at: 0 }
    }

    /// The SHA-256 of it, once that is there; none where the browser could not hash.
    pub(super) async fn sha256(self) -> Option<[u8; 32]> {
        let hash = JsFuture::from(self.digest.clone()).await.ok()?;
        Uint8Array::new(&hash).to_vec().try_into().ok()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let_go(&self.buffer);
    }
}

/// Reads it.
pub(super) struct Reader<'w> {
    whole: &'w Whole,
    at: u32,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = u32::try_from(out.len()).unwrap_or(u32::MAX);
        let end = self.at.saturating_add(most).min(self.whole.bytes.length());
        let count = (end - self.at) as usize;
        let part = self.whole.bytes.subarray(self.at, end);
        part.copy_to(&mut out[..count]);
        self.at = end;
        Ok(count)
    }
}

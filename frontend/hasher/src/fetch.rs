//! A file that one worker reads ahead of another, and hashes on the way: the browser hands a file out piece by piece to whoever can wait
//! for promises, which a worker that is in the middle of reading can't.

use std::io::{self, Read};

use js_sys::{ArrayBuffer, SharedArrayBuffer, Uint8Array};
use sha2::{Digest as _, Sha256};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamByobReader, ReadableStreamReadResult};

use crate::ring::{HASH_BYTES, Next, Ring, State, Taker, Writer};

/// Bytes that may be on their way.
const RING_BYTES: u32 = 4 << 20;

/// Bytes that are asked of the browser at once.
const PIECE_BYTES: u32 = 1 << 20;

/// The reader's side: takes what comes, in order.
pub struct Fetching(Taker);

impl Default for Fetching {
    fn default() -> Self {
        Self(Taker::new(Ring::new(RING_BYTES), 0))
    }
}

impl Fetching {
    /// What is to be sent to the worker, with the file.
    #[must_use]
    pub fn memory(&self) -> &JsValue {
        self.0.ring.memory()
    }

    /// The hash of all that comes, for when it has come.
    #[must_use]
    pub fn fetched(&self) -> Fetched {
        Fetched(Ring::of(self.0.ring.memory()))
    }
}

impl Read for Fetching {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        match self.0.next() {
            Next::Bytes(count) => Ok(self.0.take(count, out)),
            Next::End => Ok(0),
            Next::Left | Next::Silence => Err(io::Error::other(
                "expected more of the file from beside, but nothing came",
            )),
        }
    }
}

/// The hash of what was fetched.
pub struct Fetched(Ring);

impl Fetched {
    /// It, where all was fetched.
    #[must_use]
    pub fn hash(&self) -> Option<[u8; HASH_BYTES]> {
        (self.0.state() == State::Ended).then(|| self.0.hash())
    }
}

/// The other side: reads a file from its start to its end into the ring.
pub async fn fetch(memory: &SharedArrayBuffer, file: &Blob) {
    let mut writer = Writer::new(Ring::of(memory), 0);
    let hash = pour(&mut writer, file).await;
    writer.end(match hash {
        Some(hash) => {
            writer.ring.put_hash(hash);
            State::Ended
        }
        None => State::Left,
    });
}

/// The hash of a file whose bytes went into the ring; none where the browser refuses to read on, or nobody takes them.
async fn pour(writer: &mut Writer, file: &Blob) -> Option<[u8; HASH_BYTES]> {
    let reader = ReadableStreamByobReader::new(&file.stream()).ok()?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES as usize];
    let mut buffer = ArrayBuffer::new(PIECE_BYTES);
    loop {
        // The same memory each time: it goes to the browser, and comes back with what was read.
        let view = Uint8Array::new(&buffer);
        let read = JsFuture::from(reader.read_with_array_buffer_view(&view)).await;
        let read: ReadableStreamReadResult = read.ok()?.unchecked_into();
        let bytes = read.get_value().dyn_into::<Uint8Array>().ok();
        if read.get_done() == Some(true) {
            return Some(hash.finalize().into());
        }
        let bytes = bytes?;
        let mut at = 0;
        while at < bytes.length() {
            let room = writer.room(bytes.length() - at)?;
            let part = bytes.subarray(at, at + room.length());
            room.set(&part, 0);
            writer.advance(room.length());
            // The reader has something to do meanwhile.
            let here = &mut piece[..part.length() as usize];
            part.copy_to(here);
            hash.update(here);
            at += room.length();
        }
        buffer = bytes.buffer().unchecked_into();
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use js_sys::Array;
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    fn blob(bytes: &[u8]) -> Blob {
        let parts = Array::of1(&Uint8Array::from(bytes));
        Blob::new_with_u8_array_sequence(&parts).expect("a file of bytes")
    }

    #[wasm_bindgen_test]
    async fn what_is_fetched_is_the_file_and_its_hash() {
        // As much as fits: both sides are this one worker, which can't wait for itself.
        for length in [0, 1, 70_000, RING_BYTES as usize] {
            let bytes: Vec<u8> = (0..=250u8).cycle().take(length).collect();
            let mut fetching = Fetching::default();
            let fetched = fetching.fetched();
            assert_eq!(fetched.hash(), None, "nothing was read yet");
            let memory = fetching.memory().clone().unchecked_into();
            fetch(&memory, &blob(&bytes)).await;
            let mut found = Vec::new();
            fetching.read_to_end(&mut found).expect("all of it");
            assert!(found == bytes, "{length} bytes");
            let expected: [u8; HASH_BYTES] = Sha256::digest(&bytes).into();
            assert_eq!(fetched.hash(), Some(expected), "{length} bytes");
        }
    }

    #[wasm_bindgen_test]
    fn a_file_that_breaks_off_is_an_error() {
        let mut fetching = Fetching::default();
        let fetched = fetching.fetched();
        let memory: SharedArrayBuffer = fetching.memory().clone().unchecked_into();
        drop(Writer::new(Ring::of(&memory), 0));
        let error = fetching.read(&mut [0; 10]).expect_err("nothing came");
        assert!(error.to_string().contains("nothing came"), "{error}");
        assert_eq!(fetched.hash(), None);
    }
}

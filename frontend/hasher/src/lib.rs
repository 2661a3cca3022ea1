//! What a worker of the page has others do meanwhile, each a worker of its own: hash what it reads, or read a file ahead of it and hash
//! that. Bytes go through a ring of memory that both share (`ring.rs`).
//!
//! Workers share memory only on a page that no other origin can look into (HTML Standard, "Cross-origin isolation"), as its
//! server's headers say. Without, the reader does it all by itself.

mod fetch;
mod ring;

use js_sys::SharedArrayBuffer;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;

pub use fetch::{Fetched, Fetching, fetch};
use ring::{HASH_BYTES, Next, Ring, State, Taker, Writer};

/// What the worker says once it hears.
pub const READY: &str = "ready";

/// The field of a message that holds the ring, where a file goes along.
pub const RING_FIELD: &str = "ring";

/// The field of a message that holds the file.
pub const FILE_FIELD: &str = "file";

/// Bytes that may be on their way: some milliseconds of hashing.
const RING_BYTES: u32 = 1 << 20;

/// Bytes that are taken out at once.
const PIECE_BYTES: usize = 64 << 10;

/// The reader's side: hands over what it read.
pub struct Feeder(Writer);

impl Default for Feeder {
    fn default() -> Self {
        Self(Writer::new(Ring::new(RING_BYTES), 0))
    }
}

impl Feeder {
    /// What is to be sent to the worker.
    #[must_use]
    pub fn memory(&self) -> &JsValue {
        self.0.ring.memory()
    }

    /// Hands over bytes, and waits while there is no room for them.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let most = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            // Where nobody takes them, there is no hash in the end.
            let Some(room) = self.0.room(most) else {
                return self.0.end(State::Left);
            };
            let (now, later) = bytes.split_at(room.length() as usize);
            room.copy_from(now);
            bytes = later;
            self.0.advance(room.length());
        }
    }

    /// The hash of all, once it is there; none where the worker fell over.
    #[must_use]
    pub fn finish(mut self) -> Option<[u8; HASH_BYTES]> {
        self.0.end(State::Ended);
        let ring = &self.0.ring;
        let is_there = ring.leaves(State::Ended) && ring.state() == State::Answered;
        is_there.then(|| ring.hash())
    }
}

/// The hasher's side: hashes what comes through the ring, until its end.
pub fn hash(memory: &SharedArrayBuffer) {
    hash_from(Taker::new(Ring::of(memory), 0));
}

fn hash_from(mut taker: Taker) {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match taker.next() {
            Next::Bytes(count) => {
                // There is room again before these are hashed.
                let taken = taker.take(count, &mut piece);
                hash.update(&piece[..taken]);
            }
            Next::End => break,
            Next::Left => return,
            // A reader that waits for its own bytes. Where it was ended, this worker is ended with it.
            Next::Silence => {}
        }
    }
    taker.ring.put_hash(hash.finalize().into());
    taker.ring.set_state(State::Answered);
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    // Only a worker may wait.
    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    /// The hash of bytes that all fit into the ring, by one worker that is both sides in turn.
    fn by_turns(pieces: &[&[u8]], written: u32) -> Option<[u8; HASH_BYTES]> {
        // As if so much had gone through before.
        let mut feeder = Feeder(Writer::new(Ring::new(RING_BYTES), written));
        feeder.0.ring.go_on_at(written);
        for piece in pieces {
            feeder.feed(piece);
        }
        feeder.0.end(State::Ended);
        hash_from(Taker::new(Ring::of(feeder.0.ring.memory()), written));
        feeder.finish()
    }

    #[wasm_bindgen_test]
    fn the_hash_is_that_of_all_bytes() {
        for pieces in [
            vec![],
            vec![&b"abc"[..]],
            vec![b"a", b"", b"bc"],
            vec![&[7; 100_000], &[8; 70_000]],
        ] {
            let expected: [u8; HASH_BYTES] = Sha256::digest(pieces.concat()).into();
            assert_eq!(by_turns(&pieces, 0), Some(expected));
        }
    }

    #[wasm_bindgen_test]
    fn the_ring_and_its_numbers_go_round() {
        let bytes: Vec<u8> = (0..=255u8).cycle().take(RING_BYTES as usize).collect();
        let expected: [u8; HASH_BYTES] = Sha256::digest(&bytes).into();
        for written in [1, RING_BYTES - 1, u32::MAX - 5] {
            assert_eq!(by_turns(&[&bytes], written), Some(expected), "{written}");
        }
    }

    #[wasm_bindgen_test]
    fn who_is_left_ends() {
        let feeder = Feeder::default();
        let memory = feeder.0.ring.memory().clone();
        drop(feeder);
        hash(&memory);
    }
}

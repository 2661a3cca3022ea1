//! SHA-256 of what one worker reads, computed by another one meanwhile: bytes go through a ring of memory that both share
//! (ECMAScript, "Shared Memory" and "Atomics"), in which the reader waits for room and the hasher for bytes.
//!
//! Workers share memory only on a page that no other origin can look into (HTML Standard, "Cross-origin isolation"), as its
//! server's headers say. Without, the reader hashes by itself.

use js_sys::{Atomics, Int32Array, SharedArrayBuffer, Uint8Array};
use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;

/// What the worker says once it hears.
pub const READY: &str = "ready";

/// Bytes that may be on their way: some milliseconds of hashing.
const RING_BYTES: u32 = 1 << 20;

/// Bytes before the ring: the numbers, then the hash.
const HEAD_BYTES: u32 = 64;

/// Where the hash is put.
const HASH_AT: u32 = 32;

/// Bytes of the hash.
const HASH_BYTES: usize = 32;

/// Bytes that are taken out at once.
const PIECE_BYTES: usize = 64 << 10;

/// Milliseconds without any progress after which the other side is taken for dead.
const PATIENCE_MS: f64 = 30_000.0;

/// Numbers at the beginning, by their places: bytes written and bytes read, each modulo 2^32.
const WRITTEN: u32 = 0;
const READ: u32 = 1;

/// What the writer wants: one of the states below.
const STATE: u32 = 2;

/// Grows with all that the writer does, so that none of it is missed by who waits.
const SIGNAL: u32 = 3;

/// More bytes come.
const GOES_ON: i32 = 0;

/// All bytes were written.
const ENDED: i32 = 1;

/// The writer has no use for the hash any more.
const LEFT: i32 = 2;

/// The hash is there.
const ANSWERED: i32 = 3;

/// Both sides' view of the memory.
struct Ring {
    numbers: Int32Array,
    bytes: Uint8Array,
}

impl Ring {
    fn of(memory: &SharedArrayBuffer) -> Self {
        Self {
            numbers: Int32Array::new(memory),
            bytes: Uint8Array::new(memory),
        }
    }

    // Places are constants within an array of whole numbers, which is all that these could be refused for.
    fn get(&self, place: u32) -> i32 {
        Atomics::load(&self.numbers, place).unwrap_or_default()
    }

    fn set(&self, place: u32, number: i32) {
        let _ = Atomics::store(&self.numbers, place, number);
        let _ = Atomics::notify(&self.numbers, place);
    }

    /// Waits until a number is another one; answers whether it is.
    fn wait(&self, place: u32, number: i32) -> bool {
        let waited = Atomics::wait_with_timeout(&self.numbers, place, number, PATIENCE_MS);
        waited.is_ok_and(|word| word != "timed-out")
    }

    /// The bytes in the ring from the one of this number on: those up to its end, at most so many.
    fn part(&self, number: u32, most: u32) -> Uint8Array {
        let start = HEAD_BYTES + number % RING_BYTES;
        let end = (start + most).min(HEAD_BYTES + RING_BYTES);
        self.bytes.subarray(start, end)
    }
}

/// The reader's side: hands over what it read.
pub struct Feeder {
    ring: Ring,
    memory: SharedArrayBuffer,
    written: u32,
    is_dead: bool,
    is_over: bool,
}

impl Default for Feeder {
    fn default() -> Self {
        let memory = SharedArrayBuffer::new(HEAD_BYTES + RING_BYTES);
        Self {
            ring: Ring::of(&memory),
            memory,
            written: 0,
            is_dead: false,
            is_over: false,
        }
    }
}

impl Feeder {
    /// What is to be sent to the worker.
    #[must_use]
    pub fn memory(&self) -> &JsValue {
        &self.memory
    }

    /// Hands over bytes, and waits while there is no room for them.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_dead {
            let read = self.ring.get(READ);
            let room = RING_BYTES - self.written.wrapping_sub(read.cast_unsigned());
            if room == 0 {
                self.is_dead = !self.ring.wait(READ, read);
                continue;
            }
            let most = room.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            let part = self.ring.part(self.written, most);
            let (now, later) = bytes.split_at(part.length() as usize);
            part.copy_from(now);
            bytes = later;
            self.written = self.written.wrapping_add(part.length());
            self.ring.set(WRITTEN, self.written.cast_signed());
            self.signal();
        }
    }

    /// The hash of all, once it is there; none where the worker fell over.
    #[must_use]
    pub fn finish(mut self) -> Option<[u8; HASH_BYTES]> {
        if !self.is_over {
            self.end(ENDED);
        }
        while !self.is_dead && self.ring.get(STATE) == ENDED {
            self.is_dead = !self.ring.wait(STATE, ENDED);
        }
        let mut hash = [0; HASH_BYTES];
        let place = HASH_AT..HASH_AT + HASH_BYTES as u32;
        self.ring
            .bytes
            .subarray(place.start, place.end)
            .copy_to(&mut hash);
        (!self.is_dead).then_some(hash)
    }

    fn end(&mut self, state: i32) {
        self.is_over = true;
        self.ring.set(STATE, state);
        self.signal();
    }

    fn signal(&self) {
        self.ring.set(SIGNAL, self.ring.get(SIGNAL).wrapping_add(1));
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(LEFT);
        }
    }
}

/// The hasher's side: hashes what comes through the ring, until its end.
pub fn hash(memory: &SharedArrayBuffer) {
    hash_from(memory, 0);
}

/// The same, where so many bytes went through before.
fn hash_from(memory: &SharedArrayBuffer, mut read: u32) {
    let ring = Ring::of(memory);
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let signal = ring.get(SIGNAL);
        // Asked before the bytes are counted: those that were written before the end are there.
        let state = ring.get(STATE);
        let count = ring.get(WRITTEN).cast_unsigned().wrapping_sub(read);
        match (count, state) {
            (_, LEFT) => return,
            (0, GOES_ON) => {
                // Where the writer was ended, this worker is ended with it.
                ring.wait(SIGNAL, signal);
            }
            (0, _) => break,
            (count, _) => {
                let part = ring.part(read, count.min(PIECE_BYTES as u32));
                let taken = &mut piece[..part.length() as usize];
                part.copy_to(taken);
                // There is room again before these are hashed.
                read = read.wrapping_add(part.length());
                ring.set(READ, read.cast_signed());
                hash.update(taken);
            }
        }
    }
    let hash: [u8; HASH_BYTES] = hash.finalize().into();
    let place = HASH_AT..HASH_AT + HASH_BYTES as u32;
    ring.bytes.subarray(place.start, place.end).copy_from(&hash);
    ring.set(STATE, ANSWERED);
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    // Only a worker may wait.
    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    /// The hash of bytes that all fit into the ring, by one worker that is both sides in turn.
    fn by_turns(pieces: &[&[u8]], written: u32) -> Option<[u8; HASH_BYTES]> {
        let mut feeder = Feeder::default();
        // As if so much had gone through before.
        feeder.written = written;
        for place in [WRITTEN, READ] {
            feeder.ring.set(place, written.cast_signed());
        }
        for piece in pieces {
            feeder.feed(piece);
        }
        feeder.end(ENDED);
        hash_from(&feeder.memory, written);
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
        let memory = feeder.memory.clone();
        drop(feeder);
        hash(&memory);
    }
}

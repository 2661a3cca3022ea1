//! Bytes from one worker to another through memory that both share (ECMAScript, "Shared Memory" and "Atomics"): one writes them into a
//! ring and waits for room, the other takes them out and waits for bytes. Beside them there is room for a hash.

use js_sys::{Atomics, Int32Array, SharedArrayBuffer, Uint8Array};

/// Bytes of a SHA-256.
pub(crate) const HASH_BYTES: usize = 32;

/// Bytes before the ring: the numbers, then the hash.
const HEAD_BYTES: u32 = 64;

/// Where the hash is put.
const HASH_AT: u32 = 32;

/// Milliseconds without any progress after which the other side is taken for dead.
const PATIENCE_MS: f64 = 30_000.0;

/// Numbers at the beginning, by their places: bytes written and bytes read, each modulo 2^32.
const WRITTEN: u32 = 0;
const READ: u32 = 1;

/// How it stands: one of the [`State`]s.
const STATE: u32 = 2;

/// Grows with all that the writer does, so that none of it is missed by who waits.
const SIGNAL: u32 = 3;

/// How it stands with a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum State {
    /// More bytes come.
    GoesOn = 0,
    /// All bytes were written.
    Ended = 1,
    /// The writer stopped before the end.
    Left = 2,
    /// The taker has put the hash there.
    Answered = 3,
}

impl State {
    fn of(number: i32) -> Self {
        match number {
            0 => Self::GoesOn,
            1 => Self::Ended,
            3 => Self::Answered,
            _ => Self::Left,
        }
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// So many bytes are there, one at least.
    Bytes(u32),
    /// There are no more.
    End,
    /// The writer stopped.
    Left,
    /// It did nothing for too long.
    Silence,
}

/// A side's view of the memory.
pub(crate) struct Ring {
    numbers: Int32Array,
    bytes: Uint8Array,
    /// Bytes of the ring, a power of two.
    size: u32,
    memory: SharedArrayBuffer,
}

impl Ring {
    /// A ring of so many bytes, a power of two.
    pub(crate) fn new(size: u32) -> Self {
        Self::of(&SharedArrayBuffer::new(HEAD_BYTES + size))
    }

    /// The ring in memory that the other side made.
    pub(crate) fn of(memory: &SharedArrayBuffer) -> Self {
        let bytes = Uint8Array::new(memory);
        Self {
            numbers: Int32Array::new(memory),
            size: bytes.length().saturating_sub(HEAD_BYTES).max(1),
            bytes,
            memory: memory.clone(),
        }
    }

    pub(crate) fn memory(&self) -> &SharedArrayBuffer {
        &self.memory
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

    /// As if so many bytes had gone through before.
    #[cfg(all(test, target_arch = "wasm32"))]
    pub(crate) fn go_on_at(&self, number: u32) {
        for place in [WRITTEN, READ] {
            self.set(place, number.cast_signed());
        }
    }

    pub(crate) fn state(&self) -> State {
        State::of(self.get(STATE))
    }

    pub(crate) fn set_state(&self, state: State) {
        self.set(STATE, state as i32);
    }

    /// Waits while it stands so; answers whether it stands otherwise now.
    pub(crate) fn leaves(&self, state: State) -> bool {
        self.state() != state || self.wait(STATE, state as i32)
    }

    /// The bytes in the ring from the one of this number on: those up to its end, at most so many.
    fn part(&self, number: u32, most: u32) -> Uint8Array {
        let start = HEAD_BYTES + number % self.size;
        let end = (start + most).min(HEAD_BYTES + self.size);
        self.bytes.subarray(start, end)
    }

    fn hash_place(&self) -> Uint8Array {
        self.bytes.subarray(HASH_AT, HASH_AT + HASH_BYTES as u32)
    }

    pub(crate) fn put_hash(&self, hash: [u8; HASH_BYTES]) {
        self.hash_place().copy_from(&hash);
    }

    pub(crate) fn hash(&self) -> [u8; HASH_BYTES] {
        let mut hash = [0; HASH_BYTES];
        self.hash_place().copy_to(&mut hash);
        hash
    }
}

/// The side that writes.
pub(crate) struct Writer {
    pub(crate) ring: Ring,
    written: u32,
    is_over: bool,
}

impl Writer {
    /// A writer that begins at the byte of this number.
    pub(crate) fn new(ring: Ring, written: u32) -> Self {
        Self {
            ring,
            written,
            is_over: false,
        }
    }

    /// Room for at most so many bytes, once there is any; none where nobody takes them.
    pub(crate) fn room(&self, most: u32) -> Option<Uint8Array> {
        loop {
            let read = self.ring.get(READ);
            let taken = self.written.wrapping_sub(read.cast_unsigned());
            let room = self.ring.size.saturating_sub(taken);
            if room > 0 {
                return Some(self.ring.part(self.written, room.min(most)));
            }
            if !self.ring.wait(READ, read) {
                return None;
            }
        }
    }

    /// So many bytes were put there.
    pub(crate) fn advance(&mut self, count: u32) {
        self.written = self.written.wrapping_add(count);
        self.ring.set(WRITTEN, self.written.cast_signed());
        self.signal();
    }

    /// Nothing more is written.
    pub(crate) fn end(&mut self, state: State) {
        if !self.is_over {
            self.is_over = true;
            self.ring.set_state(state);
            self.signal();
        }
    }

    fn signal(&self) {
        let signal = self.ring.get(SIGNAL);
        self.ring.set(SIGNAL, signal.wrapping_add(1));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end(State::Left);
    }
}

/// The side that takes.
pub(crate) struct Taker {
    pub(crate) ring: Ring,
    read: u32,
}

impl Taker {
    /// A taker that begins at the byte of this number.
    pub(crate) fn new(ring: Ring, read: u32) -> Self {
        Self { ring, read }
    }

    /// Waits for what comes.
    pub(crate) fn next(&self) -> Next {
        loop {
            let signal = self.ring.get(SIGNAL);
            // Asked before the bytes are counted: those that were written before the end are there.
            let state = self.ring.state();
            let written = self.ring.get(WRITTEN).cast_unsigned();
            match (written.wrapping_sub(self.read), state) {
                (_, State::Left) => return Next::Left,
                (0, State::GoesOn) => {
                    if !self.ring.wait(SIGNAL, signal) {
                        return Next::Silence;
                    }
                }
                (0, _) => return Next::End,
                (count, _) => return Next::Bytes(count),
            }
        }
    }

    /// Takes bytes that are there, as many as fit and lie together; answers how many.
    pub(crate) fn take(&mut self, count: u32, out: &mut [u8]) -> usize {
        let most = u32::try_from(out.len()).unwrap_or(u32::MAX).min(count);
        let part = self.ring.part(self.read, most);
        let taken = part.length();
        part.copy_to(&mut out[..taken as usize]);
        self.read = self.read.wrapping_add(taken);
        self.ring.set(READ, self.read.cast_signed());
        taken as usize
    }
}

//! SHA-256 of what a reader hands out, beside the reading where that is much.
//!
//! Inflating and hashing take about equally long, and neither needs the other. So from [`BESIDE_FROM`] bytes on a thread of
//! its own hashes each buffer while the next is filled; buffers go round between the two, so that memory stays bounded. In
//! the browser, where a worker has no threads, another worker may do it ([`HashBeside`]). Where there is none, nor a thread, the
//! bytes are hashed in place.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

/// From so many bytes on a thread is worth its start (some 30 µs): hashing this takes 2 ms.
const BESIDE_FROM: u64 = 4 << 20;

/// Buffers that go round: one is filled, one is hashed, and one waits so that neither side does.
#[cfg(not(target_arch = "wasm32"))]
const BUFFERS_MAX: usize = 4;

/// Somebody beside the reader who computes the SHA-256 of what is read.
pub trait HashBeside {
    /// Hands over the next bytes. It may wait until there is room for them, so that memory stays bounded.
    fn update(&mut self, bytes: &[u8]);

    /// The hash of all that was handed over, once it is there; none where whoever computes it fell over.
    fn finish(self: Box<Self>) -> Option<[u8; 32]>;
}

/// Who hashes a layer beside its reader, where anybody does.
#[derive(Default)]
pub struct HashersBeside {
    /// Its blob; of a layer that is not compressed, its tar is this.
    pub blob: Option<Box<dyn HashBeside>>,
    /// Its tar.
    pub tar: Option<Box<dyn HashBeside>>,
}

/// A hash that is fed.
pub(super) enum Hashing {
    /// In place.
    Here(Sha256),
    /// By a thread.
    Beside(beside::Hasher),
    /// By somebody whom the reader was given.
    By(Box<dyn HashBeside>),
}

impl Hashing {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        Self::Here(Sha256::new())
    }

    /// Feeds a part of a buffer that stays with the caller.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Here(hash) => hash.update(bytes),
            Self::Beside(hasher) => hasher.feed(bytes.to_vec(), 0..bytes.len()),
            Self::By(hasher) => hasher.update(bytes),
        }
    }

    /// Feeds a part of a buffer that the caller has no more use for, and gives back one of the same length. `before` is how
    /// many bytes were fed so far.
    pub(super) fn take(&mut self, buffer: &mut Vec<u8>, part: Range<usize>, before: u64) {
        if part.is_empty() {
            return;
        }
        if before >= BESIDE_FROM
            && let Self::Here(hash) = self
            && let Some(hasher) = beside::Hasher::start(hash.clone())
        {
            *self = Self::Beside(hasher);
        }
        if let Self::Beside(hasher) = self {
            let next = hasher.spare(buffer.len());
            return hasher.feed(std::mem::replace(buffer, next), part);
        }
        self.update(&buffer[part]);
    }

    /// The hash of all that was fed; none where somebody else should have computed it, and fell over.
    pub(super) fn finish(self) -> Option<[u8; 32]> {
        match self {
            Self::Here(hash) => Some(hash.finalize().into()),
            Self::Beside(hasher) => Some(hasher.finish().finalize().into()),
            Self::By(hasher) => hasher.finish(),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod beside {
    use std::ops::Range;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::{Builder, JoinHandle};

    use sha2::{Digest as _, Sha256};

    /// A thread that hashes what it is sent. It ends when its hasher is finished or dropped.
    pub(in super::super) struct Hasher {
        full: Sender<(Vec<u8>, Range<usize>)>,
        empty: Receiver<Vec<u8>>,
        made: usize,
        thread: JoinHandle<Sha256>,
    }

    impl Hasher {
        /// Goes on from `hash`; none where the host gives no thread.
        pub(super) fn start(mut hash: Sha256) -> Option<Self> {
            let (full, to_hash) = channel::<(Vec<u8>, Range<usize>)>();
            let (done, empty) = channel();
            let work = move || {
                for (buffer, part) in to_hash {
                    hash.update(&buffer[part]);
                    // Nobody takes the last ones.
                    let _ = done.send(buffer);
                }
                hash
            };
            let thread = Builder::new().name("sha256".to_owned()).spawn(work).ok()?;
            Some(Self {
                full,
                empty,
                made: 1,
                thread,
            })
        }

        /// A buffer of this length: a new one while few go round, then one that is hashed, which is waited for.
        pub(super) fn spare(&mut self, length: usize) -> Vec<u8> {
            let hashed = if self.made < super::BUFFERS_MAX {
                self.empty.try_recv().ok()
            } else {
                self.empty.recv().ok()
            };
            // Copies of small parts come back too.
            hashed
                .filter(|buffer| buffer.len() == length)
                .unwrap_or_else(|| {
                    self.made += 1;
                    vec![0; length]
                })
        }

        pub(super) fn feed(&mut self, buffer: Vec<u8>, part: Range<usize>) {
            self.full
                .send((buffer, part))
                .expect("the thread takes buffers until this end is dropped");
        }

        pub(super) fn finish(self) -> Sha256 {
            drop(self.full);
            self.thread
                .join()
                .expect("hashing takes any bytes, and its ranges were checked by the reader")
        }
    }
}

/// Where there are no threads there is no hasher, and so nothing to do with one.
#[cfg(target_arch = "wasm32")]
mod beside {
    use std::ops::Range;

    use sha2::Sha256;

    pub(in super::super) enum Hasher {}

    impl Hasher {
        pub(super) fn start(_: Sha256) -> Option<Self> {
            None
        }

        pub(super) fn spare(&mut self, _: usize) -> Vec<u8> {
            match *self {}
        }

        pub(super) fn feed(&mut self, _: Vec<u8>, _: Range<usize>) {
            match *self {}
        }

        pub(super) fn finish(self) -> Sha256 {
            match self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_same_by_whichever_way_the_bytes_come() {
        let bytes: Vec<u8> = (0..=255u8).cycle().take(9 << 20).collect();
        let expected: [u8; 32] = Sha256::digest(&bytes).into();
        let mut hashing = Hashing::new();
        let mut buffer = vec![0; 100_000];
        let mut fed = 0;
        for (number, piece) in bytes.chunks(70_000).enumerate() {
            if number % 7 == 3 {
                hashing.update(piece);
            } else {
                buffer[5..5 + piece.len()].copy_from_slice(piece);
                hashing.take(&mut buffer, 5..5 + piece.len(), fed);
                assert_eq!(buffer.len(), 100_000);
            }
            fed += piece.len() as u64;
        }
        #[cfg(not(target_arch = "wasm32"))]
        assert!(matches!(hashing, Hashing::Beside(_)));
        assert_eq!(hashing.finish(), Some(expected));
    }

    #[test]
    fn somebody_else_is_handed_all_of_it_in_order() {
        struct Other(Sha256);
        impl HashBeside for Other {
            fn update(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }
            fn finish(self: Box<Self>) -> Option<[u8; 32]> {
                Some(self.0.finalize().into())
            }
        }
        let bytes: Vec<u8> = (0..=255u8).cycle().take(9 << 20).collect();
        let mut hashing = Hashing::By(Box::new(Other(Sha256::new())));
        let mut fed = 0;
        for piece in bytes.chunks(100_000) {
            hashing.take(&mut piece.to_vec(), 0..piece.len(), fed);
            fed += piece.len() as u64;
        }
        assert_eq!(hashing.finish(), Some(Sha256::digest(&bytes).into()));
    }

    #[test]
    fn a_hash_that_nobody_finishes_ends_with_its_reader() {
        let mut hashing = Hashing::new();
        let mut buffer = vec![0; 1 << 20];
        for _ in 0..8 {
            hashing.take(&mut buffer, 0..1 << 20, BESIDE_FROM);
        }
        drop(hashing);
    }
}

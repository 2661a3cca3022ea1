//! Digests: the names of content. Three newtypes, because a blob's digest, a layer's diff ID and a chain ID are all
//! written alike and must not be mixed up (OCI image specification, "Descriptor" and "Layer DiffID / ChainID").
//!
//! Only SHA-256 is accepted: it is the one algorithm that every implementation must know, and the store's paths rest on it.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hashing::{HashBeside, Hashing};

/// Hexadecimal digits of a SHA-256.
const HEX_LENGTH: usize = 64;

/// What every accepted digest begins with.
const PREFIX: &str = "sha256:";

/// Bytes that [`DigestReader`] takes at once: large enough that a read's fixed cost vanishes beside hashing, small enough
/// to stay in the second-level cache between being written by the inflater and read by the hash.
const BUFFER_BYTES: usize = 128 * 1024;

/// Most bytes that [`DigestReader::peek`] looks ahead: a tar header and more.
const PEEK_BYTES_MAX: usize = 4096;

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// It does not begin with an algorithm that is known here.
    #[error("expected a digest that begins with sha256:, but found {found:?}")]
    Algorithm {
        /// The text's start.
        found: String,
    },
    /// The rest is not 64 lower-case hexadecimal digits.
    #[error("expected 64 lower-case hexadecimal digits after sha256:, but found {found:?}")]
    Hex {
        /// The text after the colon, its start.
        found: String,
    },
}

/// The digest of a blob: `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest that is this SHA-256.
    #[must_use]
    pub(super) fn from_sha256(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// The 64 hexadecimal digits, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut text = String::with_capacity(HEX_LENGTH);
        for byte in self.0 {
            text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        }
        text
    }

    /// The digest whose hexadecimal digits these are.
    ///
    /// # Errors
    /// [`DigestError::Hex`] where they are not 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, DigestError> {
        let wrong = || DigestError::Hex {
            found: hex.chars().take(HEX_LENGTH + 1).collect(),
        };
        if hex.len() != HEX_LENGTH {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let high = nibble(pair[0]).ok_or_else(wrong)?;
            let low = nibble(pair[1]).ok_or_else(wrong)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }

    /// The first 12 hexadecimal digits, as people are shown them. Not unique.
    #[must_use]
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(12);
        hex
    }
}

/// The value of one lower-case hexadecimal digit.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let Some(hex) = text.strip_prefix(PREFIX) else {
            return Err(DigestError::Algorithm {
                found: text.chars().take(16).collect(),
            });
        };
        Self::from_hex(hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The digest of a layer's uncompressed tar, as the image config lists it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(Digest);

impl DiffId {
    /// The diff ID of a layer whose uncompressed tar has this digest.
    #[must_use]
    pub fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest of the uncompressed tar.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }

    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.hex()
    }
}

/// The name of a stack of layers: what a snapshot of them can be found by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(Digest);

impl ChainId {
    /// The chain ID of layers, lowest first; none for no layer.
    ///
    /// `ChainID(L0) = DiffID(L0)`, `ChainID(L0|…|Ln) = Digest(ChainID(L0|…|Ln-1) + " " + DiffID(Ln))`.
    #[must_use]
    pub fn of(diff_ids: &[DiffId]) -> Option<Self> {
        let (first, rest) = diff_ids.split_first()?;
        let chain = rest.iter().fold(first.0, |below, diff_id| {
            Digest::of(format!("{below} {diff_id}").as_bytes())
        });
        Some(Self(chain))
    }

    /// The chain's digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

/// `FromStr`, `Display` and `Debug` of the newtypes are the digest's own.
macro_rules! written_as_digest {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, out)
            }
        }
    };
}

written_as_digest!(DiffId);
written_as_digest!(ChainId);

/// Hashes what is written through it.
pub struct DigestWriter<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> DigestWriter<W> {
    /// A writer that passes everything on to `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The inner writer, the digest of all that went through, and how many bytes that was.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest(self.hash.finalize().into()), self.bytes)
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hashes what is read through it, in large pieces, and hands it out buffered.
pub struct DigestReader<R> {
    inner: R,
    hash: Hashing,
    buffer: Vec<u8>,
    /// The buffer's bytes before this are hashed.
    hashed: usize,
    start: usize,
    end: usize,
    /// Bytes taken from `inner`.
    taken: u64,
}

impl<R: Read> DigestReader<R> {
    /// A reader of all that `inner` gives.
    pub fn new(inner: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES];
        Self {
            inner,
            hash: Hashing::new(),
            buffer,
            hashed: 0,
            start: 0,
            end: 0,
            taken: 0,
        }
    }

    /// Has somebody else hash the bytes. To be said before any was handed out.
    pub(super) fn hash_by(&mut self, hasher: Box<dyn HashBeside>) {
        self.hash = Hashing::By(hasher);
    }

    /// Bytes handed out so far: the offset of the next.
    pub fn position(&self) -> u64 {
        self.taken - (self.end - self.start) as u64
    }

    /// The next bytes without taking them: `count` of them (at most 4096), fewer only at the end.
    ///
    /// # Errors
    /// What the inner reader answers.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(PEEK_BYTES_MAX);
        if self.buffer.len() - self.start < count {
            self.hash.update(&self.buffer[self.hashed..self.end]);
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.hashed = self.end;
            self.start = 0;
        }
        while self.end - self.start < count && self.fill_more()? > 0 {}
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Takes bytes from the inner reader into the buffer's free end.
    fn fill_more(&mut self) -> io::Result<usize> {
        let count = loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.taken += count as u64;
        self.end += count;
        Ok(count)
    }

    /// Hashes what the buffer holds and makes it empty. All of it was handed out.
    fn hand_over(&mut self) {
        let part = self.hashed..self.end;
        let before = self.taken - part.len() as u64;
        self.hash.take(&mut self.buffer, part, before);
        (self.hashed, self.start, self.end) = (0, 0, 0);
    }

    /// Reads to the end, so that the digest is of everything.
    ///
    /// # Errors
    /// What the inner reader answers.
    pub fn drain(&mut self) -> io::Result<()> {
        while !self.fill_buf()?.is_empty() {
            self.start = self.end;
        }
        Ok(())
    }

    /// The inner reader, the digest of all that was taken from it, and how many bytes that was.
    pub fn finish(self) -> (R, Digest, u64) {
        let (inner, digest, taken) = self.finish_beside();
        let digest = digest.expect("only a hasher that was given can fall over");
        (inner, digest, taken)
    }

    /// The same, with no digest where whoever should have computed it fell over.
    pub(super) fn finish_beside(mut self) -> (R, Option<Digest>, u64) {
        self.hand_over();
        (self.inner, self.hash.finish().map(Digest), self.taken)
    }

    /// The inner reader.
    pub fn inner_mut(&mut self) -> &mut R {
        &mut self.inner
    }
}

impl<R: Read> BufRead for DigestReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.hand_over();
            self.fill_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

impl<R: Read> Read for DigestReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digest_of_nothing_is_the_known_one() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(Digest::of(b"").short(), "e3b0c44298fc");
    }

    #[test]
    fn rejects_what_is_no_digest() {
        let upper = EMPTY.to_uppercase().replace("SHA256", "sha256");
        let long = format!("{EMPTY}0");
        let other = EMPTY.replace("sha256", "sha512");
        let accented = format!("sha256:{}", "é".repeat(32));
        for bad in [
            "",
            "sha256:",
            "sha256",
            &EMPTY[7..],
            &EMPTY[..70],
            &upper,
            &long,
            &other,
            &accented,
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
            assert!(
                serde_json::from_value::<Digest>(bad.into()).is_err(),
                "{bad}"
            );
            assert!(
                serde_json::from_value::<DiffId>(bad.into()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn chain_of_one_layer_is_its_diff_id_and_longer_ones_follow_the_formula() {
        let lower = DiffId::new(Digest::of(b"lower"));
        let upper = DiffId::new(Digest::of(b"upper"));
        assert_eq!(ChainId::of(&[]), None);
        assert_eq!(ChainId::of(&[lower]).unwrap().digest(), lower.digest());
        let expected = Digest::of(format!("{lower} {upper}").as_bytes());
        assert_eq!(ChainId::of(&[lower, upper]).unwrap().digest(), &expected);
    }

    #[test]
    fn reader_and_writer_hash_what_passes() {
        let bytes = vec![7; 3 * BUFFER_BYTES + 11];
        let mut reader = DigestReader::new(&bytes[..]);
        let mut start = [0; 100];
        reader.read_exact(&mut start).unwrap();
        assert_eq!(reader.position(), 100);
        reader.drain().unwrap();
        let (_, digest, count) = reader.finish();
        assert_eq!((digest, count), (Digest::of(&bytes), bytes.len() as u64));

        let mut writer = DigestWriter::new(Vec::new());
        writer.write_all(&bytes).unwrap();
        let (copy, digest, count) = writer.finish();
        assert_eq!((digest, count), (Digest::of(&bytes), copy.len() as u64));
    }

    #[test]
    fn peeking_takes_nothing() {
        let bytes: Vec<u8> = (0..=255).cycle().take(BUFFER_BYTES + 100).collect();
        let mut reader = DigestReader::new(&bytes[..]);
        assert_eq!(reader.peek(4).unwrap(), &bytes[..4]);
        let mut most = vec![0; BUFFER_BYTES - 10];
        reader.read_exact(&mut most).unwrap();
        assert_eq!(
            reader.peek(50).unwrap(),
            &bytes[BUFFER_BYTES - 10..BUFFER_BYTES + 40]
        );
        assert_eq!(reader.peek(4000).unwrap().len(), 110);
        assert_eq!(reader.position(), BUFFER_BYTES as u64 - 10);
        reader.drain().unwrap();
        assert_eq!(reader.finish().1, Digest::of(&bytes));
    }
}

//! A blob's plain bytes, whatever it is compressed with: one place that knows which decoder a [`Compression`] needs.

use std::io::{self, BufRead, Read};

use super::Compression;
use super::access::Recorder;
use super::gzip::GzipReader;
use super::zstd::ZstdReader;

/// A reader of what a blob holds.
pub struct Inflating<R>(Kind<R>);

enum Kind<R> {
    Plain(R),
    Gzip(Box<GzipReader<R>>),
    Zstd(Box<ZstdReader<R>>),
}

impl<R: BufRead> Inflating<R> {
    /// Reads `source` as its first bytes say that it lies; none for a compression that is only named
    /// ([`Compression::unpack_with`]).
    pub fn new(source: R, compression: Compression) -> Option<Self> {
        Self::recording(source, compression, None)
    }

    /// As [`Self::new`], noting where the stream can be entered.
    pub(super) fn recording(
        source: R,
        compression: Compression,
        recorder: Option<Recorder>,
    ) -> Option<Self> {
        Some(Self(match compression {
            Compression::None => Kind::Plain(source),
            Compression::Gzip => Kind::Gzip(Box::new(GzipReader::new(source, recorder))),
            Compression::Zstd => Kind::Zstd(Box::new(ZstdReader::new(source).recording(recorder))),
            Compression::Xz | Compression::Bzip2 => return None,
        }))
    }

    /// The recorder, with what it noted; none where none was given, or where the bytes lie plainly.
    pub(super) fn into_recorder(self) -> Option<Recorder> {
        match self.0 {
            Kind::Plain(_) => None,
            Kind::Gzip(reader) => reader.into_recorder(),
            Kind::Zstd(reader) => reader.into_recorder(),
        }
    }
}

impl<R: BufRead> Read for Inflating<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(reader) => reader.read(out),
            Kind::Gzip(reader) => reader.read(out),
            Kind::Zstd(reader) => reader.read(out),
        }
    }
}

//! A blob's plain bytes, whatever it is compressed with: one place that knows which decoder a [`Compression`] needs.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use super::Compression;
use super::zstd::ZstdReader;

/// A reader of what a blob holds.
pub struct Inflating<R>(Kind<R>);

enum Kind<R> {
    Plain(R),
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(Box<ZstdReader<R>>),
}

impl<R: BufRead> Inflating<R> {
    /// Reads `source` as its first bytes say that it lies; none for a compression that is only named
    /// ([`Compression::unpack_with`]).
    pub fn new(source: R, compression: Compression) -> Option<Self> {
        Some(Self(match compression {
            Compression::None => Kind::Plain(source),
            Compression::Gzip => Kind::Gzip(Box::new(MultiGzDecoder::new(source))),
            Compression::Zstd => Kind::Zstd(Box::new(ZstdReader::new(source))),
            Compression::Xz | Compression::Bzip2 => return None,
        }))
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

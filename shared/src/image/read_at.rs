//! Random access to bytes that lie elsewhere: a file on the server, a `File` object in the browser, a buffer in a test.
//!
//! A trait of our own, because `shared` does no I/O and the browser's files have neither a cursor nor `std::fs`.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a known length that can be read from any offset.
pub trait ReadAt {
    /// The length, in bytes.
    fn size(&self) -> u64;

    /// Reads some bytes from `offset` on into `buf`; how many tells the answer, 0 at the end.
    ///
    /// # Errors
    /// What the source answers.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
}

/// Reads bytes from an offset on until `out` is full.
///
/// # Errors
/// A source that fails, or ends before.
pub(super) fn fill<R: ReadAt + ?Sized>(source: &R, start: u64, out: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < out.len() {
        match source.read_at(start + filled as u64, &mut out[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(())
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let count = buf.len().min(self.len() - start);
        buf[..count].copy_from_slice(&self[start..start + count]);
        Ok(count)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Box<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for std::rc::Rc<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }
}

/// A range of a [`ReadAt`], as one of its own.
pub(super) struct Range<T> {
    source: T,
    start: u64,
    length: u64,
}

impl<T: ReadAt> Range<T> {
    /// `length` bytes from `start` on; what lies past the source's end is not there.
    pub(super) fn new(source: T, start: u64, length: u64) -> Self {
        let length = length.min(source.size().saturating_sub(start));
        Self {
            source,
            start,
            length,
        }
    }
}

impl<T: ReadAt> ReadAt for Range<T> {
    fn size(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let count = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        self.source.read_at(self.start + offset, &mut buf[..count])
    }
}

/// A cursor over a range of a [`ReadAt`].
pub struct Window<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    length: u64,
    position: u64,
}

impl<'a> Window<'a> {
    /// A cursor over all of `source`.
    pub fn whole(source: &'a dyn ReadAt) -> Self {
        Self::new(source, 0, source.size())
    }

    /// A cursor over `length` bytes from `start` on; what lies past the source's end reads as the end.
    pub fn new(source: &'a dyn ReadAt, start: u64, length: u64) -> Self {
        let length = length.min(source.size().saturating_sub(start));
        Self {
            source,
            start,
            length,
            position: 0,
        }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        let read = self
            .source
            .read_at(self.start + self.position, &mut out[..count])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// A reader that fails with [`io::ErrorKind::FileTooLarge`] where more than a limit comes through: what stands between a
/// decompressor and a bomb.
pub struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Capped<R> {
    /// Lets `limit` bytes through.
    pub fn new(inner: R, limit: u64) -> Self {
        Self { inner, left: limit }
    }

    /// The reader below.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::from(io::ErrorKind::FileTooLarge)),
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_reads_its_range_and_no_more() {
        let bytes = b"0123456789".to_vec();
        let mut text = String::new();
        Window::new(&bytes, 3, 4).read_to_string(&mut text).unwrap();
        assert_eq!(text, "3456");
        text.clear();
        Window::new(&bytes, 8, 100)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "89");
        text.clear();
        Window::new(&bytes, u64::MAX, 100)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "");
    }

    #[test]
    fn capped_reader_lets_its_limit_through_and_no_more() {
        let mut all = Vec::new();
        assert_eq!(
            Capped::new(&b"0123"[..], 4).read_to_end(&mut all).unwrap(),
            4
        );
        let error = Capped::new(io::repeat(0), 1000)
            .read_to_end(&mut all)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn window_past_its_end_reads_as_the_end() {
        let bytes = b"0123".to_vec();
        let mut window = Window::whole(&bytes);
        assert_eq!(window.seek(SeekFrom::Current(9)).unwrap(), 9);
        assert_eq!(window.read(&mut [0; 4]).unwrap(), 0);
        assert!(window.seek(SeekFrom::Current(-10)).is_err());
    }
}

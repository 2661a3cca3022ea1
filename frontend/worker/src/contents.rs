//! The worker's part in files' contents: it reads them where the archive lies, by the index that the first pass left.

use std::io::{self, Write};
use std::rc::Rc;

use estiva_shared::image::{self, ContentIndex, Download, LayerSpan, ReadAt as _, Subject};
use web_sys::Blob;

use super::archive::FileAt;
use super::folder::FolderAt;
use super::program::{Reader, failed};
use super::{Answer, CONTENT_BYTES_MAX};

/// Bytes of one piece of a download.
const PIECE_BYTES: usize = 1 << 20;

/// What was dropped, kept for as long as its images are open.
pub(super) enum Source {
    /// A file.
    Archive(FileAt),
    /// A folder.
    Folder(FolderAt),
}

impl Source {
    pub(super) fn subject(&self) -> Subject<'_> {
        match self {
            Self::Archive(archive) => Subject::Archive(archive),
            Self::Folder(folder) => Subject::Folder(folder),
        }
    }

    /// A layer's bytes as the browser has them.
    pub(super) fn layer(&self, span: &LayerSpan) -> Option<Blob> {
        match (self, span.offset) {
            (Self::Archive(archive), Some(offset)) => archive.part(offset, span.size_bytes),
            (Self::Folder(folder), None) => folder.file(&span.member),
            _ => None,
        }
    }
}

/// What was dropped, with the index of its contents.
pub(super) struct Opened {
    pub(super) source: Rc<Source>,
    pub(super) contents: ContentIndex,
}

impl Reader {
    /// A part of a file's content, as it is after a layer or in the finished image.
    pub fn content(
        &self,
        id: u64,
        image: usize,
        (layer, path): (Option<usize>, &str),
        start: u64,
        length: u64,
    ) -> Answer {
        let (opened, analysis) = match self.opened(image) {
            Ok(opened) => opened,
            Err(error) => return failed(id, error),
        };
        let subject = opened.source.subject();
        let file = match opened
            .contents
            .open(subject, (image, analysis), layer, path)
        {
            Ok(file) => file,
            Err(error) => return failed(id, error),
        };
        let bytes = match file.part(start, length.min(CONTENT_BYTES_MAX)) {
            Ok(bytes) => bytes,
            Err(error) => return failed(id, error),
        };
        Answer::Content {
            id,
            layer: file.layer,
            size_bytes: file.size(),
            start,
            bytes,
        }
    }

    /// What each layer does to a path.
    pub fn versions(&self, id: u64, image: usize, path: &str) -> Answer {
        match self.images().get(image) {
            Some(analysis) => Answer::Versions {
                id,
                versions: image::versions(analysis, path),
            },
            None => failed(id, "expected an image that is open, but it was closed"),
        }
    }

    /// All of a file, or a folder as a tar, in pieces.
    pub fn download(
        &self,
        id: u64,
        image: usize,
        (layer, path): (Option<usize>, &str),
        answer: &mut dyn FnMut(Answer),
    ) {
        let (opened, analysis) = match self.opened(image) {
            Ok(opened) => opened,
            Err(error) => return answer(failed(id, error)),
        };
        let mut pieces = Pieces {
            id,
            bytes: Vec::with_capacity(PIECE_BYTES),
            answer,
        };
        let what = Download {
            image,
            analysis,
            layer,
            path,
        };
        let subject = opened.source.subject();
        match opened.contents.download(subject, what, &mut pieces) {
            Ok(()) => pieces.send(true),
            Err(error) => (pieces.answer)(failed(id, error)),
        }
    }
}

/// Sends what is written to it in pieces.
struct Pieces<'a> {
    id: u64,
    bytes: Vec<u8>,
    answer: &'a mut dyn FnMut(Answer),
}

impl Pieces<'_> {
    fn send(&mut self, last: bool) {
        (self.answer)(Answer::Piece {
            id: self.id,
            last,
            bytes: std::mem::take(&mut self.bytes),
        });
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() >= PIECE_BYTES {
            self.send(false);
        }
        let room = PIECE_BYTES - self.bytes.len();
        let count = room.min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

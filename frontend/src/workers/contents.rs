//! The worker's part in files' contents: it reads them where the archive lies, by the index that the first pass left.

use super::program::{Reader, failed};
use super::{Answer, CONTENT_BYTES_MAX};

impl Reader {
    /// A part of a file's content, as it is after a layer or in the finished image.
    pub fn content(
        &self,
        id: u64,
        _image: usize,
        _place: (Option<usize>, &str),
        _start: u64,
        length: u64,
    ) -> Answer {
        let _ = length.min(CONTENT_BYTES_MAX);
        failed(id, "the files' contents are not here")
    }

    /// What each layer does to a path.
    pub fn versions(&self, id: u64, image: usize, path: &str) -> Answer {
        match self.images().get(image) {
            Some(analysis) => Answer::Versions {
                id,
                versions: estiva_shared::image::versions(analysis, path),
            },
            None => failed(id, "expected an image that is open, but it was closed"),
        }
    }

    /// All of a file, or a folder as a tar, in pieces.
    pub fn download(
        &self,
        id: u64,
        _image: usize,
        _place: (Option<usize>, &str),
        answer: &mut dyn FnMut(Answer),
    ) {
        answer(failed(id, "the files' contents are not here"));
    }
}

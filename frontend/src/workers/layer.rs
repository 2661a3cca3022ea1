//! One layer, read for the worker that has the archive.

use std::io::{self, Read};

use estiva_shared::image::{LayerRead, Limits, ReadAt as _, Window};
use web_sys::Blob;

use super::Answer;
use super::archive::FileAt;
use super::hands::HANDS_MAX;
use super::program::{PROGRESS_BYTES, failed};

/// Reads a layer, telling how far it is.
pub(super) fn read(id: u64, layer: &Blob, answer: &mut dyn FnMut(Answer)) {
    let read = match FileAt::open(layer.clone()) {
        Ok(blob) => {
            let mut tell = |done_bytes| {
                answer(Answer::Progress {
                    id,
                    done_bytes,
                    total_bytes: blob.size(),
                });
            };
            let told = Told::new(Window::whole(&blob), &mut tell);
            let limits = Limits::default().shared_by(HANDS_MAX);
            let read = LayerRead::read(told, &limits).map_err(|error| error.to_string());
            // It would be read again, within what is left for it.
            read.and_then(|read| match read.is_cut() {
                true => Err("expected a smaller layer".to_owned()),
                false => Ok(read),
            })
        }
        Err(error) => Err(error.to_string()),
    };
    answer(match read {
        Ok(read) => Answer::Layer {
            id,
            bytes: read.to_bytes(),
        },
        Err(message) => failed(id, message),
    });
}

/// A reader that tells how far it is.
pub(super) struct Told<'t, R> {
    inner: R,
    done_bytes: u64,
    told_bytes: u64,
    tell: &'t mut dyn FnMut(u64),
}

impl<'t, R> Told<'t, R> {
    pub(super) fn new(inner: R, tell: &'t mut dyn FnMut(u64)) -> Self {
        Self {
            inner,
            done_bytes: 0,
            told_bytes: 0,
            tell,
        }
    }
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.done_bytes += count as u64;
        if self.done_bytes >= self.told_bytes + PROGRESS_BYTES || count == 0 {
            self.told_bytes = self.done_bytes;
            (self.tell)(self.done_bytes);
        }
        Ok(count)
    }
}

//! One layer, read for the worker that has the archive.

use std::io::{self, Read};

use estiva_shared::image::{LayerRead, Limits, Window};
use web_sys::Blob;

use super::Answer;
use super::archive::FileAt;
use super::beside::{BESIDE_BYTES_MIN, Beside};
use super::hands::HANDS_MAX;
use super::program::{PROGRESS_BYTES, failed};

/// Reads a layer as one of so many, telling how far it is.
pub(super) async fn read(id: u64, layer: Blob, readers: usize, answer: impl Fn(Answer)) {
    let total_bytes = layer.size() as u64;
    let beside = match total_bytes < BESIDE_BYTES_MIN {
        true => None,
        false => Beside::start(readers).await,
    };
    let mut tell = |done_bytes| {
        answer(Answer::Progress {
            id,
            done_bytes,
            total_bytes,
        });
    };
    let limits = Limits::default().shared_by(HANDS_MAX);
    let read = read_whole(layer, &limits, beside.as_ref(), &mut tell);
    answer(match read {
        Ok(read) => Answer::Layer {
            id,
            bytes: read.to_bytes(),
        },
        Err(message) => failed(id, message),
    });
}

/// Reads a layer to its end, all of it or nothing, telling how many bytes were read.
///
/// # Errors
/// Where it can't be read, or is larger than the limits let it be, in a sentence.
pub(super) fn read_whole(
    layer: Blob,
    limits: &Limits,
    beside: Option<&Beside>,
    tell: &mut dyn FnMut(u64),
) -> Result<LayerRead, String> {
    let read = match beside.and_then(|beside| beside.read(&layer)) {
        Some((fetching, hashers)) => {
            LayerRead::read_beside(Told::new(fetching, tell), limits, hashers)
        }
        None => {
            let blob = FileAt::open(layer).map_err(|error| error.to_string())?;
            LayerRead::read(Told::new(Window::whole(&blob), tell), limits)
        }
    };
    let read = read.map_err(|error| error.to_string())?;
    // It would be read again, within what is left for it.
    match read.is_cut() {
        true => Err("expected a smaller layer".to_owned()),
        false => Ok(read),
    }
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

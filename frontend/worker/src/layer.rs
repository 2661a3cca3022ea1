//! One layer, read for the worker that has the archive.

use std::io::{self, Read};

use estiva_shared::image::{LayerError, LayerRead, Limits, Window};
use web_sys::Blob;

use super::Answer;
use super::archive::FileAt;
use super::beside::{BESIDE_BYTES_MIN, Beside};
use super::hands::HANDS_MAX;
use super::program::{PROGRESS_BYTES, failed};
use super::whole::Whole;

/// Reads a layer as one of so many, telling how far it is.
pub(super) async fn read(id: u64, layer: Blob, readers: usize, answer: impl Fn(Answer)) {
    let total_bytes = layer.size() as u64;
    let mut tell = |done_bytes| {
        answer(Answer::Progress {
            id,
            done_bytes,
            total_bytes,
        });
    };
    let limits = Limits::default().shared_by(HANDS_MAX);
    let read = read_whole(layer, readers, &limits, &mut tell).await;
    answer(match read {
        Ok(read) => Answer::Layer {
            id,
            bytes: read.to_bytes(),
        },
        Err(message) => failed(id, message),
    });
}

/// Reads a layer to its end as one of so many, all of it or nothing, telling how many bytes were read. Others hash it meanwhile, and
/// read it ahead, where that can be.
///
/// # Errors
/// Where it can't be read, or is larger than the limits let it be, in a sentence.
pub(super) async fn read_whole(
    layer: Blob,
    readers: usize,
    limits: &Limits,
    tell: &mut dyn FnMut(u64),
) -> Result<LayerRead, String> {
    let size_bytes = layer.size() as u64;
    let fits = Whole::fits(size_bytes, readers);
    let beginning = match size_bytes < BESIDE_BYTES_MIN {
        true => None,
        false => Beside::begin(readers, !fits),
    };
    let whole = match fits {
        true => Whole::of(&layer).await,
        false => None,
    };
    let beside = match beginning {
        Some(beginning) => beginning.ready().await,
        None => None,
    };
    let text = |error: LayerError| error.to_string();
    let read = if let Some(whole) = whole {
        let tar = beside.as_ref().and_then(Beside::hash);
        let told = Told::new(whole.reader(), tell);
        let read = LayerRead::read_undigested(told, limits, tar).map_err(text)?;
        let sha256 = whole.sha256().await;
        read.with_sha256(sha256.ok_or("expected the browser to hash it, but it did not")?)
    } else if let Some((fetching, hashers)) = beside.as_ref().and_then(|it| it.read(&layer)) {
        LayerRead::read_beside(Told::new(fetching, tell), limits, hashers).map_err(text)?
    } else {
        let blob = FileAt::open(layer).map_err(|error| error.to_string())?;
        LayerRead::read(Told::new(Window::whole(&blob), tell), limits).map_err(text)?
    };
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

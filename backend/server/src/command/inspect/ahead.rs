//! Layers read side by side: each by a thread of its own, as many at once as there are processors.
//!
//! The largest are begun with, so that none of them is left for the end. What a thread can't read is left to the pass over the
//! archive, which says why.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::{cmp, thread};

use estiva_shared::image::{Folder as _, LayerRead, LayerSpan, Limits, ReadAt as _, Window};

use super::subject::Source;

/// Layers of fewer bytes in all are read in some milliseconds by one thread.
const BYTES_MIN: u64 = 4 << 20;

/// Bytes between two words of how far a thread is.
const STEP_BYTES: u64 = 1 << 20;

/// How a layer is read: with or without where its files lie.
pub(super) type Reading = fn(&mut dyn Read, &Limits) -> Option<LayerRead>;

/// Reads layers; `advance` is told of bytes that were dealt with, and answers whether to go on.
pub(super) fn read(
    source: &Source,
    reading: Reading,
    places: &[LayerSpan],
    advance: &mut dyn FnMut(u64) -> bool,
) -> Vec<Option<LayerRead>> {
    let mut read: Vec<Option<LayerRead>> = places.iter().map(|_| None).collect();
    let bytes: u64 = places.iter().map(|place| place.size_bytes).sum();
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(places.len()));
    if threads < 2 || bytes < BYTES_MIN {
        return read;
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|number| cmp::Reverse(places[*number].size_bytes));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(&mut read);
    thread::scope(|scope| {
        let (sender, told) = channel();
        for _ in 0..threads {
            let (sender, order, next, done) = (sender.clone(), &order, &next, &done);
            scope.spawn(move || {
                while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let layer = read_one(source, reading, &places[*number], &sender);
                    if let (Some(layer), Ok(mut done)) = (layer, done.lock()) {
                        done[*number] = Some(layer);
                    }
                }
            });
        }
        drop(sender);
        // It ends with the threads. Where nobody wants to go on, they end at their next word.
        for bytes in told {
            if !advance(bytes) {
                break;
            }
        }
    });
    read
}

fn read_one(
    source: &Source,
    reading: Reading,
    place: &LayerSpan,
    sender: &Sender<u64>,
) -> Option<LayerRead> {
    let limits = Limits::default();
    match (source, place.offset) {
        (Source::Archive(archive), Some(offset)) => {
            let window = Window::new(archive, offset, place.size_bytes);
            reading(&mut Told::new(window, sender), &limits)
        }
        (Source::Folder(folder), None) => {
            let file = folder.open(&place.member).ok()??;
            let window = Window::new(&*file, 0, file.size());
            reading(&mut Told::new(window, sender), &limits)
        }
        _ => None,
    }
}

/// A reader whose bytes are told, and which fails once nobody hears it any more.
struct Told<'s, R> {
    inner: R,
    sender: &'s Sender<u64>,
    untold: u64,
}

impl<'s, R> Told<'s, R> {
    fn new(inner: R, sender: &'s Sender<u64>) -> Self {
        Self {
            inner,
            sender,
            untold: 0,
        }
    }
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.untold += count as u64;
        if self.untold >= STEP_BYTES || count == 0 {
            let bytes = std::mem::take(&mut self.untold);
            let told = self.sender.send(bytes);
            told.map_err(|_| io::Error::other("nobody waits for it any more"))?;
        }
        Ok(count)
    }
}

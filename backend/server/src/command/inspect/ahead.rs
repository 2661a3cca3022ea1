//! Layers read side by side: each by a thread of its own, as many at once as there are processors.
//!
//! The largest are begun with, so that none of them is left for the end. What a thread can't read is left to the pass over the
//! archive, which says why. Together the threads keep no more than one would: each has its part of the limits, and what is
//! beyond them is not read ahead.

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
    let done = Mutex::new(Kept {
        read: &mut read,
        left: Limits::default(),
    });
    let limits = Limits::default().shared_by(threads);
    thread::scope(|scope| {
        let (sender, told) = channel();
        for _ in 0..threads {
            let (sender, order, next, done) = (sender.clone(), &order, &next, &done);
            scope.spawn(move || {
                while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let told = (&places[*number], &sender);
                    let layer = read_one(source, reading, told, &limits);
                    let layer = layer.filter(|layer| !layer.is_cut());
                    if let (Some(layer), Ok(mut done)) = (layer, done.lock())
                        && !done.keep(*number, layer)
                    {
                        return;
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

/// What was read, and what is left of the limits for the rest.
struct Kept<'r> {
    read: &'r mut Vec<Option<LayerRead>>,
    left: Limits,
}

impl Kept<'_> {
    /// Keeps a layer, where there is room for it; answers whether there was.
    fn keep(&mut self, number: usize, layer: LayerRead) -> bool {
        let (entries, name_bytes) = layer.needs();
        let left = (
            self.left.entries.checked_sub(entries),
            self.left.name_bytes.checked_sub(name_bytes),
        );
        let (Some(entries), Some(name_bytes)) = left else {
            return false;
        };
        (self.left.entries, self.left.name_bytes) = (entries, name_bytes);
        self.read[number] = Some(layer);
        true
    }
}

fn read_one(
    source: &Source,
    reading: Reading,
    (place, sender): (&LayerSpan, &Sender<u64>),
    limits: &Limits,
) -> Option<LayerRead> {
    match (source, place.offset) {
        (Source::Archive(archive), Some(offset)) => {
            let window = Window::new(archive, offset, place.size_bytes);
            reading(&mut Told::new(window, sender), limits)
        }
        (Source::Folder(folder), None) => {
            let file = folder.open(&place.member).ok()??;
            let window = Window::new(&*file, 0, file.size());
            reading(&mut Told::new(window, sender), limits)
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

//! Counts what was read and asks now and then whether to go on.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Seek, SeekFrom};

use super::Progress;

/// Bytes between two calls of the progress function: some milliseconds of work.
const STEP_BYTES: u64 = 1 << 20;

/// Text of the error that a cancelled reading ends with; it never reaches the caller.
const CANCELLED: &str = "cancelled";

/// The progress function, its counter and whether it asked to stop.
pub(super) struct Meter<'p> {
    progress: RefCell<&'p mut dyn FnMut(Progress) -> bool>,
    done_bytes: Cell<u64>,
    reported_bytes: Cell<u64>,
    total_bytes: Cell<u64>,
    cancelled: Cell<bool>,
}

impl<'p> Meter<'p> {
    pub(super) fn new(progress: &'p mut dyn FnMut(Progress) -> bool, total_bytes: u64) -> Self {
        Self {
            progress: RefCell::new(progress),
            done_bytes: Cell::new(0),
            reported_bytes: Cell::new(0),
            total_bytes: Cell::new(total_bytes),
            cancelled: Cell::new(false),
        }
    }

    /// Says how many bytes will be read in all, where that was not known at the start.
    pub(super) fn expect(&self, total_bytes: u64) {
        self.total_bytes.set(total_bytes);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Reports how far it is where no bytes are read, and answers whether to go on.
    pub(super) fn goes_on(&self) -> bool {
        self.report(self.done_bytes.get().min(self.total_bytes.get()));
        !self.is_cancelled()
    }

    /// Counts bytes that were read elsewhere, and answers whether to go on.
    pub(super) fn count(&self, bytes: u64) -> bool {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.add(bytes).is_ok()
    }

    /// Counts bytes; fails once the caller asked to stop.
    fn add(&self, bytes: usize) -> io::Result<()> {
        let done = self.done_bytes.get().saturating_add(bytes as u64);
        self.done_bytes.set(done);
        if done - self.reported_bytes.get() >= STEP_BYTES {
            self.reported_bytes.set(done);
            self.report(done.min(self.total_bytes.get()));
        }
        if self.is_cancelled() {
            Err(io::Error::other(CANCELLED))
        } else {
            Ok(())
        }
    }

    /// The last report: everything was dealt with.
    pub(super) fn finish(&self) {
        self.report(self.total_bytes.get());
    }

    fn report(&self, done_bytes: u64) {
        let goes_on = (self.progress.borrow_mut())(Progress {
            done_bytes,
            total_bytes: self.total_bytes.get(),
        });
        if !goes_on {
            self.cancelled.set(true);
        }
    }
}

/// A reader whose bytes count.
pub(super) struct Metered<'m, 'p, R> {
    inner: R,
    meter: &'m Meter<'p>,
}

impl<'m, 'p, R> Metered<'m, 'p, R> {
    pub(super) fn new(inner: R, meter: &'m Meter<'p>) -> Self {
        Self { inner, meter }
    }
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.meter.add(count)?;
        Ok(count)
    }
}

impl<R: Seek> Seek for Metered<'_, '_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

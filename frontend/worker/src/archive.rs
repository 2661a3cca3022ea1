//! A file of the browser as [`ReadAt`]: slices are read synchronously, which only a worker may do.

use std::cell::RefCell;
use std::io;

use estiva_shared::image::ReadAt;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::{Blob, FileReaderSync, MessageChannel};

/// Bytes read at once where a file is read on. A call into the browser costs about as much as reading a megabyte, so fewer and larger are
/// better; beyond a few megabytes nothing more is gained.
const WINDOW_BYTES_MAX: u64 = 4 << 20;

/// Bytes read at once where one begins to read: often a few are wanted of many places.
const WINDOW_BYTES_MIN: u64 = 64 << 10;

/// The next part is so many times as long as the last one, where it is read on.
const WINDOW_GROWTH: u64 = 4;

/// A file, with the part of it that was read last.
pub struct FileAt {
    file: Blob,
    reader: FileReaderSync,
    size: u64,
    window: RefCell<Window>,
}

#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// How many bytes are read next, from there on.
    fn next_bytes(&self, start: u64) -> u64 {
        let is_read_on = !self.bytes.is_empty() && start == self.end();
        match is_read_on {
            true => (self.bytes.len() as u64 * WINDOW_GROWTH).min(WINDOW_BYTES_MAX),
            false => WINDOW_BYTES_MIN,
        }
    }
}

impl FileAt {
    /// Opens a file.
    ///
    /// # Errors
    /// Where the browser has no synchronous reader, as outside a worker.
    pub fn open(file: impl Into<Blob>) -> io::Result<FileAt> {
        let file = file.into();
        let reader = FileReaderSync::new().map_err(|_| {
            io::Error::other("expected a worker with FileReaderSync, but the browser has none here")
        })?;
        // A file's size is a whole number below 2^53.
        let size = file.size() as u64;
        Ok(FileAt {
            file,
            reader,
            size,
            window: RefCell::default(),
        })
    }

    /// A part of it, for another worker; none where the browser refuses.
    pub(super) fn part(&self, offset: u64, size: u64) -> Option<Blob> {
        let end = offset.saturating_add(size);
        let part = self.file.slice_with_f64_and_f64(offset as f64, end as f64);
        part.ok()
    }

    /// Puts what there is from `start` on into a window.
    fn load(&self, start: u64, window: &mut Window) -> io::Result<()> {
        let end = start
            .saturating_add(window.next_bytes(start))
            .min(self.size);
        // The file may have been removed or changed since it was dropped: then the browser refuses to read it.
        let gone = |_| {
            io::Error::other(
                "the browser can't read this file any more: it was changed or removed since it was chosen",
            )
        };
        let slice = self
            .file
            .slice_with_f64_and_f64(start as f64, end as f64)
            .map_err(gone)?;
        let buffer = self.reader.read_as_array_buffer(&slice).map_err(gone)?;
        let bytes = Uint8Array::new(&buffer);
        // The same place in memory each time.
        window.bytes.resize(bytes.length() as usize, 0);
        bytes.copy_to(&mut window.bytes);
        window.start = start;
        let_go(&buffer);
        Ok(())
    }
}

/// Gives memory back that the browser would hold on to until it sees fit, half a gigabyte later: it goes along with a message that
/// nobody will hear.
pub(super) fn let_go(buffer: &ArrayBuffer) {
    let Ok(channel) = MessageChannel::new() else {
        return;
    };
    let (sender, receiver) = (channel.port1(), channel.port2());
    // Where it is refused, the browser lets go of it later.
    let _ = sender.post_message_with_transferable(&JsValue::NULL, &Array::of1(buffer));
    sender.close();
    receiver.close();
}

impl ReadAt for FileAt {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset >= self.size || buf.is_empty() {
            return Ok(0);
        }
        let mut window = self.window.borrow_mut();
        let holds = (window.start..window.end()).contains(&offset);
        if !holds {
            self.load(offset, &mut window)?;
        }
        let from = (offset - window.start) as usize;
        let rest = window.bytes.get(from..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

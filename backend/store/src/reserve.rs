//! Room kept back on the disk. SQLite needs some to write at all, to remove rows too: on a disk that is full to its last
//! block, nobody could open the store or remove an image to make room. A file holds that room and is given up for it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::layout::Layout;

/// Bytes kept back: what a removal writes to the log, with its index in shared memory, several times over.
const RESERVE_BYTES: u64 = 1 << 20;

/// Keeps room back, where there is any. Without it the store works as well, until the disk is full.
pub(crate) fn keep(layout: &Layout) {
    let path = path(layout);
    if path.exists() {
        return;
    }
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let kept =
        file.is_ok_and(|file| fallocate(file, FallocateFlags::empty(), 0, RESERVE_BYTES).is_ok());
    if !kept {
        give_up(layout);
    }
}

/// Gives the room up.
pub(crate) fn give_up(layout: &Layout) {
    // Nothing depends on it: what failed for want of room fails again, and says so.
    let _ = fs::remove_file(path(layout));
}

/// While it lives, a disk that is full has the reserve's room.
#[must_use = "the room is there only while this lives"]
pub(crate) struct Room<'a> {
    layout: &'a Layout,
}

/// Makes room for a removal, where there is little.
pub(crate) fn make_room(layout: &Layout) -> Room<'_> {
    let is_short = statvfs(layout.root())
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < RESERVE_BYTES);
    if is_short {
        give_up(layout);
    }
    Room { layout }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        keep(self.layout);
    }
}

fn path(layout: &Layout) -> PathBuf {
    layout.root().join("reserve")
}

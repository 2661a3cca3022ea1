//! Makes the container's root file system the root, and leaves the host's behind.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chdir, fchdir, pivot_root};

use super::InitError;

/// Pivots into `root`, an opened mount. `chroot` would not do: with CAP_SYS_CHROOT a process leaves it again, and the
/// host's mounts would still be there.
pub(super) fn into(root: BorrowedFd<'_>) -> Result<(), InitError> {
    let pivot = || -> io::Result<()> {
        fchdir(root)?;
        // Both the same: the old root is stacked on the new one (man 2 pivot_root), so that no folder is needed for it.
        pivot_root(".", ".")?;
        // "." is the old root, and with it go all mounts of the host.
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")?;
        Ok(())
    };
    pivot().map_err(InitError::PivotRoot)
}

//! Hides and protects what of `/proc` and `/sys` is the host's. After the pivot: the paths are the container's.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat};
use rustix::mount::MountAttrFlags;

use super::InitError;
use super::mounts::{attach, cloned, detached, location};
use crate::order::Container;
use crate::sys;

/// Puts an empty, read-only folder over each hidden folder and the null device over each hidden file.
pub(super) fn hide_all(paths: &[PathBuf], null: &OwnedFd) -> Result<(), InitError> {
    let root = root().map_err(|source| InitError::Mask {
        path: PathBuf::from("/"),
        source,
    })?;
    let mut empty = None;
    for path in paths {
        let hidden = hide(root.as_fd(), path, null, &mut empty);
        hidden.map_err(|source| InitError::Mask {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

fn hide(
    root: BorrowedFd<'_>,
    path: &Path,
    null: &OwnedFd,
    empty: &mut Option<OwnedFd>,
) -> io::Result<()> {
    // Kernels differ in what they have.
    let Some(target) = location(root, path)? else {
        return Ok(());
    };
    let nothing = Path::new("");
    if FileType::from_raw_mode(fstat(&target)?.st_mode) != FileType::Directory {
        return attach(&cloned(null.as_fd(), nothing, false)?, &target);
    }
    // One empty file system for all of them: once it is mounted, it can be mounted again.
    let cover = match empty {
        Some(empty) => cloned(empty.as_fd(), nothing, false)?,
        None => {
            let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
                | MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOEXEC;
            detached(
                "tmpfs",
                &[("size", Some("4k")), ("nr_inodes", Some("1"))],
                attributes,
            )?
        }
    };
    attach(&cover, &target)?;
    empty.get_or_insert(cover);
    Ok(())
}

/// Mounts each read-only path over itself, read-only; and makes the root read-only if the spec says so.
pub(super) fn make_readonly(container: &Container) -> Result<(), InitError> {
    let failed = |path: &Path, source| InitError::Readonly {
        path: path.to_owned(),
        source,
    };
    let root = root().map_err(|source| failed(Path::new("/"), source))?;
    for path in &container.readonly_paths {
        protect(root.as_fd(), path).map_err(|source| failed(path, source))?;
    }
    if container.readonly_root {
        // Of this mount alone: /dev and the binds keep what they have.
        sys::set_mount_attributes(root.as_fd(), libc::MOUNT_ATTR_RDONLY, false)
            .map_err(|source| failed(Path::new("/"), source))?;
    }
    Ok(())
}

fn protect(root: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let Some(target) = location(root, path)? else {
        return Ok(());
    };
    let copy = cloned(target.as_fd(), Path::new(""), true)?;
    sys::set_mount_attributes(copy.as_fd(), libc::MOUNT_ATTR_RDONLY, true)?;
    attach(&copy, &target)
}

fn root() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(
        "/",
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

//! A folder that stands for a root: every path is resolved in it, however its links lead.
//!
//! openat2(2) with `RESOLVE_IN_ROOT` does in the kernel what a chroot would: absolute links begin at this root, `..` stops
//! at it, and no race can lead out (the reason for it: CVE-2017-1002101, CVE-2018-15664 and their kind).

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, openat2, statat};
use rustix::io::Errno;

/// How every path is resolved. Magic links, such as `/proc/self/exe`, lead anywhere and are never followed.
const RESOLVE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// An opened root.
#[derive(Debug)]
pub(crate) struct Root {
    folder: OwnedFd,
}

impl Root {
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { folder })
    }

    /// A folder that is open already, or a detached mount's root.
    pub(crate) fn of(folder: OwnedFd) -> Self {
        Self { folder }
    }

    /// Opens a folder to read it, wherever the links of the tree lead.
    pub(crate) fn follow_to_folder(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_with(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// The root folder itself.
    pub(crate) fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    /// Opens a folder to name entries in it; links are followed.
    pub(crate) fn open_parent(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_with(path, OFlags::PATH | OFlags::DIRECTORY)
    }

    /// Opens a folder to change it; the last name isn't followed where it is a link.
    pub(crate) fn open_folder(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_with(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)
    }

    fn open_with(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { b"." } else { path };
        openat2(
            &self.folder,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            RESOLVE,
        )
    }
}

/// What stands under a name of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Nothing,
    Folder,
    /// What overlayfs reads as "gone".
    Whiteout,
    /// Anything else.
    Other,
}

/// Looks a name up, without following it.
pub(crate) fn standing(folder: impl AsFd, name: &[u8]) -> Result<Standing, Errno> {
    let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Standing::Nothing),
        Err(error) => return Err(error),
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Standing::Folder,
        FileType::CharacterDevice if stat.st_rdev == 0 => Standing::Whiteout,
        _ => Standing::Other,
    })
}

//! One entry of a folder: what it is and all of its metadata that a layer keeps.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT, major, minor,
    openat, readlinkat, statat, utimensat,
};
use rustix::io::Errno;

use super::xattr::{self, Xattr};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Symlink {
        target: Vec<u8>,
    },
    CharDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
    /// No part of any layer.
    Socket,
}

/// An entry's metadata.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Permission bits, with set-id and sticky bits.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whole seconds: a layer's tar has no more.
    pub(crate) mtime: i64,
    /// A file's bytes; 0 for all else.
    pub(crate) size: u64,
    pub(crate) xattrs: Vec<Xattr>,
    /// overlayfs's own attributes, by name.
    pub(crate) overlay_xattrs: Vec<String>,
    /// Which inode it is, and how many names that has.
    pub(crate) inode: (u64, u64),
    pub(crate) links: u64,
}

impl Node {
    /// Reads an entry of a folder. Files and folders come opened for reading; nothing else is ever opened, as opening a
    /// device or a fifo does something.
    pub(crate) fn read(
        folder: BorrowedFd<'_>,
        name: &[u8],
    ) -> Result<Option<(Self, Option<OwnedFd>)>, Errno> {
        let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Symlink {
                target: readlinkat(folder, name, Vec::new())?.into_bytes(),
            },
            FileType::CharacterDevice => Kind::CharDevice {
                major: major(stat.st_rdev),
                minor: minor(stat.st_rdev),
            },
            FileType::BlockDevice => Kind::BlockDevice {
                major: major(stat.st_rdev),
                minor: minor(stat.st_rdev),
            },
            FileType::Fifo => Kind::Fifo,
            _ => Kind::Socket,
        };
        let opened = match kind {
            Kind::File => Some(open(folder, name, OFlags::empty())?),
            Kind::Folder => Some(open(folder, name, OFlags::DIRECTORY)?),
            _ => None,
        };
        Ok(Some((Self::new(kind, &stat, opened.as_ref())?, opened)))
    }

    /// The root folder of a tree, of which there is no name.
    pub(crate) fn of_folder(folder: &OwnedFd) -> Result<Self, Errno> {
        Self::new(Kind::Folder, &rustix::fs::fstat(folder)?, Some(folder))
    }

    fn new(kind: Kind, stat: &Stat, opened: Option<&OwnedFd>) -> Result<Self, Errno> {
        let (xattrs, overlay_xattrs) = match opened {
            Some(file) => xattr::read(file)?,
            None => Default::default(),
        };
        Ok(Self {
            size: if kind == Kind::File {
                stat.st_size as u64
            } else {
                0
            },
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: stat.st_mtime,
            xattrs,
            overlay_xattrs,
            inode: (stat.st_dev, stat.st_ino),
            links: stat.st_nlink,
        })
    }

    /// Whether overlayfs reads this as "the lower entry of this name is gone".
    pub(crate) fn is_whiteout(&self) -> bool {
        self.kind == Kind::CharDevice { major: 0, minor: 0 }
    }

    /// Whether overlayfs made it from the lower entry of its name, and not anew. False for what is never opened.
    pub(crate) fn is_copied_up(&self) -> bool {
        let mut own = self.overlay_xattrs.iter();
        own.any(|name| name == xattr::ORIGIN)
    }

    /// Whether a tar would say the same of both, but for the content of files.
    pub(crate) fn same_metadata(&self, other: &Self) -> bool {
        self.mtime == other.mtime && self.same_but_time(other)
    }

    /// As [`Self::same_metadata`], whatever the times are.
    pub(crate) fn same_but_time(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.size == other.size
            && (self.mode, self.uid, self.gid) == (other.mode, other.uid, other.gid)
            && self.xattrs == other.xattrs
    }
}

fn open(folder: BorrowedFd<'_>, name: &[u8], more: OFlags) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(folder, name, flags | more, Mode::empty())
}

/// The names in a folder, sorted by their bytes.
pub(crate) fn names(folder: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Sets when an entry was last changed, in whole seconds since 1970; a link's own time, not its target's.
pub(crate) fn set_mtime(folder: impl AsFd, name: &[u8], mtime: i64) -> Result<(), Errno> {
    utimensat(folder, name, &times(mtime), AtFlags::SYMLINK_NOFOLLOW)
}

/// As [`set_mtime`], of an opened folder.
pub(crate) fn set_folder_mtime(folder: impl AsFd, mtime: i64) -> Result<(), Errno> {
    rustix::fs::futimens(folder, &times(mtime))
}

fn times(mtime: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime,
            tv_nsec: 0,
        },
    }
}

/// A file as `std` reads it.
pub(crate) fn file(opened: OwnedFd) -> File {
    opened.into()
}

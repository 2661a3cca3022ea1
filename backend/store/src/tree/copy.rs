//! A second copy of a folder and all that is in it: content, owner, mode, time, attributes, hard links.
//!
//! Both sides are walked by descriptor, name by name, and no link is followed. The copy must be nobody else's to write.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, fchmod, fchown, linkat,
    makedev, mkdirat, mknodat, openat, symlinkat,
};
use rustix::io::Errno;

use super::node::{self, Kind, Node};
use super::xattr;
use crate::limits::DEPTH_MAX;

/// One folder on the way, on both sides.
struct Level {
    from: OwnedFd,
    to: OwnedFd,
    node: Node,
    names: std::vec::IntoIter<Vec<u8>>,
    /// How long the path to it is.
    path_length: usize,
}

struct Copy {
    /// The topmost folder of the copy, where the paths in `linked` begin.
    top: OwnedFd,
    path: Vec<u8>,
    /// The first path of each inode that has several.
    linked: HashMap<(u64, u64), Vec<u8>>,
}

/// Copies what is in `from`, and what `from` itself is, into the empty folder `to`. What a tar can't hold (sockets) and
/// what says that a lower entry is gone are left out.
///
/// # Errors
/// The first thing that can't be read or written; the copy is then a part.
pub(crate) fn copy_folder(from: OwnedFd, to: OwnedFd) -> io::Result<()> {
    let mut copy = Copy {
        top: to.try_clone()?,
        path: Vec::new(),
        linked: HashMap::new(),
    };
    let node = Node::of_folder(&from)?;
    let mut level = Level::new(from, to, node, 0)?;
    let mut above: Vec<Level> = Vec::new();
    loop {
        let Some(name) = level.names.next() else {
            finish(&level.to, &level.node)?;
            node::set_folder_mtime(&level.to, level.node.mtime)?;
            let Some(parent) = above.pop() else {
                return Ok(());
            };
            level = parent;
            continue;
        };
        copy.path.truncate(level.path_length);
        if !copy.path.is_empty() {
            copy.path.push(b'/');
        }
        copy.path.extend_from_slice(&name);
        if let Some(below) = copy.entry(&level, &name)? {
            if above.len() >= DEPTH_MAX {
                let text =
                    format!("expected at most {DEPTH_MAX} folders in a path, but found more");
                return Err(io::Error::other(text));
            }
            above.push(std::mem::replace(&mut level, below));
        }
    }
}

impl Level {
    fn new(from: OwnedFd, to: OwnedFd, node: Node, path_length: usize) -> io::Result<Self> {
        let names = node::names(&from)?.into_iter();
        Ok(Self {
            from,
            to,
            node,
            names,
            path_length,
        })
    }
}

impl Copy {
    /// Copies one entry; a folder is made, and is the next level.
    fn entry(&mut self, level: &Level, name: &[u8]) -> io::Result<Option<Level>> {
        let Some((entry, opened)) = Node::read(level.from.as_fd(), name)? else {
            return Ok(None);
        };
        if entry.is_whiteout() || entry.kind == Kind::Socket {
            return Ok(None);
        }
        let to = &level.to;
        if entry.kind != Kind::Folder && entry.links > 1 {
            if let Some(first) = self.linked.get(&entry.inode) {
                linkat(&self.top, first.as_slice(), to, name, AtFlags::empty())?;
                return Ok(None);
            }
            self.linked.insert(entry.inode, self.path.clone());
        }
        match (&entry.kind, opened) {
            (Kind::Folder, Some(folder)) => {
                mkdirat(to, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let made = openat(to, name, flags, Mode::empty())?;
                return Level::new(folder, made, entry, self.path.len()).map(Some);
            }
            (Kind::File, Some(file)) => copy_file(file, to, name, &entry)?,
            (Kind::Symlink { target }, _) => symlinkat(target.as_slice(), to, name)?,
            (Kind::CharDevice { major, minor }, _) => {
                special(to, name, FileType::CharacterDevice, makedev(*major, *minor))?;
            }
            (Kind::BlockDevice { major, minor }, _) => {
                special(to, name, FileType::BlockDevice, makedev(*major, *minor))?;
            }
            (Kind::Fifo, _) => special(to, name, FileType::Fifo, 0)?,
            // Sockets are left out above; files and folders come opened.
            _ => return Ok(None),
        }
        if entry.kind != Kind::File {
            let (uid, gid) = owner(&entry);
            chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
            if !matches!(entry.kind, Kind::Symlink { .. }) {
                // Of a name that was made just now, in a folder that nobody else writes: it is no link.
                chmodat(to, name, mode(&entry), AtFlags::empty())?;
            }
        }
        node::set_mtime(to, name, entry.mtime)?;
        Ok(None)
    }
}

fn copy_file(from: OwnedFd, to: &OwnedFd, name: &[u8], entry: &Node) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut made: File = openat(to, name, flags, Mode::RUSR | Mode::WUSR)?.into();
    io::copy(&mut node::file(from), &mut made)?;
    finish(&made, entry)
}

/// Owner first: changing it takes set-id bits and capabilities away.
fn finish(made: impl AsFd, entry: &Node) -> io::Result<()> {
    let (uid, gid) = owner(entry);
    fchown(&made, uid, gid)?;
    fchmod(&made, mode(entry))?;
    for (name, value) in &entry.xattrs {
        xattr::set(&made, name, value)?;
    }
    Ok(())
}

fn special(to: &OwnedFd, name: &[u8], kind: FileType, device: u64) -> Result<(), Errno> {
    mknodat(to, name, kind, Mode::RUSR | Mode::WUSR, device)
}

fn owner(entry: &Node) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(entry.uid)),
        Some(Gid::from_raw(entry.gid)),
    )
}

fn mode(entry: &Node) -> Mode {
    Mode::from_raw_mode(entry.mode)
}

/// Opens a folder of the host's by its path.
pub(crate) fn open_folder(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};

    use rustix::fs::{XattrFlags, setxattr};

    use super::*;

    #[test]
    fn a_copy_is_what_a_tar_would_say_of_it() {
        let temporary = tempfile::TempDir::new().unwrap();
        let (from, to) = (temporary.path().join("from"), temporary.path().join("to"));
        fs::create_dir_all(from.join("a/b/c")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("a/file"), "content").unwrap();
        fs::set_permissions(from.join("a/file"), PermissionsExt::from_mode(0o4750)).unwrap();
        fs::hard_link(from.join("a/file"), from.join("a/b/same")).unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        mknodat(CWD, from.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).unwrap();
        let has_xattrs =
            setxattr(from.join("a/file"), "user.mark", b"1", XattrFlags::empty()).is_ok();
        fs::set_permissions(&from, PermissionsExt::from_mode(0o2711)).unwrap();
        node::set_mtime(open_folder(&from).unwrap(), b"a", 1_000_000).unwrap();

        copy_folder(open_folder(&from).unwrap(), open_folder(&to).unwrap()).unwrap();

        let file = fs::metadata(to.join("a/file")).unwrap();
        assert_eq!(file.mode() & 0o7777, 0o4750);
        assert_eq!(file.ino(), fs::metadata(to.join("a/b/same")).unwrap().ino());
        assert_eq!(fs::read(to.join("a/b/same")).unwrap(), b"content");
        assert!(to.join("a/b/c").is_dir());
        assert_eq!(
            fs::read_link(to.join("link")).unwrap().to_str(),
            Some("/etc/passwd")
        );
        assert_eq!(fs::metadata(to.join("a")).unwrap().mtime(), 1_000_000);
        assert_eq!(fs::metadata(&to).unwrap().mode() & 0o7777, 0o2711);
        assert!(!to.join("socket").exists() && to.join("fifo").exists());
        if has_xattrs {
            let (kept, _) = xattr::read(File::open(to.join("a/file")).unwrap()).unwrap();
            assert_eq!(kept, [("user.mark".to_owned(), b"1".to_vec())]);
        }
    }
}

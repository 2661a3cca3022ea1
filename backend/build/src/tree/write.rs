//! Writes what COPY and WORKDIR make into a stage's file system.
//!
//! Modes are set, not asked for: the process's umask must not show in an image. Owners are set before modes, because
//! the kernel drops set-id bits from a file that changes its owner, and attributes last, because it drops capabilities
//! too.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use estiva_shared::image::{Digest, DigestWriter};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::scan::CHUNK_BYTES;
use super::{Content, Entry, Source, Tree, TreeError, kind};
use crate::CancelFlag;

/// What a folder gets that is made because something goes into it.
const FOLDER_MODE: u32 = 0o755;

/// User and group numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// User.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
}

/// Writes below one tree.
pub(crate) struct Writer<'a> {
    /// Where.
    pub(crate) tree: &'a Tree,
    /// Who owns what is written; `None` keeps each source's owner.
    pub(crate) owner: Option<Owner>,
    /// The mode of every file and folder that is written, where it is not to be its source's.
    pub(crate) mode: Option<u32>,
    /// Whether to go on.
    pub(crate) cancel: &'a CancelFlag,
    /// Told the bytes written so far.
    pub(crate) progress: &'a mut dyn FnMut(u64),
    /// The bytes written so far.
    pub(crate) done_bytes: u64,
}

impl Writer<'_> {
    /// Makes the folders of `path` that are missing.
    ///
    /// # Errors
    /// [`TreeError::NotAFolder`], and faults of files.
    pub(crate) fn make_folders(&self, path: &Path) -> Result<(), TreeError> {
        let mut at = PathBuf::new();
        for component in path.components() {
            at.push(component);
            match self.tree.stat(&at)? {
                Some(stat) if kind(&stat) == FileType::Directory => {}
                Some(_) => return Err(TreeError::NotAFolder { path: at }),
                None => {
                    let folder = self.make_folder(&at)?;
                    let owner = self.owner.unwrap_or_default();
                    own(&folder, owner, &at)?;
                    change_mode(&folder, FOLDER_MODE, &at)?;
                }
            }
        }
        Ok(())
    }

    /// Writes a source: a folder's content into `target`, anything else as `target`, whose parent exists.
    ///
    /// # Errors
    /// Something in the way, a source that changed since it was read, and faults of files.
    pub(crate) fn copy(
        &mut self,
        from: &Tree,
        source: &Source,
        target: &Path,
    ) -> Result<(), TreeError> {
        // The first name of each file that has several.
        let mut written: HashMap<(u64, u64), PathBuf> = HashMap::new();
        let mut folders: Vec<(&Entry, PathBuf)> = Vec::new();
        for entry in &source.entries {
            if self.cancel.is_cancelled() {
                return Err(TreeError::Cancelled);
            }
            let is_source = entry.path.as_os_str().is_empty();
            let to = if is_source {
                target.to_owned()
            } else {
                target.join(&entry.path)
            };
            if entry.content == Content::Folder {
                // The source folder itself isn't copied: its destination keeps, or got, attributes of its own.
                if !is_source {
                    self.folder(&to)?;
                    folders.push((entry, to));
                }
                continue;
            }
            self.clear(&to)?;
            let known = entry.shared_with.and_then(|file| written.get(&file));
            if let Some(known) = known {
                let (folder, name) = self.parent(&to)?;
                rustix::fs::linkat(self.tree.root(), known, &folder, name, AtFlags::empty())
                    .map_err(TreeError::io("link", &to))?;
                continue;
            }
            self.entry(from, entry, &to)?;
            if let Some(file) = entry.shared_with {
                written.insert(file, to);
            }
        }
        // From the innermost out, because writing into a folder changes its time.
        for (entry, to) in folders.into_iter().rev() {
            let folder = self
                .tree
                .open(&to, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
            self.attributes(&folder, entry, &to)?;
        }
        Ok(())
    }

    fn folder(&self, to: &Path) -> Result<(), TreeError> {
        match self.tree.stat(to)? {
            Some(stat) if kind(&stat) == FileType::Directory => Ok(()),
            Some(_) => Err(TreeError::NotAFolder {
                path: to.to_owned(),
            }),
            None => self.make_folder(to).map(|_| ()),
        }
    }

    /// Removes what an entry replaces.
    fn clear(&self, to: &Path) -> Result<(), TreeError> {
        match self.tree.stat(to)? {
            None => Ok(()),
            Some(stat) if kind(&stat) == FileType::Directory => Err(TreeError::FolderInTheWay {
                path: to.to_owned(),
            }),
            Some(_) => {
                let (folder, name) = self.parent(to)?;
                rustix::fs::unlinkat(&folder, name, AtFlags::empty())
                    .map_err(TreeError::io("replace", to))
            }
        }
    }

    fn entry(&mut self, from: &Tree, entry: &Entry, to: &Path) -> Result<(), TreeError> {
        let (folder, name) = self.parent(to)?;
        match &entry.content {
            Content::File { digest, .. } => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                let file = rustix::fs::openat(
                    &folder,
                    name,
                    flags | OFlags::CLOEXEC,
                    Mode::RUSR | Mode::WUSR,
                )
                .map_err(TreeError::io("write", to))?;
                let file = self.content(from, entry, digest, file, to)?;
                self.attributes(&file, entry, to)
            }
            Content::Link(target) => {
                rustix::fs::symlinkat(target, &folder, name).map_err(TreeError::io("link", to))?;
                self.bare_attributes(folder.as_fd(), name, entry, to)
            }
            Content::Fifo => {
                rustix::fs::mknodat(&folder, name, FileType::Fifo, Mode::empty(), 0)
                    .map_err(TreeError::io("make the pipe", to))?;
                self.bare_attributes(folder.as_fd(), name, entry, to)
            }
            Content::Device(kind, number) => {
                rustix::fs::mknodat(&folder, name, *kind, Mode::empty(), *number)
                    .map_err(TreeError::io("make the device", to))?;
                self.bare_attributes(folder.as_fd(), name, entry, to)
            }
            Content::Folder => Ok(()),
        }
    }

    /// Copies a file's bytes, and makes sure that they are those that were digested before: the cache's key speaks of
    /// them.
    fn content(
        &mut self,
        from: &Tree,
        entry: &Entry,
        expected: &Digest,
        file: OwnedFd,
        to: &Path,
    ) -> Result<OwnedFd, TreeError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut source = File::from(from.open(&entry.at, flags)?);
        let mut writer = DigestWriter::new(File::from(file));
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = source
                .read(&mut chunk)
                .map_err(TreeError::std_io("read", &entry.at))?;
            if length == 0 {
                break;
            }
            if self.cancel.is_cancelled() {
                return Err(TreeError::Cancelled);
            }
            writer
                .write_all(&chunk[..length])
                .map_err(TreeError::std_io("write", to))?;
            self.done_bytes += length as u64;
            (self.progress)(self.done_bytes);
        }
        let (file, found, _) = writer.finish();
        if found != *expected {
            return Err(TreeError::Changed {
                path: entry.at.clone(),
            });
        }
        Ok(file.into())
    }

    /// Gives a file or folder its owner, mode, attributes and times, in this order.
    fn attributes(&self, file: &OwnedFd, entry: &Entry, to: &Path) -> Result<(), TreeError> {
        own(file, self.owner_of(entry), to)?;
        change_mode(file, self.mode.unwrap_or(entry.mode), to)?;
        for (name, value) in &entry.xattrs {
            rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())
                .map_err(TreeError::io("set an attribute of", to))?;
        }
        rustix::fs::futimens(file, &times(entry)).map_err(TreeError::io("set the time of", to))
    }

    /// The same for what can't be opened: links, pipes and devices.
    fn bare_attributes(
        &self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        entry: &Entry,
        to: &Path,
    ) -> Result<(), TreeError> {
        let Owner { uid, gid } = self.owner_of(entry);
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::chownat(
            folder,
            name,
            Some(uid),
            Some(gid),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(TreeError::io("change the owner of", to))?;
        if !matches!(entry.content, Content::Link(_)) {
            let mode = Mode::from_raw_mode(self.mode.unwrap_or(entry.mode));
            // It was made a moment ago in a file system that nobody else has, so that it is no link.
            rustix::fs::chmodat(folder, name, mode, AtFlags::empty())
                .map_err(TreeError::io("change the mode of", to))?;
        }
        rustix::fs::utimensat(folder, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(TreeError::io("set the time of", to))
    }

    fn owner_of(&self, entry: &Entry) -> Owner {
        self.owner.unwrap_or(Owner {
            uid: entry.owner.0,
            gid: entry.owner.1,
        })
    }

    fn make_folder(&self, path: &Path) -> Result<OwnedFd, TreeError> {
        let (folder, name) = self.parent(path)?;
        match rustix::fs::mkdirat(&folder, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(TreeError::io("make the folder", path)(error)),
        }
        self.tree
            .open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)
    }

    /// The folder that holds `path`, open, and its last component.
    fn parent<'p>(&self, path: &'p Path) -> Result<(OwnedFd, &'p OsStr), TreeError> {
        let name = path.file_name().ok_or_else(|| TreeError::FolderInTheWay {
            path: path.to_owned(),
        })?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let folder = self.tree.open(parent, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok((folder, name))
    }
}

fn own(file: &OwnedFd, owner: Owner, path: &Path) -> Result<(), TreeError> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    rustix::fs::fchown(file, Some(uid), Some(gid))
        .map_err(TreeError::io("change the owner of", path))
}

fn change_mode(file: &OwnedFd, mode: u32, path: &Path) -> Result<(), TreeError> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
        .map_err(TreeError::io("change the mode of", path))
}

fn times(entry: &Entry) -> Timestamps {
    let time = Timespec {
        tv_sec: entry.mtime.0,
        tv_nsec: entry.mtime.1,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Scan;

    /// Copies `f`, which holds `x` when it is read and has been through `change` when it is written.
    fn copy_after(change: impl FnOnce(&Path)) -> Result<String, TreeError> {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            Tree::new(File::open(folder.path().join(name)).unwrap().into())
        };
        let (from, to) = (open("from"), open("to"));
        let file = folder.path().join("from/f");
        std::fs::write(&file, "x").unwrap();
        let cancel = CancelFlag::new().unwrap();
        let scan = Scan {
            tree: &from,
            filter: None,
            stage: false,
            cancel: &cancel,
        };
        let sources = scan.sources(&["f".to_owned()])?;
        change(&file);
        let mut writer = Writer {
            tree: &to,
            owner: None,
            mode: None,
            cancel: &cancel,
            progress: &mut |_| {},
            done_bytes: 0,
        };
        writer.copy(&from, &sources[0], Path::new("g"))?;
        Ok(std::fs::read_to_string(folder.path().join("to/g")).unwrap())
    }

    #[test]
    fn a_file_that_changes_between_reading_and_writing_is_told() {
        assert_eq!(copy_after(|_| {}).unwrap(), "x");
        let error = copy_after(|file| std::fs::write(file, "y").unwrap()).unwrap_err();
        assert!(matches!(error, TreeError::Changed { .. }), "{error}");
    }

    #[test]
    fn a_link_put_in_a_files_place_meanwhile_is_not_followed() {
        let swap = |file: &Path| {
            std::fs::remove_file(file).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", file).unwrap();
        };
        assert!(copy_after(swap).is_err());
    }
}

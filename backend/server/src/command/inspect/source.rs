//! What `estiva inspect` reads: a file at any place, or a folder's files below that folder alone.
//!
//! A folder may have been made by anyone, so the kernel looks up its paths (openat2 with RESOLVE_BENEATH): a link that leads
//! out, an absolute one or one of /proc is not followed, and nothing but a regular file is opened.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use estiva_shared::image::{Folder, FolderError, ReadAt};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::failure::{Failure, at};

/// Where a path may lead.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// How often a path with `..` is looked up again: the kernel says "again" where anything is renamed meanwhile.
const TRIES: usize = 32;

/// The lists of images that a layout or an unpacked archive has at its top.
const LISTS: [&str; 2] = ["index.json", "manifest.json"];

/// What a folder to build from has at its top.
const RECIPES: [&str; 2] = ["Dockerfile", "Containerfile"];

/// Whether a path leads to a folder that has a list of images.
pub(super) fn is_layout(path: &Path) -> bool {
    LISTS.iter().any(|list| path.join(list).is_file())
}

/// A file, read at any place.
pub(super) struct FileAt {
    file: File,
    size: u64,
}

impl FileAt {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is no regular file, or can't be opened.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let found = std::fs::metadata(path).map_err(at("open", path))?;
        // Before it is opened, which waits for a writer. An archive's index is at its end, and is read first.
        if !found.is_file() {
            let message = format!(
                "expected a file that can be read at any place, but found a pipe or a device: {}",
                super::shown(&path.to_string_lossy())
            );
            return Err(Failure::new(message).hint("write it to a file first, and inspect that"));
        }
        let file = File::open(path).map_err(at("open", path))?;
        Self::of(file).map_err(at("look at", path))
    }

    /// A file that is open.
    ///
    /// # Errors
    /// If it can't be looked at.
    pub(super) fn of(file: File) -> std::io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for FileAt {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }
}

/// A folder of the disk.
pub(super) struct FolderAt {
    folder: OwnedFd,
}

impl FolderAt {
    /// Opens a folder.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty())
            .map_err(std::io::Error::from)
            .map_err(at("open", path))?;
        Ok(Self { folder })
    }

    /// Whether it is made to be built from.
    pub(super) fn has_recipe(&self) -> bool {
        RECIPES
            .iter()
            .any(|name| matches!(self.open(name), Ok(Some(_))))
    }

    fn look_up(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mut tries = 0;
        loop {
            tries += 1;
            match openat2(
                &self.folder,
                path,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
                BENEATH,
            ) {
                Err(Errno::AGAIN) if tries < TRIES => {}
                other => return other,
            }
        }
    }

    /// A regular file; none where nothing is there.
    fn file(&self, path: &str) -> rustix::io::Result<Result<FileAt, &'static str>> {
        // Looked at before it is opened: opening a device may do something.
        let found = self.look_up(path, OFlags::PATH)?;
        if let Some(other) = other_than_file(&found)? {
            return Ok(Err(other));
        }
        // What stands there now may be another: not waiting for a pipe's writer, it is looked at once more.
        let file = self.look_up(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        if let Some(other) = other_than_file(&file)? {
            return Ok(Err(other));
        }
        let size = u64::try_from(fstat(&file)?.st_size).unwrap_or(0);
        Ok(Ok(FileAt {
            file: file.into(),
            size,
        }))
    }
}

/// What stands where a file should be; none where it is one.
fn other_than_file(found: &OwnedFd) -> rustix::io::Result<Option<&'static str>> {
    Ok(match FileType::from_raw_mode(fstat(found)?.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a folder"),
        _ => Some("a pipe, a socket or a device"),
    })
}

impl Folder for FolderAt {
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
        match self.file(path) {
            Ok(Ok(file)) => Ok(Some(Box::new(file))),
            Ok(Err(other)) => Err(FolderError::NotAFile(other)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => Ok(None),
            Err(Errno::XDEV) => Err(FolderError::LeadsOut),
            Err(Errno::LOOP) => Err(FolderError::NotAFile("links that lead in a circle")),
            Err(error) => Err(FolderError::Unreadable(error.into())),
        }
    }

    fn describe(&self) -> String {
        match self.has_recipe() {
            true => "a folder with a Dockerfile".to_owned(),
            false => "a folder with neither".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    fn content(folder: &FolderAt, path: &str) -> Result<Option<Vec<u8>>, String> {
        let opened = folder.open(path).map_err(|error| error.to_string())?;
        Ok(opened.map(|file| {
            let mut bytes = vec![0; file.size() as usize];
            assert_eq!(file.read_at(0, &mut bytes).unwrap(), bytes.len());
            bytes
        }))
    }

    #[test]
    fn only_regular_files_below_the_folder_are_opened() {
        let outer = tempfile::tempdir().unwrap();
        let inside = outer.path().join("layout");
        create_dir_all(inside.join("blobs/sha256")).unwrap();
        write(outer.path().join("secret"), "outside").unwrap();
        write(inside.join("blobs/sha256/a"), "inside").unwrap();
        let link = |target: &str, name: &str| symlink(target, inside.join(name)).unwrap();
        link("../blobs/sha256/a", "blobs/within");
        link("../../secret", "blobs/climbs");
        link("../../../secret", "blobs/sha256/climbs");
        link("/etc/passwd", "absolute");
        link("/proc/self/environ", "magic");
        link("..", "above");
        link("circle", "circle");
        link("nowhere", "dangling");
        let folder = FolderAt::open(&inside).unwrap();
        assert_eq!(
            content(&folder, "blobs/sha256/a"),
            Ok(Some(b"inside".to_vec()))
        );
        assert_eq!(
            content(&folder, "blobs/within"),
            Ok(Some(b"inside".to_vec()))
        );
        for path in [
            "blobs/climbs",
            "blobs/sha256/climbs",
            "absolute",
            "magic",
            "above/secret",
            "../secret",
        ] {
            let error = content(&folder, path).unwrap_err();
            assert!(error.contains("leads out of the folder"), "{path}: {error}");
        }
        for path in ["blobs", "circle"] {
            assert!(content(&folder, path).is_err(), "{path}");
        }
        for path in ["dangling", "none", "blobs/sha256/a/b", &"long".repeat(1000)] {
            assert_eq!(content(&folder, path), Ok(None), "{path}");
        }
    }

    /// Opening a pipe waits for a writer that never comes.
    #[test]
    fn a_pipe_in_the_folder_is_named_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("index.json");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let folder = FolderAt::open(folder.path()).unwrap();
        assert!(
            content(&folder, "index.json")
                .unwrap_err()
                .contains("a pipe")
        );
    }
}

//! A build context's tar becomes a folder: files, folders and links, nothing else, and nothing outside.
//!
//! Apart from the store's unpacking of layers, which knows owners, devices, whiteouts and extended attributes. A context
//! has none of these: all belongs to the server's user, as the builder would copy it anyway.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use estiva_shared::image::{TarEntry, TarError, TarKind, TarReader};
use estiva_shared::text::escape_name;
use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, linkat, mkdirat, openat2, symlinkat, unlinkat,
};
use rustix::io::Errno;

/// The most bytes of files in one context: 8 GiB. What is larger is better copied to the host and built there.
pub(crate) const CONTEXT_BYTES_MAX: u64 = 8 << 30;

/// The most entries in one context: a `node_modules` forgotten in .dockerignore has a tenth of it.
pub(crate) const CONTEXT_ENTRIES_MAX: u64 = 500_000;

/// How much is copied at once, in bytes.
const COPY_BYTES: usize = 128 << 10;

/// Paths stay in the folder, and no link on the way is followed.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Files, folders and links.
    pub(crate) entries: u64,
    /// Bytes of files.
    pub(crate) bytes: u64,
}

/// Why a tar was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    /// It can't be read.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// An entry's path leads out of the folder, or through a link.
    #[error("expected a path within the context, but found: {path}")]
    Outside {
        /// The path, escaped.
        path: String,
    },
    /// An entry of a kind that no context needs.
    #[error("expected files, folders and links, but found {kind:?}: {path}")]
    Kind {
        /// What it is.
        kind: TarKind,
        /// The path, escaped.
        path: String,
    },
    /// It is too large.
    #[error("expected at most {max} {what} in a context, but found more")]
    TooLarge {
        /// `bytes` or `entries`.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// An entry could not be read or written.
    #[error("can't unpack {path}: {source}")]
    Io {
        /// The path, escaped.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl UnpackError {
    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// Unpacks `tar` into `folder`, which is empty.
///
/// # Errors
/// At the first entry that can't be unpacked; what came before it stays.
pub(crate) fn unpack(tar: &mut dyn Read, folder: &OwnedFd) -> Result<Unpacked, UnpackError> {
    let mut reader = TarReader::new(BufReader::with_capacity(COPY_BYTES, tar));
    let mut unpacked = Unpacked::default();
    while let Some(entry) = reader.next_entry()? {
        unpacked.entries += 1;
        if unpacked.entries > CONTEXT_ENTRIES_MAX {
            return Err(UnpackError::TooLarge {
                what: "entries",
                max: CONTEXT_ENTRIES_MAX,
            });
        }
        let place = Place::of(&entry, folder)?;
        match entry.kind {
            TarKind::Directory => place.make_folder(&entry)?,
            TarKind::File => {
                let left = CONTEXT_BYTES_MAX - unpacked.bytes;
                unpacked.bytes += place.write_file(&entry, &mut reader, left)?;
            }
            TarKind::Symlink => place.make_symlink(&entry)?,
            TarKind::Hardlink => place.make_hardlink(&entry, folder)?,
            kind => {
                return Err(UnpackError::Kind {
                    kind,
                    path: shown(&entry.path),
                });
            }
        }
    }
    Ok(unpacked)
}

/// Where an entry goes: its open parent, and its name in it. The root itself has no name.
struct Place {
    parent: OwnedFd,
    name: std::path::PathBuf,
    shown: String,
}

impl Place {
    fn of(entry: &TarEntry, folder: &OwnedFd) -> Result<Self, UnpackError> {
        let shown = shown(&entry.path);
        let path = relative(&entry.path).ok_or_else(|| UnpackError::Outside {
            path: shown.clone(),
        })?;
        let (parent, name) = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => (parent, Path::new(name)),
            _ => (Path::new(""), Path::new("")),
        };
        let parent = open_parent(folder, parent).map_err(|error| match error {
            Errno::LOOP | Errno::XDEV | Errno::NOTDIR => UnpackError::Outside {
                path: shown.clone(),
            },
            other => UnpackError::Io {
                path: shown.clone(),
                source: other.into(),
            },
        })?;
        Ok(Self {
            parent,
            name: name.to_owned(),
            shown,
        })
    }

    fn make_folder(&self, entry: &TarEntry) -> Result<(), UnpackError> {
        if self.name.as_os_str().is_empty() {
            return Ok(());
        }
        match mkdirat(&self.parent, &self.name, mode(entry)) {
            Ok(()) => Ok(()),
            // Listed twice, or made for a file that came before it.
            Err(Errno::EXIST) => open_folder(&self.parent, &self.name)
                .map(drop)
                .map_err(|error| self.fault(error)),
            Err(error) => Err(self.fault(error)),
        }
    }

    fn write_file(
        &self,
        entry: &TarEntry,
        content: &mut impl Read,
        left: u64,
    ) -> Result<u64, UnpackError> {
        self.clear()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat2(&self.parent, &self.name, flags, mode(entry), BENEATH)
            .map_err(|error| self.fault(error))?;
        let mut file = File::from(file);
        let mut buffer = vec![0; COPY_BYTES];
        // What a sparse file leaves out counts: who reads the context reads it.
        let size = entry.apparent_size();
        if size > left {
            return Err(UnpackError::TooLarge {
                what: "bytes",
                max: CONTEXT_BYTES_MAX,
            });
        }
        for stored in entry.stored() {
            file.seek(SeekFrom::Start(stored.offset))
                .map_err(|source| self.io(source))?;
            let mut piece = content.by_ref().take(stored.length);
            loop {
                let read = piece.read(&mut buffer).map_err(|source| self.io(source))?;
                if read == 0 {
                    break;
                }
                file.write_all(&buffer[..read])
                    .map_err(|source| self.io(source))?;
            }
        }
        file.set_len(size).map_err(|source| self.io(source))?;
        Ok(size)
    }

    fn make_symlink(&self, entry: &TarEntry) -> Result<(), UnpackError> {
        self.clear()?;
        let target = Path::new(std::ffi::OsStr::from_bytes(
            entry.link.as_deref().unwrap_or_default(),
        ));
        symlinkat(target, &self.parent, &self.name).map_err(|error| self.fault(error))
    }

    fn make_hardlink(&self, entry: &TarEntry, folder: &OwnedFd) -> Result<(), UnpackError> {
        let outside = || UnpackError::Outside {
            path: shown(entry.link.as_deref().unwrap_or_default()),
        };
        let target = relative(entry.link.as_deref().unwrap_or_default()).ok_or_else(outside)?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(outside());
        };
        let parent = open_folder(folder, parent).map_err(|_| outside())?;
        self.clear()?;
        // Without AT_SYMLINK_FOLLOW: a link to a symbolic link is one to the link itself.
        linkat(&parent, name, &self.parent, &self.name, AtFlags::empty())
            .map_err(|error| self.fault(error))
    }

    /// A later entry of the same path replaces the earlier, as tar does.
    fn clear(&self) -> Result<(), UnpackError> {
        if self.name.as_os_str().is_empty() {
            return Err(UnpackError::Outside {
                path: self.shown.clone(),
            });
        }
        match unlinkat(&self.parent, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.fault(error)),
        }
    }

    fn fault(&self, error: Errno) -> UnpackError {
        self.io(error.into())
    }

    fn io(&self, source: io::Error) -> UnpackError {
        UnpackError::Io {
            path: self.shown.clone(),
            source,
        }
    }
}

/// The path without `.` and doubled slashes; `None` where it is absolute, climbs, or can't be a path.
fn relative(path: &[u8]) -> Option<std::path::PathBuf> {
    if path.contains(&0) {
        return None;
    }
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let mut clean = std::path::PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::Normal(name) => clean.push(name),
            std::path::Component::CurDir => {}
            _ => return None,
        }
    }
    Some(clean)
}

/// Opens a folder below another, and makes what is missing of it: a tar need not list its folders.
fn open_parent(folder: &OwnedFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    match open_folder(folder, path) {
        Err(Errno::NOENT) => {}
        other => return other,
    }
    let mut here = open_folder(folder, Path::new(""))?;
    for component in path.components() {
        let name = Path::new(component.as_os_str());
        match mkdirat(&here, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        here = open_folder(&here, name)?;
    }
    Ok(here)
}

fn open_folder(folder: impl AsFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    openat2(
        folder,
        path,
        OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
        BENEATH,
    )
}

/// Permission bits without the set-id ones, and such that the server can read it back.
fn mode(entry: &TarEntry) -> Mode {
    let own = if entry.kind == TarKind::Directory {
        0o700
    } else {
        0o600
    };
    Mode::from_raw_mode((entry.mode & 0o777) | own)
}

fn shown(path: &[u8]) -> String {
    escape_name(&String::from_utf8_lossy(path)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A ustar header and its content, padded.
    fn entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[136..147].copy_from_slice(b"00000000000");
        header[156] = kind;
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut bytes = header.to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().div_ceil(512) * 512, 0);
        bytes
    }

    /// Unpacks into `inside` of a fresh folder; the outcome, and the folder.
    fn unpacked(entries: &[Vec<u8>]) -> (Result<Unpacked, UnpackError>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let mut tar = entries.concat();
        tar.extend_from_slice(&[0; 1024]);
        let opened = OwnedFd::from(File::open(&inside).unwrap());
        (unpack(&mut &tar[..], &opened), folder)
    }

    #[test]
    fn files_folders_and_links_arrive_even_without_their_folders_listed() {
        let (outcome, folder) = unpacked(&[
            entry("./", b'5', "", b""),
            entry("./src/deep/main.js", b'0', "", b"hi"),
            entry("src/", b'5', "", b""),
            entry("latest", b'2', "src/deep/main.js", b""),
            entry("same", b'1', "src/deep/main.js", b""),
        ]);
        assert_eq!(
            outcome.unwrap(),
            Unpacked {
                entries: 5,
                bytes: 2
            }
        );
        for name in ["src/deep/main.js", "latest", "same"] {
            assert_eq!(
                fs::read(folder.path().join("inside").join(name)).unwrap(),
                b"hi",
                "{name}"
            );
        }
    }

    #[test]
    fn nothing_is_written_outside() {
        for hostile in [
            vec![entry("../out", b'0', "", b"x")],
            vec![entry("/out", b'0', "", b"x")],
            vec![entry("a/../../out", b'0', "", b"x")],
            vec![
                entry("link", b'2', "..", b""),
                entry("link/out", b'0', "", b"x"),
            ],
            vec![
                entry("link", b'2', "/tmp", b""),
                entry("link/", b'5', "", b""),
                entry("link/out", b'0', "", b"x"),
            ],
            vec![entry("same", b'1', "../../etc/passwd", b"")],
            vec![entry("same", b'1', "/etc/passwd", b"")],
            vec![entry("device", b'3', "", b"")],
            vec![entry("..", b'2', "x", b"")],
        ] {
            let (outcome, folder) = unpacked(&hostile);
            assert!(outcome.is_err(), "{outcome:?}");
            let outside: Vec<_> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(outside, ["inside"]);
        }
    }

    #[test]
    fn a_file_replaces_a_link_of_its_name_and_is_not_written_through_it() {
        let (outcome, folder) = unpacked(&[
            entry("target", b'0', "", b"old"),
            entry("link", b'2', "target", b""),
            entry("link", b'0', "", b"new"),
        ]);
        outcome.unwrap();
        assert_eq!(
            fs::read(folder.path().join("inside/target")).unwrap(),
            b"old"
        );
        assert_eq!(fs::read(folder.path().join("inside/link")).unwrap(), b"new");
    }

    #[test]
    fn a_cut_tar_is_refused() {
        let whole = entry("file", b'0', "", &[7; 2000]);
        let folder = tempfile::tempdir().unwrap();
        let opened = OwnedFd::from(File::open(folder.path()).unwrap());
        assert!(unpack(&mut &whole[..1000], &opened).is_err());
    }
}

//! A folder held open, and everything below it reached so that nothing leads out: the build's context, a stage's file
//! system that COPY reads, the file system that it writes.
//!
//! Links are followed by code here, component by component, with the folder as `/`: that is what a link inside a
//! context or an image means, and it also works where the link's target is still missing. What comes out is a path
//! without links, and the kernel is asked to open exactly that (`openat2` with `RESOLVE_BENEATH` and
//! `RESOLVE_NO_SYMLINKS`): a link put there meanwhile gives an error, never a file elsewhere (CVE-2018-15664 was such
//! a race).

mod error;
mod scan;
mod wildcard;
mod write;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

pub(crate) use error::TreeError;
pub(crate) use scan::{Content, Entry, Filter, Scan, Source};
pub(crate) use wildcard::may_find_nothing;
pub(crate) use write::{Owner, Writer};

/// Links followed on the way to one path, as the kernel's own limit.
const LINKS_MAX: usize = 40;

/// Folders in folders: as deep as the store takes a layer's paths.
const DEPTH_MAX: usize = estiva_store::DEPTH_MAX;

/// A folder that paths are relative to.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
}

/// Where a path leads after all links in it.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Relative to the root, without links, `.` and `..`; empty is the root.
    pub(crate) path: PathBuf,
    /// What is there; `None` where nothing is.
    pub(crate) stat: Option<Stat>,
}

impl Resolved {
    /// Whether there is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.stat
            .as_ref()
            .is_some_and(|stat| kind(stat) == FileType::Directory)
    }
}

impl Tree {
    /// The tree below an open folder.
    pub(crate) fn new(root: OwnedFd) -> Self {
        Self { root }
    }

    /// The root itself.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens what lies at `path`, which must hold no link (its last component may be one: see `flags`).
    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, TreeError> {
        self.try_open(path, flags)
            .map_err(TreeError::io("open", path))
    }

    /// What lies at `path`; a link is looked at itself. `None` where nothing is.
    pub(crate) fn stat(&self, path: &Path) -> Result<Option<Stat>, TreeError> {
        match self.try_open(path, OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(fd) => rustix::fs::fstat(fd)
                .map(Some)
                .map_err(TreeError::io("look at", path)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(TreeError::io("look at", path)(error)),
        }
    }

    /// Where the link at `path` leads, as written in it.
    pub(crate) fn read_link(&self, path: &Path) -> Result<OsString, TreeError> {
        let link = self.open(path, OFlags::PATH | OFlags::NOFOLLOW)?;
        let target = rustix::fs::readlinkat(link, "", Vec::new())
            .map_err(TreeError::io("read the link", path))?;
        Ok(OsString::from_vec(target.into_bytes()))
    }

    /// The names in a folder, sorted by their bytes, so that the same folder always reads the same.
    pub(crate) fn list(&self, path: &Path) -> Result<Vec<OsString>, TreeError> {
        let folder = self.open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
        let fault = TreeError::io("list", path);
        let mut names = Vec::new();
        for entry in Dir::new(folder).map_err(&fault)? {
            let name = entry.map_err(&fault)?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Follows every link of `path`, the last one too. Where something is missing, the rest is taken as it is written.
    pub(crate) fn resolve(&self, path: &Path) -> Result<Resolved, TreeError> {
        let mut at = PathBuf::new();
        let mut stat = self.stat(&at)?;
        // What is still to go, the next component last.
        let mut rest: Vec<OsString> = components(path);
        rest.reverse();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if name == ".." {
                at.pop();
                stat = self.stat(&at)?;
                continue;
            }
            let next = at.join(&name);
            let found = self.stat(&next)?;
            let Some(_link) = found.filter(|found| kind(found) == FileType::Symlink) else {
                at = next;
                stat = found;
                continue;
            };
            links += 1;
            if links > LINKS_MAX {
                return Err(TreeError::TooManyLinks {
                    path: path.to_owned(),
                });
            }
            let target = PathBuf::from(self.read_link(&next)?);
            if target.is_absolute() {
                at = PathBuf::new();
            }
            rest.extend(components(&target).into_iter().rev());
            stat = self.stat(&at)?;
        }
        Ok(Resolved { path: at, stat })
    }

    fn try_open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let flags = flags | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.root, path, flags, Mode::empty(), resolve)
    }
}

/// What a path is.
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Permission bits with set-id and sticky.
pub(crate) fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

fn components(path: &Path) -> Vec<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// Turns an error of the kernel into one of the standard library, which knows more words.
fn io_error(errno: Errno) -> io::Error {
    io::Error::from(errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree(folder: &tempfile::TempDir) -> Tree {
        Tree::new(fs::File::open(folder.path()).unwrap().into())
    }

    #[test]
    fn links_are_followed_with_the_folder_as_root() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("etc/deep")).unwrap();
        fs::write(folder.path().join("etc/deep/file"), "x").unwrap();
        symlink("/etc/deep", folder.path().join("absolute")).unwrap();
        symlink("../../../../etc", folder.path().join("upward")).unwrap();
        symlink("missing/further", folder.path().join("dangling")).unwrap();
        let tree = tree(&folder);
        for (path, expected, exists) in [
            ("absolute/file", "etc/deep/file", true),
            ("upward/deep", "etc/deep", true),
            ("upward/passwd", "etc/passwd", false),
            ("dangling/x", "missing/further/x", false),
            ("absolute/..", "etc", true),
            ("../../..", "", true),
        ] {
            let resolved = tree.resolve(Path::new(path)).unwrap();
            assert_eq!(resolved.path, Path::new(expected), "{path}");
            assert_eq!(resolved.stat.is_some(), exists, "{path}");
        }
    }

    #[test]
    fn a_circle_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        let error = tree(&folder).resolve(Path::new("a/x")).unwrap_err();
        assert!(matches!(error, TreeError::TooManyLinks { .. }), "{error}");
    }

    #[test]
    fn opening_goes_through_no_link() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/etc", folder.path().join("out")).unwrap();
        let tree = tree(&folder);
        assert!(tree.open(Path::new("out/passwd"), OFlags::RDONLY).is_err());
        assert!(tree.open(Path::new("../x"), OFlags::RDONLY).is_err());
    }
}

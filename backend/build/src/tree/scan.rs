//! Reads what COPY is asked to take: finds the sources, wildcards included, walks their folders and digests every
//! file. The result says all that the copy will contain, so that the cache can be asked before anything is written.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use estiva_shared::dockerfile::Ignore;
use estiva_shared::image::{Digest, DigestWriter};
use rustix::fs::{FileType, OFlags, Stat};

use super::{DEPTH_MAX, Tree, TreeError, kind, permissions, wildcard};
use crate::CancelFlag;

/// Files and folders of one COPY: a quarter of what the store takes in a layer, so that the walk of a wrongly chosen
/// context (a whole disk) ends within seconds and a few hundred megabytes.
const ENTRIES_MAX: usize = 1_000_000;

/// Read at once, in bytes: large enough that the system calls don't show, small enough for the processor's cache.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// The extended attributes that a copy between stages keeps: those that programs and packages put there on purpose.
const XATTRS: [&str; 2] = ["security.capability", "user."];

/// What `.dockerignore` leaves out.
#[derive(Debug)]
pub(crate) struct Filter {
    /// Its patterns.
    pub(crate) ignore: Ignore,
    /// Its name, for messages.
    pub(crate) file: String,
}

/// One source of COPY, read.
#[derive(Debug)]
pub(crate) struct Source {
    /// The last component as it was asked for: the name of a file that goes into a folder.
    pub(crate) name: OsString,
    /// The source itself first; a folder stands before what is in it.
    pub(crate) entries: Vec<Entry>,
}

impl Source {
    /// Whether its content goes to the destination, instead of itself.
    pub(crate) fn is_folder(&self) -> bool {
        self.entries
            .first()
            .is_some_and(|entry| entry.content == Content::Folder)
    }

    /// The sizes of its files.
    pub(crate) fn bytes(&self) -> u64 {
        let sizes = self.entries.iter().map(|entry| match entry.content {
            Content::File { size, .. } => size,
            _ => 0,
        });
        sizes.sum()
    }
}

/// One file, folder or link of a source.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Relative to the source; empty is the source itself.
    pub(crate) path: PathBuf,
    /// Relative to the tree, without links.
    pub(crate) at: PathBuf,
    /// What it is and holds.
    pub(crate) content: Content,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Owner and group.
    pub(crate) owner: (u32, u32),
    /// Seconds and nanoseconds since 1970.
    pub(crate) mtime: (i64, i64),
    /// Device and number of a file that has further names.
    pub(crate) shared_with: Option<(u64, u64)>,
    /// Those that a copy between stages keeps.
    pub(crate) xattrs: Vec<(OsString, Vec<u8>)>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of its bytes.
        digest: Digest,
    },
    /// A folder.
    Folder,
    /// A symbolic link, and where it leads as written.
    Link(OsString),
    /// A named pipe.
    Fifo,
    /// A device, by its type and number.
    Device(FileType, u64),
}

/// A walk over a tree.
pub(crate) struct Scan<'a> {
    /// Where.
    pub(crate) tree: &'a Tree,
    /// What is left out of it.
    pub(crate) filter: Option<&'a Filter>,
    /// The tree is a stage's: it may hold devices and pipes, and extended attributes count. Those of a context belong
    /// to the host.
    pub(crate) stage: bool,
    /// Whether to go on.
    pub(crate) cancel: &'a CancelFlag,
}

impl Scan<'_> {
    /// Reads the sources of one COPY, each a path that may hold wildcards. A pattern may find nothing: `yarn.lock*` is
    /// how a Dockerfile says "if it is there".
    ///
    /// # Errors
    /// A source without wildcards that is missing, excluded, special, too much or changing.
    pub(crate) fn sources(&self, patterns: &[String]) -> Result<Vec<Source>, TreeError> {
        let mut count = 0;
        let mut sources = Vec::new();
        for pattern in patterns {
            if !pattern.split('/').any(wildcard::is_pattern) {
                sources.push(self.source(Path::new(pattern), &mut count)?);
                continue;
            }
            let before = sources.len();
            for path in self.find(pattern)? {
                match self.source(&path, &mut count) {
                    Ok(source) => sources.push(source),
                    // Nobody asked for it by name: it is passed over.
                    Err(TreeError::Excluded { .. } | TreeError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if sources.len() == before && !wildcard::may_find_nothing(pattern) {
                return Err(TreeError::NotFound {
                    path: pattern.into(),
                });
            }
        }
        Ok(sources)
    }

    /// The paths that a pattern with wildcards means, sorted.
    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, TreeError> {
        let mut found = vec![PathBuf::new()];
        for component in pattern.split('/').filter(|component| !component.is_empty()) {
            if !wildcard::is_pattern(component) {
                found.iter_mut().for_each(|path| path.push(component));
                continue;
            }
            if !wildcard::is_valid(component) {
                return Err(TreeError::BadPattern {
                    path: pattern.into(),
                });
            }
            let mut next = Vec::new();
            for folder in &found {
                let resolved = self.tree.resolve(folder)?;
                if !resolved.is_folder() {
                    continue;
                }
                let names = self.tree.list(&resolved.path)?.into_iter();
                let matching =
                    names.filter(|name| wildcard::matches(component, &name.to_string_lossy()));
                next.extend(matching.map(|name| folder.join(name)));
            }
            found = next;
        }
        Ok(found)
    }

    fn source(&self, path: &Path, count: &mut usize) -> Result<Source, TreeError> {
        let resolved = self.tree.resolve(path)?;
        let Some(stat) = resolved.stat else {
            return Err(TreeError::NotFound {
                path: path.to_owned(),
            });
        };
        let mut entries = Vec::new();
        self.walk(&resolved.path, Path::new(""), &stat, count, &mut entries)?;
        if entries.is_empty() {
            let path = path.to_owned();
            return Err(match self.filter {
                Some(filter) => TreeError::Excluded {
                    path,
                    ignore_file: filter.file.clone(),
                },
                // A socket in a stage.
                None => TreeError::NotFound { path },
            });
        }
        let name = path.file_name().unwrap_or(OsStr::new("")).to_owned();
        Ok(Source { name, entries })
    }

    /// Adds what lies at `at` and below. An excluded folder is added where something in it is not excluded.
    fn walk(
        &self,
        at: &Path,
        path: &Path,
        stat: &Stat,
        count: &mut usize,
        entries: &mut Vec<Entry>,
    ) -> Result<(), TreeError> {
        if self.cancel.is_cancelled() {
            return Err(TreeError::Cancelled);
        }
        *count += 1;
        let too_many = |what, max| TreeError::TooMany {
            what,
            max,
            path: at.to_owned(),
        };
        if *count > ENTRIES_MAX {
            return Err(too_many("files in one COPY", ENTRIES_MAX));
        }
        if at.components().count() > DEPTH_MAX {
            return Err(too_many("folders in folders", DEPTH_MAX));
        }
        let excluded = self.excludes(at);
        if kind(stat) != FileType::Directory {
            if !excluded && let Some(entry) = self.entry(at, path, stat)? {
                entries.push(entry);
            }
            return Ok(());
        }
        if excluded && !self.may_hold_exceptions(at) {
            return Ok(());
        }
        let own = entries.len();
        entries.extend(self.entry(at, path, stat)?);
        for name in self.tree.list(at)? {
            let below = at.join(&name);
            let stat = self.tree.stat(&below)?.ok_or_else(|| TreeError::Changed {
                path: below.clone(),
            })?;
            self.walk(&below, &path.join(&name), &stat, count, entries)?;
        }
        if excluded && entries.len() == own + 1 {
            entries.truncate(own);
        }
        Ok(())
    }

    /// One entry; `None` for what is passed over: a socket in a stage, which no layer can hold.
    fn entry(&self, at: &Path, path: &Path, stat: &Stat) -> Result<Option<Entry>, TreeError> {
        let special = |kind| {
            Err(TreeError::Special {
                path: at.to_owned(),
                kind,
            })
        };
        let mut xattrs = Vec::new();
        let content = match kind(stat) {
            FileType::RegularFile => {
                let file = self
                    .tree
                    .open(at, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK)?;
                if self.stage {
                    xattrs = read_xattrs(&file, at)?;
                }
                let digest = self.digest(file, at, stat)?;
                Content::File {
                    size: stat.st_size.unsigned_abs(),
                    digest,
                }
            }
            FileType::Directory => Content::Folder,
            FileType::Symlink => Content::Link(self.tree.read_link(at)?),
            FileType::Socket if self.stage => return Ok(None),
            FileType::Socket => return special("a socket"),
            // A whiteout, where overlayfs had nothing below to hide by it.
            FileType::CharacterDevice if self.stage && stat.st_rdev == 0 => return Ok(None),
            FileType::Fifo if self.stage => Content::Fifo,
            FileType::Fifo => return special("a named pipe"),
            device if self.stage => Content::Device(device, stat.st_rdev),
            _ => return special("a device"),
        };
        Ok(Some(Entry {
            path: path.to_owned(),
            at: at.to_owned(),
            shared_with: (stat.st_nlink > 1 && matches!(content, Content::File { .. }))
                .then_some((stat.st_dev, stat.st_ino)),
            content,
            mode: permissions(stat),
            owner: (stat.st_uid, stat.st_gid),
            mtime: (stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
            xattrs,
        }))
    }

    /// Digests a file, and makes sure that it is the one that was looked at and that it stayed the same.
    fn digest(&self, file: OwnedFd, at: &Path, before: &Stat) -> Result<Digest, TreeError> {
        let mut file = File::from(file);
        let mut writer = DigestWriter::new(io::sink());
        let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(before.st_size).unwrap_or(0) + 1)];
        loop {
            let length = file
                .read(&mut chunk)
                .map_err(TreeError::std_io("read", at))?;
            if length == 0 {
                break;
            }
            if self.cancel.is_cancelled() {
                return Err(TreeError::Cancelled);
            }
            writer
                .write_all(&chunk[..length])
                .map_err(TreeError::std_io("digest", at))?;
        }
        let after = rustix::fs::fstat(&file).map_err(TreeError::io("look at", at))?;
        let (_, digest, bytes) = writer.finish();
        let of = |stat: &Stat| {
            (
                stat.st_dev,
                stat.st_ino,
                stat.st_size,
                stat.st_mtime,
                stat.st_mtime_nsec,
                stat.st_mode,
            )
        };
        if of(&after) != of(before) || bytes != before.st_size.unsigned_abs() {
            return Err(TreeError::Changed {
                path: at.to_owned(),
            });
        }
        Ok(digest)
    }

    fn excludes(&self, at: &Path) -> bool {
        !at.as_os_str().is_empty()
            && self
                .filter
                .is_some_and(|filter| filter.ignore.excludes(&at.to_string_lossy()))
    }

    fn may_hold_exceptions(&self, at: &Path) -> bool {
        self.filter
            .is_some_and(|filter| filter.ignore.may_hold_exceptions(&at.to_string_lossy()))
    }
}

fn read_xattrs(file: &OwnedFd, at: &Path) -> Result<Vec<(OsString, Vec<u8>)>, TreeError> {
    use std::os::unix::ffi::OsStringExt as _;
    // The kernel's own limits: 64 KiB of names, 64 KiB a value.
    let mut buffer = vec![0_u8; 64 << 10];
    let length = match rustix::fs::flistxattr(file, &mut buffer) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(TreeError::io("read the attributes of", at)(error)),
    };
    let names: Vec<Vec<u8>> = buffer[..length]
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_vec)
        .collect();
    let mut xattrs = Vec::new();
    for name in names {
        if !XATTRS.iter().any(|kept| name.starts_with(kept.as_bytes())) {
            continue;
        }
        let name = OsString::from_vec(name);
        let length = rustix::fs::fgetxattr(file, &name, &mut buffer)
            .map_err(TreeError::io("read the attributes of", at))?;
        xattrs.push((name, buffer[..length].to_vec()));
    }
    xattrs.sort();
    Ok(xattrs)
}

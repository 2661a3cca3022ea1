//! The files of an archive: listed by their headers, read where they lie.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

use estiva_shared::image::{Digest, ReadAt, TarKind, TarReader, Window};
use serde::de::DeserializeOwned;

use super::ArchiveError;
use crate::limits::{ARCHIVE_DOCUMENT_BYTES_MAX, MANIFEST_BYTES_MAX};

/// The most files that are listed: what any archive in use has, a thousand times over.
pub(super) const MEMBERS_MAX: usize = 1_000_000;

/// The most bytes of their paths and of what links lead to, because they are held in memory: usual ones have 80 each.
pub(super) const MEMBER_NAME_BYTES_MAX: usize = 128 << 20;

/// How many links are followed to a file: `docker save` of old made one for a layer that two images share.
const LINKS_MAX: usize = 8;

/// What is read at once while listing: a header and a little more.
const LIST_BUFFER_BYTES: usize = 4096;

enum Member {
    File { offset: u64, size: u64 },
    Link(String),
}

/// An archive, a plain tar by now.
pub(super) struct Members {
    file: FileAt,
    members: BTreeMap<String, Member>,
    /// How much of [`ARCHIVE_DOCUMENT_BYTES_MAX`] is left.
    document_bytes_left: Cell<u64>,
}

struct FileAt {
    file: File,
    size: u64,
}

impl ReadAt for FileAt {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
}

impl Members {
    /// Lists the archive.
    pub(super) fn list(file: File) -> Result<Self, ArchiveError> {
        let size = file.metadata().map_err(ArchiveError::Read)?.len();
        let file = FileAt { file, size };
        let mut members = BTreeMap::new();
        let listing = BufReader::with_capacity(LIST_BUFFER_BYTES, Window::whole(&file));
        let mut reader = TarReader::seekable(listing);
        let mut name_bytes = 0;
        while let Some(entry) = reader.next_entry()? {
            name_bytes += entry.path.len() + entry.link.as_deref().map_or(0, <[u8]>::len);
            if members.len() >= MEMBERS_MAX || name_bytes > MEMBER_NAME_BYTES_MAX {
                return Err(ArchiveError::TooManyFiles);
            }
            let path = clean(&entry.path, "");
            let member = match entry.kind {
                TarKind::File if entry.sparse.is_none() => Member::File {
                    offset: entry.content_offset,
                    size: entry.size,
                },
                TarKind::Hardlink => Member::Link(clean(&entry.link.unwrap_or_default(), "")),
                TarKind::Symlink => {
                    Member::Link(clean(&entry.link.unwrap_or_default(), parent(&path)))
                }
                _ => continue,
            };
            members.insert(path, member);
        }
        Ok(Self {
            file,
            members,
            document_bytes_left: Cell::new(ARCHIVE_DOCUMENT_BYTES_MAX),
        })
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.find(path).is_ok()
    }

    /// Opens a file of the archive.
    pub(super) fn open(&self, path: &str) -> Result<Window<'_>, ArchiveError> {
        let (offset, size) = self.find(path)?;
        Ok(Window::new(&self.file, offset, size))
    }

    /// Reads a small file whole. All that are read have a limit together, as one file may be named many times.
    pub(super) fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, ArchiveError> {
        let (offset, size) = self.find(path)?;
        if size > max {
            return Err(ArchiveError::TooLarge {
                path: path.to_owned(),
                found: size,
                max,
            });
        }
        let left = self.document_bytes_left.get().checked_sub(size);
        self.document_bytes_left
            .set(left.ok_or(ArchiveError::TooManyDocuments)?);
        let mut bytes = Vec::with_capacity(size as usize);
        Window::new(&self.file, offset, size)
            .read_to_end(&mut bytes)
            .map_err(ArchiveError::Read)?;
        Ok(bytes)
    }

    /// Reads a document that has no digest.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        expected: &'static str,
    ) -> Result<T, ArchiveError> {
        let bytes = self.read(path, MANIFEST_BYTES_MAX)?;
        parse(&bytes, path, expected)
    }

    /// Reads a small blob, which must be what its digest says.
    pub(super) fn blob(&self, digest: &Digest, max: u64) -> Result<Vec<u8>, ArchiveError> {
        let path = blob_path(digest);
        let bytes = self.read(&path, max)?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(ArchiveError::Digest {
                path,
                expected: *digest,
                found,
            });
        }
        Ok(bytes)
    }

    fn find(&self, path: &str) -> Result<(u64, u64), ArchiveError> {
        let mut current = clean(path.as_bytes(), "");
        for _ in 0..LINKS_MAX {
            match self.members.get(&current) {
                Some(Member::File { offset, size }) => return Ok((*offset, *size)),
                Some(Member::Link(target)) => current.clone_from(target),
                None => break,
            }
        }
        Err(ArchiveError::Missing {
            path: path.to_owned(),
        })
    }
}

/// Where an OCI layout keeps a blob.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Reads a document.
pub(super) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    path: &str,
    expected: &'static str,
) -> Result<T, ArchiveError> {
    serde_json::from_slice(bytes).map_err(|source| ArchiveError::Json {
        path: path.to_owned(),
        expected,
        source,
    })
}

/// A path in one spelling. It is only looked up among the archive's own, so `..` is no danger, and stops at the top.
fn clean(raw: &[u8], folder: &str) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

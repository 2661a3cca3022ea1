//! Blobs: content by its digest. Written to `ingest`, renamed when complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use estiva_shared::image::{Digest, DigestWriter};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::Durability;
use crate::error::{IoFault, StoreError};
use crate::store::{Hold, Store};

/// What a write to a blob collects before it goes to the file: fewer calls, and small enough for the cache.
const WRITE_BUFFER_BYTES: usize = 256 << 10;

/// What [`copy`] says it was doing when its source failed.
pub(crate) const READING: &str = "read what goes to";

impl Store {
    /// Keeps all that `content` gives.
    ///
    /// Hold the collector off ([`Store::hold`]) until something refers to it.
    ///
    /// # Errors
    /// [`StoreError::Full`] and other faults of files; what was written is removed.
    pub fn put_blob(&self, content: &mut dyn Read) -> Result<Digest, StoreError> {
        let mut writer = self.blob_writer()?;
        copy(content, &mut writer)?;
        Ok(writer.publish()?.0)
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlob`] where there is none of this digest.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.layout.blob(digest);
        File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::UnknownBlob(*digest),
            _ => IoFault::at("open", &path)(error).into(),
        })
    }

    /// Whether the blob is there, complete.
    ///
    /// # Errors
    /// Faults of SQLite.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.database.read(|connection| has_row(connection, digest))
    }

    /// Reads a small blob whole.
    pub(crate) fn read_blob(
        &self,
        digest: &Digest,
        what: &'static str,
        max: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let mut file = self.open_blob(digest)?;
        let path = self.layout.blob(digest);
        let found = file.metadata().map_err(IoFault::at("stat", &path))?.len();
        if found > max {
            return Err(StoreError::TooLarge { what, found, max });
        }
        let mut bytes = Vec::with_capacity(found as usize);
        file.read_to_end(&mut bytes)
            .map_err(IoFault::at("read", &path))?;
        Ok(bytes)
    }

    /// A blob of bytes that are at hand.
    pub(crate) fn put_bytes(&self, mut bytes: &[u8]) -> Result<Digest, StoreError> {
        self.put_blob(&mut bytes)
    }

    /// A blob to be written piece by piece; gone unless it is published.
    pub(crate) fn blob_writer(&self) -> Result<BlobWriter<'_>, StoreError> {
        let scratch = ScratchFile::create(self.ingest_path())?;
        let file = scratch.reopen()?;
        Ok(BlobWriter {
            hold: self.hold(),
            store: self,
            inner: DigestWriter::new(BufWriter::with_capacity(WRITE_BUFFER_BYTES, file)),
            scratch,
        })
    }
}

/// A blob while it is written.
pub(crate) struct BlobWriter<'a> {
    /// Between finding the content there and using it, the collector must not take it.
    #[expect(dead_code, reason = "held for its drop alone")]
    hold: Hold<'a>,
    store: &'a Store,
    inner: DigestWriter<BufWriter<File>>,
    scratch: ScratchFile,
}

impl BlobWriter<'_> {
    /// What has been written so far can be read from here, once flushed.
    pub(crate) fn path(&self) -> &Path {
        &self.scratch.path
    }

    /// Gives the blob its name: its digest, and how many bytes it has.
    pub(crate) fn publish(self) -> Result<(Digest, u64), StoreError> {
        self.publish_if(None)
    }

    /// As [`Self::publish`], where the digest is the expected one.
    pub(crate) fn publish_if(
        mut self,
        expected: Option<&Digest>,
    ) -> Result<(Digest, u64), StoreError> {
        self.flush().map_err(IoFault::at("write", self.path()))?;
        let store = self.store;
        let (_, digest, size) = self.inner.finish();
        if let Some(expected) = expected
            && *expected != digest
        {
            return Err(StoreError::DigestMismatch {
                expected: *expected,
                found: digest,
            });
        }
        let path = store.layout.blob(&digest);
        store.database.write(Durability::Process, |transaction| {
            if has_row(transaction, &digest)? && path.exists() {
                return Ok(());
            }
            // Rename before the row is there: a row never says more than the disk. A file without a row, left by a
            // kill in between, is removed at the next opening.
            fs::rename(&self.scratch.path, &path).map_err(IoFault::at("rename to", &path))?;
            transaction.execute(
                "INSERT INTO blobs (digest, size_bytes) VALUES (?1, ?2)
                 ON CONFLICT (digest) DO UPDATE SET size_bytes = ?2, synced = 0",
                params![digest.to_string(), size as i64],
            )?;
            Ok(())
        })?;
        Ok((digest, size))
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A file in `ingest`, removed when dropped unless it was renamed.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    pub(crate) path: PathBuf,
}

impl ScratchFile {
    pub(crate) fn create(path: PathBuf) -> Result<Self, StoreError> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(IoFault::at("create", &path))?;
        Ok(Self { path })
    }

    /// The file, from its start, to read and write.
    pub(crate) fn reopen(&self) -> Result<File, StoreError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(|error| IoFault::at("open", &self.path)(error).into())
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // Gone already where it was published.
        let _ = fs::remove_file(&self.path);
    }
}

/// Copies everything into a blob.
pub(crate) fn copy(from: &mut dyn Read, to: &mut BlobWriter<'_>) -> Result<u64, StoreError> {
    let mut buffer = vec![0; WRITE_BUFFER_BYTES];
    let mut total = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(IoFault::at(READING, to.path())(error).into()),
        };
        to.write_all(&buffer[..count])
            .map_err(IoFault::at("write", to.path()))?;
        total += count as u64;
    }
}

fn has_row(connection: &Connection, digest: &Digest) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM blobs WHERE digest = ?1")?
        .query_row([digest.to_string()], |_| Ok(()))
        .optional()?
        .is_some())
}

//! How layers travel: compressed, while they lie plain in the store. Which compressed blob is which layer, and in which
//! repository it was seen, is kept, so that a push sends nothing that the registry has.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};

use estiva_shared::image::{DiffId, Digest, DigestWriter, Reference, media_type};
use flate2::Compression;
use flate2::write::GzEncoder;
use rusqlite::params;

use super::client::Client;
use super::error::RegistryError;
use super::manifest::{Layer, Packing};
use super::progress::Meter;
use crate::blobs::ScratchFile;
use crate::database::Durability;
use crate::error::{IoFault, StoreError};
use crate::images::digest_of;
use crate::store::{Store, now_ms};

/// What is read of a layer at once.
const BUFFER_BYTES: usize = 256 << 10;

/// The most blobs and places that are known of one layer: the latest. Each costs a push one question.
const PLACES_MAX: usize = 8;

/// A layer's blob, as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Travelled {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    pub(super) packing: Packing,
    /// Registry and path: `docker.io/library/node`.
    pub(super) repository: String,
}

impl Travelled {
    pub(super) fn of(layer: &Layer, reference: &Reference) -> Self {
        Self {
            digest: layer.digest,
            bytes: layer.bytes,
            packing: layer.packing,
            repository: reference.repository().to_owned(),
        }
    }

    /// The path of its repository in a registry; none where that is another registry.
    pub(super) fn path_in(&self, registry: &str) -> Option<&str> {
        let (domain, path) = self.repository.split_once('/')?;
        (domain == registry).then_some(path)
    }
}

impl Store {
    /// Keeps where a layer was seen.
    pub(super) fn put_travelled(
        &self,
        diff_id: &DiffId,
        seen: &Travelled,
    ) -> Result<(), StoreError> {
        self.database.write(Durability::Process, |transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO layer_blobs
                 (diff_id, digest, repository, media_type, size_bytes, seen_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM layers WHERE diff_id = ?1)",
                params![
                    diff_id.to_string(),
                    seen.digest.to_string(),
                    seen.repository,
                    seen.packing.media_type(),
                    seen.bytes as i64,
                    now_ms() as i64
                ],
            )?;
            transaction.execute(
                "DELETE FROM layer_blobs WHERE diff_id = ?1 AND rowid NOT IN
                 (SELECT rowid FROM layer_blobs WHERE diff_id = ?1
                  ORDER BY seen_ms DESC, rowid DESC LIMIT ?2)",
                params![diff_id.to_string(), PLACES_MAX as i64],
            )?;
            Ok(())
        })
    }

    /// The blobs that a layer is known by, the latest first.
    pub(super) fn travelled(&self, diff_id: &DiffId) -> Result<Vec<Travelled>, StoreError> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT digest, repository, media_type, size_bytes FROM layer_blobs
                 WHERE diff_id = ?1 ORDER BY seen_ms DESC, rowid DESC",
            )?;
            let rows = statement.query_map([diff_id.to_string()], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, i64>(3)?,
                ))
            })?;
            let mut found = Vec::new();
            for row in rows {
                let (digest, repository, media_type, bytes) = row?;
                found.push(Travelled {
                    digest: digest_of(&digest)?,
                    bytes: bytes as u64,
                    packing: packing_of(&media_type),
                    repository,
                });
            }
            Ok(found)
        })
    }
}

fn packing_of(media_type: &str) -> Packing {
    match media_type {
        media_type::LAYER => Packing::Plain,
        media_type::LAYER_ZSTD => Packing::Zstd,
        _ => Packing::Gzip,
    }
}

/// A layer, compressed for its way, and gone when this is dropped.
pub(super) struct Packed {
    scratch: ScratchFile,
    pub(super) digest: Digest,
    pub(super) bytes: u64,
}

impl Packed {
    pub(super) fn open(&self) -> Result<File, StoreError> {
        self.scratch.reopen()
    }
}

/// Compresses a layer. The same layer gives the same blob: no name and no time is written.
pub(super) fn pack(
    store: &Store,
    client: &Client,
    diff_id: &DiffId,
    meter: &Meter<'_>,
) -> Result<Packed, RegistryError> {
    let blob = store.open_blob(diff_id.digest())?;
    let mut blob = BufReader::with_capacity(BUFFER_BYTES, blob);
    let scratch = ScratchFile::create(store.ingest_path())?;
    let file = BufWriter::with_capacity(BUFFER_BYTES, scratch.reopen()?);
    let mut gzip = GzEncoder::new(DigestWriter::new(file), Compression::default());
    let path = &scratch.path;
    let write = |error| StoreError::from(IoFault::at("write", path)(error));
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        client.check()?;
        let count = blob
            .read(&mut buffer)
            .map_err(IoFault::at("read a layer for", path))
            .map_err(StoreError::from)?;
        if count == 0 {
            break;
        }
        gzip.write_all(&buffer[..count]).map_err(write)?;
        meter.add(count as u64);
    }
    let mut out = gzip.finish().map_err(write)?;
    out.flush().map_err(write)?;
    let (_, digest, bytes) = out.finish();
    Ok(Packed {
        scratch,
        digest,
        bytes,
    })
}

//! Keeping the images of an archive: its documents are read first, then its layers, and at the very end, in one
//! transaction, the images come to be and get their names.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use estiva_shared::image::{Compression, DiffId, Digest, DigestReader, Inflating, Reference};
use serde::Deserialize;

use super::members::{Members, parse};
use super::{ArchiveError, Loaded, docker, oci};
use crate::blobs::BlobWriter;
use crate::error::StoreError;
use crate::limits::{ARCHIVE_BYTES_MAX, LAYERS_MAX};
use crate::store::Store;

/// What is read of a compressed file at once.
const READ_BUFFER_BYTES: usize = 128 << 10;

/// An image that an archive lists.
pub(super) struct PlannedImage {
    /// The document that lists it, for messages.
    pub(super) source: String,
    /// The config's bytes.
    pub(super) config: Vec<u8>,
    /// Lowest first.
    pub(super) layers: Vec<LayerFile>,
    pub(super) names: Vec<Reference>,
}

/// One layer's file in the archive, plain or compressed.
pub(super) struct LayerFile {
    pub(super) path: String,
    /// The digest of the file as it lies, where something says it.
    pub(super) digest: Option<Digest>,
}

/// What of a config is needed to load it.
#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<DiffId>>,
}

/// Keeps all images of an archive, plain or compressed.
pub(super) fn load(store: &Store, mut archive: File) -> Result<Vec<Loaded>, StoreError> {
    let inflated = match sniff(&mut archive)? {
        Compression::None => None,
        compression => Some(inflate(
            store,
            archive.try_clone().map_err(ArchiveError::Read)?,
            compression,
        )?),
    };
    let members = match &inflated {
        Some(scratch) => Members::list(File::open(scratch.path()).map_err(ArchiveError::Read)?)?,
        None => Members::list(archive)?,
    };
    // Where an archive is both, the docker-archive's list has the whole names.
    let planned = if members.has(docker::MANIFEST) {
        docker::images(&members)?
    } else if members.has(oci::INDEX) {
        oci::images(&members)?
    } else {
        return Err(ArchiveError::NoManifest.into());
    };
    let mut images = Vec::with_capacity(planned.len());
    let mut checked = HashSet::new();
    for image in planned {
        let diff_ids = layers(store, &members, &image, &mut checked)?;
        images.push((store.draft_image(&image.config, &diff_ids)?, image.names));
    }
    store.keep_drafts(&images)?;
    Ok(images
        .into_iter()
        .map(|(draft, names)| Loaded {
            id: draft.id,
            names,
        })
        .collect())
}

/// Refuses more layers than an image can have, before anything is done for the first.
pub(super) fn check_layers(path: &str, found: usize) -> Result<(), ArchiveError> {
    if found > LAYERS_MAX {
        return Err(ArchiveError::TooManyLayers {
            path: path.to_owned(),
            found,
        });
    }
    Ok(())
}

/// Keeps an image's layers. `checked` are the files that were found to be what their digests say: each is read once,
/// however often it is listed.
fn layers(
    store: &Store,
    members: &Members,
    image: &PlannedImage,
    checked: &mut HashSet<String>,
) -> Result<Vec<DiffId>, StoreError> {
    let config: Config = parse(&image.config, &image.source, "an image's config")?;
    let diff_ids = config.rootfs.diff_ids.unwrap_or_default();
    if diff_ids.len() != image.layers.len() {
        return Err(ArchiveError::LayerCount {
            path: image.source.clone(),
            expected: diff_ids.len(),
            found: image.layers.len(),
        }
        .into());
    }
    for (layer, diff_id) in image.layers.iter().zip(&diff_ids) {
        import(store, members, layer, diff_id, checked)?;
    }
    Ok(diff_ids)
}

fn import(
    store: &Store,
    members: &Members,
    layer: &LayerFile,
    diff_id: &DiffId,
    checked: &mut HashSet<String>,
) -> Result<(), StoreError> {
    let mut file = members.open(&layer.path)?;
    let compression = sniff(&mut file)?;
    let mut lying = DigestReader::new(file);
    let mut tar = Inflating::new(&mut lying, compression)
        .ok_or_else(|| not_read(format!("a layer {}", layer.path), compression))?;
    let imported = store.import_layer(&mut tar, Some(diff_id));
    imported.map_err(|error| match error {
        StoreError::DigestMismatch { found, .. } => ArchiveError::DiffId {
            path: layer.path.clone(),
            expected: *diff_id,
            found,
        }
        .into(),
        StoreError::Extract(source) => ArchiveError::Layer {
            path: layer.path.clone(),
            source,
        }
        .into(),
        StoreError::Io(fault) if fault.action == crate::blobs::READING => ArchiveError::LayerRead {
            path: layer.path.clone(),
            source: fault.source,
        }
        .into(),
        other => other,
    })?;
    // The tar itself is what the config wants. That the file around it is also what the manifest says, matters to who
    // signed the manifest.
    let Some(expected) = layer.digest else {
        return Ok(());
    };
    if checked.contains(&layer.path) {
        return Ok(());
    }
    lying.drain().map_err(ArchiveError::Read)?;
    let (_, found, _) = lying.finish();
    if found != expected {
        return Err(ArchiveError::Digest {
            path: layer.path.clone(),
            expected,
            found,
        }
        .into());
    }
    checked.insert(layer.path.clone());
    Ok(())
}

/// How a file is compressed, by its first bytes; it is left at its start.
fn sniff(file: &mut (impl Read + Seek)) -> Result<Compression, ArchiveError> {
    let mut start = [0; 6];
    let mut length = 0;
    while length < start.len() {
        match file.read(&mut start[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArchiveError::Read(error)),
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
    Ok(Compression::sniff(&start[..length]))
}

fn not_read(what: String, found: Compression) -> ArchiveError {
    ArchiveError::Compression {
        what,
        found: found.name(),
        hint: found.unpack_with().unwrap_or_default(),
    }
}

/// A compressed archive can't be entered in its middle: it is written down plain, where a kill leaves nothing.
fn inflate(
    store: &Store,
    archive: File,
    compression: Compression,
) -> Result<BlobWriter<'_>, StoreError> {
    let file = BufReader::with_capacity(READ_BUFFER_BYTES, archive);
    let inflating = Inflating::new(file, compression)
        .ok_or_else(|| not_read("an archive".to_owned(), compression))?;
    spool(store, &mut { inflating })
}

/// Writes a stream down, to be read at will.
pub(super) fn spool<'a>(
    store: &'a Store,
    stream: &mut dyn Read,
) -> Result<BlobWriter<'a>, StoreError> {
    let mut scratch = store.blob_writer()?;
    let size = crate::blobs::copy(&mut stream.take(ARCHIVE_BYTES_MAX + 1), &mut scratch).map_err(
        |error| match error {
            StoreError::Io(fault) if fault.action == crate::blobs::READING => {
                ArchiveError::Read(fault.source).into()
            }
            other => other,
        },
    )?;
    if size > ARCHIVE_BYTES_MAX {
        return Err(ArchiveError::ArchiveTooLarge.into());
    }
    io::Write::flush(&mut scratch).map_err(ArchiveError::Read)?;
    Ok(scratch)
}

//! Writing images as one tar that is both an OCI layout and a docker-archive, as Docker's own is since version 25: its
//! `index.json` and its `manifest.json` lead to the same blobs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use estiva_shared::image::{Digest, Reference, media_type};
use serde_json::{Value, json};

use super::members::blob_path;
use crate::error::{IoFault, StoreError};
use crate::images::{ImageRecord, canonical};
use crate::limits::MANIFEST_BYTES_MAX;
use crate::store::Store;
use crate::tar_writer::{Header, TarWriter, Type};

/// The mode of the archive's files.
const FILE_MODE: u32 = 0o644;
/// The mode of its folders.
const FOLDER_MODE: u32 = 0o755;

/// Writes the archive.
pub(super) fn save(
    store: &Store,
    images: &[ImageRecord],
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let mut tar = TarWriter::new(out);
    for folder in ["blobs", "blobs/sha256"] {
        let mut header = Header::new(Type::Folder, folder.as_bytes());
        header.mode = FOLDER_MODE;
        tar.entry(&header).map_err(fault(folder))?;
    }
    let blobs: BTreeSet<Digest> = images.iter().flat_map(blobs_of).collect();
    for digest in &blobs {
        let mut blob = store.open_blob(digest)?;
        let path = blob_path(digest);
        let mut header = Header::new(Type::File, path.as_bytes());
        header.mode = FILE_MODE;
        header.size = blob.metadata().map_err(IoFault::at("stat", &path))?.len();
        tar.file(&header, &mut blob, &mut |_| Ok(()))
            .map_err(fault(&path))?;
    }
    let documents = [
        ("index.json", canonical(&index(store, images)?, "an index")?),
        (
            "manifest.json",
            canonical(&docker_manifest(images), "a list of images")?,
        ),
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
    ];
    for (path, bytes) in documents {
        let mut header = Header::new(Type::File, path.as_bytes());
        header.mode = FILE_MODE;
        header.size = bytes.len() as u64;
        tar.file(&header, &mut &bytes[..], &mut |_| Ok(()))
            .map_err(fault(path))?;
    }
    let out = tar.finish().map_err(fault("the end"))?;
    out.flush().map_err(fault("the end"))?;
    Ok(())
}

fn blobs_of(image: &ImageRecord) -> impl Iterator<Item = Digest> {
    let layers = image.diff_ids.iter().map(|diff_id| *diff_id.digest());
    [image.id, image.manifest_digest].into_iter().chain(layers)
}

/// One descriptor a name; one without a name, where there is none.
fn index(store: &Store, images: &[ImageRecord]) -> Result<Value, StoreError> {
    let mut manifests = Vec::new();
    for image in images {
        let manifest = store.read_blob(&image.manifest_digest, "a manifest", MANIFEST_BYTES_MAX)?;
        let descriptor = json!({
            "mediaType": media_type::MANIFEST,
            "digest": image.manifest_digest,
            "size": manifest.len(),
            "platform": {
                "architecture": image.config.architecture().to_string(),
                "os": image.config.os().to_string(),
            },
        });
        let mut named: Vec<Value> = tags(image)
            .map(|(name, tag)| {
                let mut descriptor = descriptor.clone();
                descriptor["annotations"] = json!({
                    media_type::ANNOTATION_CONTAINERD_NAME: name.canonical(),
                    media_type::ANNOTATION_REF_NAME: tag,
                });
                descriptor
            })
            .collect();
        if named.is_empty() {
            named.push(descriptor);
        }
        manifests.extend(named);
    }
    Ok(json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": manifests,
    }))
}

fn docker_manifest(images: &[ImageRecord]) -> Value {
    let items = images.iter().map(|image| {
        let names: Vec<String> = tags(image).map(|(name, _)| name.familiar()).collect();
        let layers = image
            .diff_ids
            .iter()
            .map(|diff_id| blob_path(diff_id.digest()));
        json!({
            "Config": blob_path(&image.id),
            "RepoTags": names,
            "Layers": layers.collect::<Vec<_>>(),
        })
    });
    items.collect()
}

/// The names that have a tag: a name by digest is no name to load it by.
fn tags(image: &ImageRecord) -> impl Iterator<Item = (&Reference, &str)> {
    image
        .names
        .iter()
        .filter_map(|name| name.tag().map(|tag| (name, tag)))
}

fn fault(entry: &str) -> impl FnOnce(io::Error) -> IoFault {
    IoFault::at("write to the archive", entry)
}

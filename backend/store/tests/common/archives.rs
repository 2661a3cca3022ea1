//! Archives made by hand, document by document.

use std::fs;
use std::io::Write;

use estiva_shared::image::Digest;
use estiva_store::{Loaded, Store, StoreError};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Tar, new_store};

pub(crate) fn load(store: &Store, archive: &[u8]) -> Result<Vec<Loaded>, StoreError> {
    store.load_stream(&mut &archive[..])
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn with_zstd(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// An archive of files, as a docker-archive or an OCI layout by the documents among them.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Tar::new();
    for (path, bytes) in files {
        tar = tar.file(path, bytes);
    }
    tar.bytes()
}

pub(crate) fn config_of(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| Digest::of(layer).to_string())
        .collect();
    json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string()
        .into_bytes()
}

/// Every blob of an OCI layout with these documents, under its digest.
pub(crate) fn layout(index: &Value, blobs: &[&[u8]]) -> Vec<u8> {
    let index = index.to_string();
    let paths: Vec<String> = blobs
        .iter()
        .map(|blob| format!("blobs/sha256/{}", Digest::of(blob).hex()))
        .collect();
    let mut files: Vec<(&str, &[u8])> =
        vec![("oci-layout", b"{}"), ("index.json", index.as_bytes())];
    files.extend(paths.iter().map(String::as_str).zip(blobs.iter().copied()));
    archive(&files)
}

pub(crate) fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(blob).to_string(), "size": blob.len()})
}

pub(crate) fn manifest_of(config: &[u8], layer: &[u8]) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    })
    .to_string()
    .into_bytes()
}

/// Loads what must be refused; nothing of it may stay, neither names nor images nor layers.
pub(crate) fn refused(bytes: &[u8]) -> StoreError {
    let (folder, store) = new_store();
    let error = load(&store, bytes).unwrap_err();
    assert!(store.images().unwrap().is_empty(), "{error}");
    for each in ["ingest", "snapshots", "blobs/sha256"] {
        assert_eq!(
            fs::read_dir(folder.path().join(each)).unwrap().count(),
            0,
            "{each}: {error}"
        );
    }
    error
}

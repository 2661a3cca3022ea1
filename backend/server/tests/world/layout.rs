//! OCI layouts that a test writes blob by blob.

use std::fs;
use std::path::Path;

use estiva_shared::image::Digest;
use serde_json::{Value, json};

/// Puts a blob into a layout; answers its descriptor.
pub(crate) fn blob(layout: &Path, kind: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
}

/// Writes a layout's index, of these descriptors, and its mark.
pub(crate) fn index(layout: &Path, manifests: &[Value]) {
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    let mark = r#"{"imageLayoutVersion":"1.0.0"}"#;
    fs::write(layout.join("oci-layout"), mark).unwrap();
}

//! Archives that ask for more than any in use: refused before they cost much.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;

use common::archives::{
    archive, config_of, descriptor, gzipped, layout, load, manifest_of, refused,
};
use common::{Tar, is_root, new_store};
use estiva_store::{ArchiveError, StoreError};
use serde_json::{Value, json};

/// A number of this process: a line of a file in /proc, in its unit.
fn own(file: &str, line: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    let found = text.lines().find_map(|each| each.strip_prefix(line));
    let number = found.unwrap().trim().split(' ').next().unwrap();
    number.parse().unwrap()
}

/// An archive of 11 kB that named one config for a thousand images took 8 GB of memory.
#[test]
fn many_images_of_large_configs_are_refused_before_they_fill_the_memory() {
    if !is_root("many_images_of_large_configs_are_refused_before_they_fill_the_memory") {
        return;
    }
    let padding = " ".repeat(7 << 20);
    let config = [padding.as_bytes(), &config_of(&[])].concat();
    let item = json!({"Config": "c", "Layers": []});
    let manifest = Value::Array(vec![item; 1_000]).to_string();
    let packed = gzipped(&archive(&[
        ("c", &config),
        ("manifest.json", manifest.as_bytes()),
    ]));
    let error = refused(&packed);
    assert!(
        matches!(error, StoreError::Archive(ArchiveError::TooManyDocuments)),
        "{error}"
    );
    // The documents, and what the test itself holds.
    assert!(own("status", "VmHWM:") < 512 << 10, "in kB");

    // One image that is listed once for each of its names costs one config.
    let manifest = manifest_of(&config, b"");
    let manifest = {
        let mut value: Value = serde_json::from_slice(&manifest).unwrap();
        value["layers"] = json!([]);
        value.to_string().into_bytes()
    };
    let entries = (0..1_000).map(|number| {
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        entry["annotations"] =
            json!({"org.opencontainers.image.ref.name": format!("app:{number}")});
        entry
    });
    let index = json!({"schemaVersion": 2, "manifests": entries.collect::<Vec<_>>()});
    let (_folder, store) = new_store();
    let loaded = load(&store, &layout(&index, &[&manifest, &config])).unwrap();
    assert_eq!((loaded.len(), loaded[0].names.len()), (1, 1_000));
}

/// A manifest that listed one layer of 64 MiB 600 times took half a minute before it was refused.
#[test]
fn too_many_layers_are_refused_before_any_is_read_and_one_that_comes_again_is_read_once() {
    let test =
        "too_many_layers_are_refused_before_any_is_read_and_one_that_comes_again_is_read_once";
    if !is_root(test) {
        return;
    }
    let layer = Tar::new().file("x", &vec![7; 4 << 20]).bytes();
    let config_of_many = |count: usize| {
        let mut config: Value = serde_json::from_slice(&config_of(&[&layer])).unwrap();
        let listed = config["rootfs"]["diff_ids"][0].clone();
        config["rootfs"]["diff_ids"] = Value::Array(vec![listed; count]);
        config.to_string().into_bytes()
    };
    let archive_of = |count: usize| {
        let config = config_of_many(count);
        let mut manifest: Value = serde_json::from_slice(&manifest_of(&config, &layer)).unwrap();
        let listed = manifest["layers"][0].clone();
        manifest["layers"] = Value::Array(vec![listed; count]);
        let manifest = manifest.to_string().into_bytes();
        let image = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        let index = json!({"schemaVersion": 2, "manifests": [image]});
        layout(&index, &[&manifest, &config, &layer])
    };
    let read_by = |work: &dyn Fn()| {
        let before = own("io", "rchar:");
        work();
        own("io", "rchar:") - before
    };
    let many = archive_of(501);
    let read = read_by(&|| {
        let error = refused(&many);
        assert!(
            matches!(
                error,
                StoreError::Archive(ArchiveError::TooManyLayers { found: 501, .. })
            ),
            "{error}"
        );
    });
    assert!(read < 2 << 20, "{read}");
    let often = archive_of(500);
    let read = read_by(&|| {
        let (_folder, store) = new_store();
        assert_eq!(load(&store, &often).unwrap().len(), 1);
    });
    assert!(read < 32 << 20, "{read}");

    let item = json!({"Config": "c", "Layers": vec!["l"; 501]});
    let config = config_of_many(501);
    let docker = archive(&[
        ("l", &layer),
        ("c", &config),
        ("manifest.json", json!([item]).to_string().as_bytes()),
    ]);
    assert!(matches!(
        refused(&docker),
        StoreError::Archive(ArchiveError::TooManyLayers { found: 501, .. })
    ));
}

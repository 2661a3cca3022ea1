//! Archives in and out, without other tools: what is written is read again, and what is damaged is refused whole.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use common::archives::{
    archive, config_of, descriptor, gzipped, layout, load, manifest_of, refused, with_zstd,
};
use common::{Tar, image_of, import, is_root, new_store, small_image, snapshot};
use estiva_shared::image::{Digest, ReadAt, Reference, inspect};
use estiva_store::{ArchiveError, ImageRecord, Store, StoreError};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

fn name(text: &str) -> Reference {
    text.parse().unwrap()
}

fn saved(store: &Store, images: &[ImageRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.save(images, &mut bytes).unwrap();
    bytes
}

/// A store with two images that share a layer, the first with two names.
fn two_images(store: &Store) -> Vec<ImageRecord> {
    let shared = import(store, Tar::new().folder("a/", 0o755).file("a/b", b"shared"));
    let own = import(store, Tar::new().file("a/.wh.b", b"").file("c", b"own"));
    let first = image_of(store, &[shared.diff_id]);
    let second = image_of(store, &[shared.diff_id, own.diff_id]);
    for (each, image) in [
        ("one", &first),
        ("one:2", &first),
        ("r.example:5000/two:x", &second),
    ] {
        store.tag(&name(each), &image.id).unwrap();
    }
    vec![
        store.resolve("one").unwrap(),
        store.resolve("r.example:5000/two:x").unwrap(),
    ]
}

#[test]
fn what_is_saved_is_loaded_the_same_plain_and_compressed() {
    if !is_root("what_is_saved_is_loaded_the_same_plain_and_compressed") {
        return;
    }
    let (_folder, store) = new_store();
    let images = two_images(&store);
    let bytes = saved(&store, &images);
    assert_eq!(bytes, saved(&store, &images));
    for archive in [bytes.clone(), gzipped(&bytes), with_zstd(&bytes)] {
        let (_other_folder, other) = new_store();
        let loaded = load(&other, &archive).unwrap();
        assert_eq!(loaded.len(), 2);
        assert_eq!(loaded[0].names, [name("one:2"), name("one")]);
        for image in &images {
            let copy = other.resolve(&image.names[0].familiar()).unwrap();
            assert_eq!(
                (copy.id, copy.manifest_digest, &copy.names),
                (image.id, image.manifest_digest, &image.names)
            );
            assert_eq!(
                (&copy.diff_ids, copy.size_bytes),
                (&image.diff_ids, image.size_bytes)
            );
        }
        assert_eq!(
            saved(&other, &[other.resolve("one").unwrap()]),
            saved(&store, &images[..1])
        );
        assert_eq!(
            fs::read_dir(other.root().join("ingest")).unwrap().count(),
            0
        );
    }
}

#[test]
fn what_is_saved_is_understood_by_the_pages_reader() {
    if !is_root("what_is_saved_is_understood_by_the_pages_reader") {
        return;
    }
    let (_folder, store) = new_store();
    let images = two_images(&store);
    let bytes = saved(&store, &images);
    let analyses = inspect(&bytes as &dyn ReadAt, &mut |_| true).unwrap();
    assert_eq!(analyses.len(), 2);
    for (analysis, image) in analyses.iter().zip(&images) {
        assert_eq!(analysis.image.config_digest, image.id.to_string());
        assert!(analysis.problems.is_empty(), "{:?}", analysis.problems);
        assert!(analysis.image.layers.iter().all(|layer| layer.verified));
    }
}

#[test]
fn a_docker_archive_with_layers_in_folders_and_links_is_loaded() {
    if !is_root("a_docker_archive_with_layers_in_folders_and_links_is_loaded") {
        return;
    }
    let (_folder, store) = new_store();
    let layer = Tar::new().file("x", b"1").bytes();
    let config = config_of(&[&layer, &layer]);
    let config_name = format!("{}.json", Digest::of(&config).hex());
    let manifest = json!([{"Config": config_name, "RepoTags": ["old:1"], "Layers": ["aa/layer.tar", "bb/layer.tar"]}]).to_string();
    let bytes = Tar::new()
        .file("aa/layer.tar", &layer)
        .symlink("bb/layer.tar", "../aa/layer.tar")
        .file(&config_name, &config)
        .file("manifest.json", manifest.as_bytes())
        .bytes();
    let loaded = load(&store, &bytes).unwrap();
    assert_eq!(loaded[0].names, [name("old:1")]);
    assert_eq!(loaded[0].id, Digest::of(&config));
    assert_eq!(store.config_bytes(&loaded[0].id).unwrap(), config);
    let root = snapshot(
        &store,
        &store
            .layer(&store.resolve("old:1").unwrap().diff_ids[1])
            .unwrap()
            .unwrap(),
    );
    assert_eq!(fs::read(root.join("x")).unwrap(), b"1");
}

#[test]
fn an_oci_layout_of_several_platforms_gives_this_hosts_image() {
    if !is_root("an_oci_layout_of_several_platforms_gives_this_hosts_image") {
        return;
    }
    let (_folder, store) = new_store();
    let layer = Tar::new().file("x", b"1").bytes();
    let (config, packed) = (config_of(&[&layer]), gzipped(&layer));
    let manifest = manifest_of(&config, &packed);
    let platform = |os: &str, architecture: &str, blob: &[u8]| {
        let mut descriptor = descriptor("application/vnd.oci.image.manifest.v1+json", blob);
        descriptor["platform"] = json!({"os": os, "architecture": architecture});
        descriptor
    };
    let here = oci_spec::image::Arch::default().to_string();
    let mut attestation = platform("unknown", "unknown", b"att");
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let inner = json!({"schemaVersion": 2, "manifests": [
        platform("linux", "s390x", b"not there"), platform("linux", &here, &manifest), attestation,
    ]})
    .to_string()
    .into_bytes();
    let mut outer = descriptor("application/vnd.oci.image.index.v1+json", &inner);
    outer["annotations"] = json!({"io.containerd.image.name": "docker.io/library/many:1", "org.opencontainers.image.ref.name": "1"});
    let index = json!({"schemaVersion": 2, "manifests": [outer]});
    let bytes = layout(&index, &[&inner, &manifest, &config, &packed]);
    let loaded = load(&store, &bytes).unwrap();
    assert_eq!((loaded.len(), &loaded[0].names), (1, &vec![name("many:1")]));

    let only_other =
        json!({"schemaVersion": 2, "manifests": [platform("linux", "s390x", b"not there")]});
    let error = load(&store, &layout(&only_other, &[])).unwrap_err();
    assert!(
        matches!(&error, StoreError::Archive(ArchiveError::NoImage { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("linux/s390x"), "{error}");
}

#[test]
fn a_tag_alone_names_nothing() {
    if !is_root("a_tag_alone_names_nothing") {
        return;
    }
    let (_folder, store) = new_store();
    let layer = Tar::new().file("x", b"1").bytes();
    let config = config_of(&[&layer]);
    let manifest = manifest_of(&config, &layer);
    let mut image = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    image["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    let index = json!({"schemaVersion": 2, "manifests": [image]});
    let loaded = load(&store, &layout(&index, &[&manifest, &config, &layer])).unwrap();
    assert!(loaded[0].names.is_empty());
    assert_eq!(store.resolve(&loaded[0].id.hex()).unwrap().id, loaded[0].id);
}

#[test]
fn refuses_wrong_digests_wherever_they_are() {
    if !is_root("refuses_wrong_digests_wherever_they_are") {
        return;
    }
    let layer = Tar::new().file("x", b"1").bytes();
    let other = Tar::new().file("x", b"2").bytes();
    let config = config_of(&[&layer]);
    let (packed, config_digest) = (gzipped(&layer), Digest::of(&config).hex());

    // A config under another's name.
    let manifest =
        json!([{"Config": format!("{config_digest}.json"), "Layers": ["l"]}]).to_string();
    let renamed = archive(&[
        ("l", &layer),
        (&format!("{config_digest}.json"), &config_of(&[&other])),
        ("manifest.json", manifest.as_bytes()),
    ]);
    assert!(matches!(
        refused(&renamed),
        StoreError::Archive(ArchiveError::Digest { .. })
    ));

    // A layer that isn't what the config lists.
    let manifest = json!([{"Config": "c", "RepoTags": ["a"], "Layers": ["l"]}]).to_string();
    let exchanged = archive(&[
        ("l", &other),
        ("c", &config),
        ("manifest.json", manifest.as_bytes()),
    ]);
    assert!(matches!(
        refused(&exchanged),
        StoreError::Archive(ArchiveError::DiffId { .. })
    ));

    // The second image's fault leaves nothing of the first.
    let manifest = json!([{"Config": "c", "RepoTags": ["a"], "Layers": ["l"]}, {"Config": "c", "RepoTags": ["b"], "Layers": ["o"]}]).to_string();
    let second = archive(&[
        ("l", &layer),
        ("o", &other),
        ("c", &config),
        ("manifest.json", manifest.as_bytes()),
    ]);
    // The layer of the first is the one that the second's config lists too, so its file isn't read again.
    let (_folder, store) = new_store();
    assert_eq!(load(&store, &second).unwrap().len(), 2);

    // A blob whose compressed bytes aren't what the manifest says, although the tar in it is right.
    let repacked = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&layer).unwrap();
        encoder.finish().unwrap()
    };
    assert_ne!(packed, repacked);
    let manifest = manifest_of(&config, &packed);
    let image = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    let index = json!({"schemaVersion": 2, "manifests": [image]}).to_string();
    let path = |blob: &[u8]| format!("blobs/sha256/{}", Digest::of(blob).hex());
    let forged = archive(&[
        ("index.json", index.as_bytes()),
        (&path(&manifest), &manifest),
        (&path(&config), &config),
        (&path(&packed), &repacked),
    ]);
    assert!(matches!(
        refused(&forged),
        StoreError::Archive(ArchiveError::Digest { .. })
    ));
}

#[test]
fn refuses_what_is_damaged_or_no_archive_of_images() {
    if !is_root("refuses_what_is_damaged_or_no_archive_of_images") {
        return;
    }
    let (_folder, store) = new_store();
    let whole = saved(&store, &two_images(&store));
    let mut cut = whole.clone();
    cut.truncate(whole.len() / 2);
    refused(&cut);
    let packed = gzipped(&whole);
    refused(&packed[..packed.len() / 2]);
    let mut flipped = packed;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    refused(&flipped);
    let packed = with_zstd(&whole);
    refused(&packed[..packed.len() / 2]);
    refused(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0]);
    assert!(matches!(
        refused(b"no tar at all"),
        StoreError::Archive(ArchiveError::Tar(_))
    ));
    assert!(matches!(
        refused(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
        StoreError::Archive(ArchiveError::Compression { .. })
    ));
    let nothing = archive(&[("x", b"1")]);
    assert!(matches!(
        refused(&nothing),
        StoreError::Archive(ArchiveError::NoManifest)
    ));
    assert!(matches!(
        refused(b""),
        StoreError::Archive(ArchiveError::NoManifest)
    ));
    let text = archive(&[("manifest.json", b"{")]);
    assert!(matches!(
        refused(&text),
        StoreError::Archive(ArchiveError::Json { .. })
    ));
    let missing = archive(&[("manifest.json", br#"[{"Config":"gone","Layers":[]}]"#)]);
    assert!(matches!(
        refused(&missing),
        StoreError::Archive(ArchiveError::Missing { .. })
    ));
    let large = archive(&[("manifest.json", &vec![b' '; 5 << 20])]);
    assert!(matches!(
        refused(&large),
        StoreError::Archive(ArchiveError::TooLarge { .. })
    ));
}

#[test]
fn refuses_an_index_that_leads_to_itself() {
    if !is_root("refuses_an_index_that_leads_to_itself") {
        return;
    }
    // No digest can be its own content's, so that only a wide index, not a deep one, can be forged.
    let inner = json!({"schemaVersion": 2, "manifests": []})
        .to_string()
        .into_bytes();
    let item = descriptor("application/vnd.oci.image.index.v1+json", &inner);
    let index = json!({"schemaVersion": 2, "manifests": vec![item; 2000]});
    let error = refused(&layout(&index, &[&inner]));
    assert!(
        matches!(error, StoreError::Archive(ArchiveError::TooManyImages)),
        "{error}"
    );
}

#[test]
fn a_layer_that_climbs_out_is_refused_with_the_whole_archive() {
    if !is_root("a_layer_that_climbs_out_is_refused_with_the_whole_archive") {
        return;
    }
    let layer = Tar::new().file("../../evil", b"1").bytes();
    let config = config_of(&[&layer]);
    let manifest = json!([{"Config": "c", "RepoTags": ["evil"], "Layers": ["l"]}]).to_string();
    let bytes = archive(&[
        ("l", &layer),
        ("c", &config),
        ("manifest.json", manifest.as_bytes()),
    ]);
    let error = refused(&bytes);
    assert!(
        matches!(error, StoreError::Archive(ArchiveError::Layer { .. })),
        "{error}"
    );
}

#[test]
fn a_file_and_a_pipe_are_read_alike() {
    if !is_root("a_file_and_a_pipe_are_read_alike") {
        return;
    }
    let (folder, store) = new_store();
    let image = small_image(&store, "1");
    let path = folder.path().join("archive.tar");
    fs::write(&path, saved(&store, std::slice::from_ref(&image))).unwrap();
    let (_other_folder, other) = new_store();
    assert_eq!(other.load_file(&path).unwrap()[0].id, image.id);
    let missing = other
        .load_file(Path::new("/nowhere/archive.tar"))
        .unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("open /nowhere/archive.tar: "),
        "{missing}"
    );
    // A stream that fails is no fault of the store.
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let error = other.load_stream(&mut Failing).unwrap_err();
    assert!(
        matches!(&error, StoreError::Archive(ArchiveError::Read(_))),
        "{error}"
    );
}

#[test]
fn a_config_that_cannot_be_read_back_is_refused() {
    if !is_root("a_config_that_cannot_be_read_back_is_refused") {
        return;
    }
    // Enough to find the layers by, and no image's config.
    let config = json!({"rootfs": {"diff_ids": []}}).to_string();
    let manifest = br#"[{"Config":"c","RepoTags":["a"],"Layers":[]}]"#;
    let bytes = archive(&[("c", config.as_bytes()), ("manifest.json", manifest)]);
    assert!(matches!(refused(&bytes), StoreError::Json { .. }));
}

#[test]
fn a_fault_in_a_layer_names_the_layer() {
    if !is_root("a_fault_in_a_layer_names_the_layer") {
        return;
    }
    let layer = Tar::new().file("../out", b"x").bytes();
    let config = config_of(&[&layer]);
    let list = json!([{"Config": "c.json", "RepoTags": ["a:b"], "Layers": ["1/layer.tar"]}]);
    let files = |layer: &[u8]| {
        archive(&[
            ("manifest.json", list.to_string().as_bytes()),
            ("c.json", &config),
            ("1/layer.tar", layer),
        ])
    };
    let climbs = refused(&files(&layer)).to_string();
    assert!(
        climbs.starts_with("layer 1/layer.tar: ") && climbs.contains("../out"),
        "{climbs}"
    );
    let whole = gzipped(&layer);
    let cut = refused(&files(&whole[..whole.len() / 2])).to_string();
    assert!(
        cut.starts_with("layer 1/layer.tar could not be read: "),
        "{cut}"
    );
}

#[test]
fn an_archive_that_lists_no_image_is_refused() {
    let error = refused(&archive(&[("manifest.json", b"[]")]));
    assert!(
        matches!(error, StoreError::Archive(ArchiveError::Empty { .. })),
        "{error}"
    );
}

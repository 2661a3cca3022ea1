//! Whole archives: the layouts that tools write, what is missing from them, and what is wrong with them.

mod image_support;

use estiva_shared::image::{
    DOCUMENTS_BYTES_MAX, Digest, InspectError, Limits, Problem, Progress, Subject, inspect,
    inspect_documented,
};
use image_support::*;
use serde_json::json;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn two_layers() -> Image {
    Image::new(&[
        tar(&[folder("etc/"), file("etc/a", "one")]),
        tar(&[file("etc/a", "two"), sized("big", 5000, 3)]),
    ])
}

/// All that an analysis says but how the image lay, and what it takes so.
fn essence(archive: &[u8]) -> serde_json::Value {
    let mut analysis = inspect_one(archive);
    analysis.waste.compressed_estimate_bytes = 0;
    for cause in &mut analysis.waste.by_cause {
        cause.compressed_estimate_bytes = 0;
    }
    assert!(analysis.problems.is_empty(), "{:?}", analysis.problems);
    assert!(analysis.image.layers.iter().all(|layer| layer.verified));
    json!([
        analysis.image.names,
        analysis.image.config_digest,
        analysis.tree,
        analysis.image.history,
        analysis.waste
    ])
}

#[test]
fn every_layout_says_the_same_of_the_same_image() {
    let image = two_layers();
    let docker = docker_archive(&[(&image, "hello:1")]);
    let oci = oci_archive(&image, "docker.io/library/hello:1");
    let zipped = oci_archive(&two_layers().gzipped(), "docker.io/library/hello:1");
    let expected = essence(&docker);
    for archive in [&oci, &zipped, &gzip(&docker), &gzip(&oci), &gzip(&zipped)] {
        assert_eq!(essence(archive), expected);
    }
    assert_eq!(inspect_one(&docker).image.format, "docker-archive");
    assert_eq!(inspect_one(&oci).image.format, "oci-layout");
    assert_eq!(inspect_one(&zipped).image.layers[0].compression, "gzip");
}

#[test]
fn config_and_history_are_shown() {
    let analysis = inspect_one(&oci_archive(&two_layers(), "hello:1"));
    assert_eq!(analysis.image.platform, "linux/amd64");
    assert_eq!(
        (analysis.image.config.env, analysis.image.config.cmd),
        (vec!["A=b".to_owned()], vec!["sh".to_owned()])
    );
    assert_eq!(
        analysis.image.layers[1].created_by.as_deref(),
        Some("RUN step 1")
    );
    assert_eq!(analysis.image.history[0].layer, Some(0));
}

#[test]
fn each_image_comes_with_the_documents_that_it_is_described_by() {
    let image = two_layers();
    let (docker, oci) = (
        docker_archive(&[(&image, "hello:1")]),
        oci_archive(&image, "hello:1"),
    );
    let kinds = |archive: &[u8]| {
        let images =
            inspect_documented(Subject::Archive(&archive), &Limits::default(), &mut |_| {
                true
            });
        let (analysis, documents) = images.expect("an image").remove(0);
        let config = documents
            .iter()
            .find(|document| document.kind == "config")
            .expect("a config");
        let text = config.text.as_deref().expect("a short one");
        // Laid out, it still says the same.
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(
            value["rootfs"]["diff_ids"][1],
            json!(analysis.image.layers[1].diff_id)
        );
        assert!(text.lines().count() > 10, "{text}");
        documents
            .into_iter()
            .map(|document| document.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&docker), ["index", "config"]);
    assert_eq!(kinds(&oci), ["index", "manifest", "config"]);
    assert_eq!(kinds(&gzip(&oci)), ["index", "manifest", "config"]);
}

/// A config of 4 MB that a list names 40 times would be 160 MB in the page's worker.
#[test]
fn the_documents_of_all_images_have_a_bound_together() {
    let filler = vec!["x".repeat(1_000); 3_500];
    let images: Vec<_> = (0..40)
        .map(|number| json!({ "Config": "c.json", "RepoTags": [format!("a:{number}")], "Layers": [format!("{number}.tar")] }))
        .collect();
    let archive = tar(&[
        file(
            "c.json",
            &json!({ "filler": filler, "rootfs": { "diff_ids": [] } }).to_string(),
        ),
        file("manifest.json", &json!(images).to_string()),
    ]);
    let images = inspect_documented(
        Subject::Archive(&&archive[..]),
        &Limits::default(),
        &mut |_| true,
    )
    .expect("images");
    assert_eq!(images.len(), 40);
    let documents = || images.iter().flat_map(|(_, documents)| documents);
    let kept: usize = documents()
        .filter_map(|document| document.text.as_ref())
        .map(String::len)
        .sum();
    assert!(
        (DOCUMENTS_BYTES_MAX / 2..=DOCUMENTS_BYTES_MAX).contains(&kept),
        "{kept}"
    );
    assert!(documents().any(|document| document.text.is_none() && document.size_bytes > 3_000_000));
}

#[test]
fn several_images_share_a_layer_through_a_link() {
    let base = tar(&[file("base", "1")]);
    let (one, two) = (
        Image::new(std::slice::from_ref(&base)),
        Image::new(&[base, tar(&[file("more", "2")])]),
    );
    for archive in [
        docker_archive(&[(&one, "one"), (&two, "two")]),
        gzip(&docker_archive(&[(&one, "one"), (&two, "two")])),
    ] {
        let images = inspect_all(&archive);
        assert_eq!(images.len(), 2);
        assert_eq!(
            images[1].image.layers[0].diff_id,
            images[0].image.layers[0].diff_id
        );
        assert!(
            images
                .iter()
                .all(|image| image.problems.is_empty() && image.image.layers[0].verified)
        );
    }
}

#[test]
fn archive_of_docker_25_has_its_names_from_both_documents() {
    let image = two_layers();
    let (items, mut descriptor) = oci_blobs(&image);
    descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
    let mut items = oci_layout(items, &[descriptor]);
    let config = Digest::of(&serde_json::to_vec(&image.config).unwrap()).hex();
    let layers: Vec<_> = image
        .layers
        .iter()
        .map(|layer| format!("blobs/sha256/{}", Digest::of(layer).hex()))
        .collect();
    let manifest = json!([{"Config": format!("blobs/sha256/{config}"), "RepoTags": ["hello:1"], "Layers": layers}]);
    items.push(file("manifest.json", &manifest.to_string()));
    let analysis = inspect_one(&tar(&items));
    assert_eq!(analysis.image.names, ["hello:1"]);
    assert_eq!(analysis.image.format, "docker-archive");
    assert!(analysis.image.manifest_digest.is_some());
    assert!(analysis.image.layers.iter().all(|layer| layer.verified));
}

#[test]
fn nested_index_shows_its_images_and_names_what_is_none() {
    let (mut items, mut here) = oci_blobs(&two_layers());
    here["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let mut away = descriptor(
        "application/vnd.oci.image.manifest.v1+json",
        b"not in the archive",
    );
    away["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    let mut attestation = descriptor("application/vnd.oci.image.manifest.v1+json", b"neither");
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let artifact = json!({"config": descriptor("application/vnd.cncf.helm.config.v1+json", b"{}"), "layers": []}).to_string();
    items.push(blob(artifact.as_bytes()));
    let chart = descriptor(
        "application/vnd.oci.image.manifest.v1+json",
        artifact.as_bytes(),
    );
    let inner =
        json!({"schemaVersion": 2, "manifests": [here, away, attestation, chart]}).to_string();
    items.push(blob(inner.as_bytes()));
    let mut outer = descriptor("application/vnd.oci.image.index.v1+json", inner.as_bytes());
    outer["annotations"] = json!({"io.containerd.image.name": "docker.io/library/hello:1"});
    let analysis = inspect_one(&tar(&oci_layout(items, &[outer])));
    assert_eq!(analysis.image.names, ["hello:1"]);
    assert_eq!(
        codes(&analysis.problems),
        ["missing-platform", "attestation", "not-an-image"]
    );
    assert!(analysis.problems[0].message.contains("linux/arm64/v8"));
    assert!(analysis.problems.iter().all(|problem| problem.is_note()));
}

#[test]
fn index_that_names_itself_ends() {
    let index = |digest: &str| {
        json!({"manifests": vec![json!({"digest": digest, "size": 1}); 50]}).to_string()
    };
    let mut items = Vec::new();
    let mut below = Digest::of(b"nothing").to_string();
    for _ in 0..6 {
        let document = index(&below);
        items.push(blob(document.as_bytes()));
        below = Digest::of(document.as_bytes()).to_string();
    }
    items.push(file("index.json", &index(&below)));
    let error = inspect(&tar(&items), &mut |_| true).unwrap_err();
    let InspectError::NotAnImage { problems, .. } = error else {
        panic!("{error}")
    };
    assert!(codes(&problems).contains(&"limit"));
}

#[test]
fn wrong_digests_are_reported_and_the_rest_is_shown() {
    let image = two_layers();
    let mut wrong = two_layers();
    wrong.config["rootfs"]["diff_ids"][1] = json!(Digest::of(b"something else").to_string());
    let analysis = inspect_one(&docker_archive(&[(&wrong, "hello")]));
    assert_eq!(codes(&analysis.problems), ["digest-mismatch"]);
    assert!(analysis.image.layers[0].verified && !analysis.image.layers[1].verified);
    assert_eq!(analysis.tree.len(), 3);

    let (mut items, descriptor) = oci_blobs(&image);
    items[1].content = tar(&[file("etc/a", "bad")]);
    let analysis = inspect_one(&tar(&oci_layout(items, &[descriptor])));
    assert_eq!(codes(&analysis.problems), ["digest-mismatch"; 2]);
    assert!(analysis.image.layers[0].verified && !analysis.image.layers[1].verified);
}

#[test]
fn missing_layer_is_a_problem_of_that_layer() {
    let (mut items, descriptor) = oci_blobs(&two_layers());
    items.remove(0);
    let analysis = inspect_one(&tar(&oci_layout(items, &[descriptor])));
    assert_eq!(codes(&analysis.problems), ["missing-blob"]);
    assert_eq!(analysis.problems[0].layer, Some(0));
    assert_eq!(analysis.image.layers.len(), 2);
    assert_eq!(analysis.tree.len(), 2);
}

#[test]
fn truncated_archives_show_what_came_before() {
    // The manifest first, so that there is something to show.
    let image = Image::new(&[tar(&[file("a", "1")]), tar(&[sized("b", 100_000, 5)])]);
    let (blobs, descriptor) = oci_blobs(&image);
    let mut items = oci_layout(Vec::new(), &[descriptor]);
    items.extend(blobs.into_iter().rev());
    items.swap(4, 5);
    let whole = tar(&items);
    let cut = &whole[..whole.len() - 50_000];
    for archive in [cut.to_vec(), gzip(cut)] {
        let analysis = inspect_one(&archive);
        assert_eq!(analysis.image.layers.len(), 2);
        assert!(
            codes(&analysis.problems).contains(&"truncated"),
            "{:?}",
            analysis.problems
        );
        assert!(analysis.image.layers[0].verified && !analysis.image.layers[1].verified);
    }
}

#[test]
fn what_is_no_archive_or_no_image_is_named() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "an empty file"),
        (b"PK\x03\x04 and so on", "a zip file"),
        (b"{\"a\": 1}", "looks like JSON"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0], "zstd"),
        (&[0; 2048], "zero bytes"),
        (b"just some text", "other bytes"),
    ];
    for (bytes, expected) in cases {
        let error = inspect(&bytes.to_vec(), &mut |_| true).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let root = inspect(&tar(&[folder("etc/"), file("etc/passwd", "")]), &mut |_| {
        true
    })
    .unwrap_err();
    assert!(root.to_string().contains("root file system"), "{root}");
}

#[test]
fn json_too_long_or_too_deep_is_refused() {
    let mut long = file("manifest.json", "[");
    long.content.resize(5 << 20, b' ');
    let deep = file("manifest.json", &"[".repeat(100_000));
    for (item, code) in [(long, "limit"), (deep, "bad-json")] {
        let archive = tar(&[item]);
        for archive in [archive.clone(), gzip(&archive)] {
            let Err(InspectError::NotAnImage { problems, .. }) = inspect(&archive, &mut |_| true)
            else {
                panic!("an image")
            };
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].code == code || problems[0].code == "bad-json",
                "{problems:?}"
            );
        }
    }
}

#[test]
fn links_in_a_circle_end() {
    let manifest = json!([{"Config": "a", "Layers": []}]).to_string();
    let items = [
        symlink("a", "b"),
        symlink("b", "a"),
        file("manifest.json", &manifest),
    ];
    let Err(InspectError::NotAnImage { problems, .. }) = inspect(&tar(&items), &mut |_| true)
    else {
        panic!("an image")
    };
    assert_eq!(codes(&problems), ["missing-blob"]);
}

#[test]
fn progress_grows_to_the_whole_and_can_cancel() {
    let image = Image::new(&[tar(&[sized("a", 10 << 20, 1)])]);
    for archive in [
        docker_archive(&[(&image, "a")]),
        gzip(&docker_archive(&[(&image, "a")])),
    ] {
        let mut seen = Vec::new();
        inspect(&archive, &mut |progress| {
            seen.push(progress);
            true
        })
        .unwrap();
        let total_bytes = archive.len() as u64;
        assert_eq!(
            seen.last(),
            Some(&Progress {
                done_bytes: total_bytes,
                total_bytes
            })
        );
        assert!(seen.is_sorted_by_key(|progress| progress.done_bytes));
    }
    let archive = docker_archive(&[(&image, "a")]);
    let mut calls = 0;
    let result = inspect(&archive, &mut |_| {
        calls += 1;
        false
    });
    assert!(matches!(result, Err(InspectError::Cancelled)));
    assert_eq!(calls, 1);
}

#[test]
fn an_archive_whose_list_is_broken_says_what_is_wrong_with_the_list() {
    for (list, reason) in [
        ("{}", "expected a list of images"),
        ("[]", "manifest.json that leads to no image"),
        (r#"[{"Config": "gone.json", "Layers": []}]"#, "gone.json"),
    ] {
        let error = inspect(&tar(&[file("manifest.json", list)]), &mut |_| true).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(reason), "{list}: {message}");
        assert!(!message.contains("other files"), "{list}: {message}");
    }
}

/// `manifest.json` of an archive that has an index too was taken for the same images by their configs alone: layers that it
/// alone named vanished without a word.
#[test]
fn one_config_with_other_layers_is_an_image_of_its_own() {
    let shown = Image::new(&[tar(&[file("a", "1")])]);
    let (mut items, descriptor) = oci_blobs(&shown);
    let config = serde_json::to_vec(&shown.config).unwrap();
    let other = tar(&[file("hidden", "2")]);
    items.push(Item {
        content: other,
        ..Item::new("other.tar", b'0')
    });
    let layer = format!("blobs/sha256/{}", Digest::of(&shown.layers[0]).hex());
    items.push(symlink("same.tar", &layer));
    let path = format!("blobs/sha256/{}", Digest::of(&config).hex());
    items.push(file(
        "manifest.json",
        &json!([
            {"Config": path, "RepoTags": ["same:1"], "Layers": ["./same.tar"]},
            {"Config": path, "RepoTags": ["other:1"], "Layers": ["other.tar"]},
        ])
        .to_string(),
    ));
    let images = inspect_all(&tar(&oci_layout(items, &[descriptor])));
    let seen: Vec<_> = images
        .iter()
        .map(|one| (one.image.names.clone(), one.tree[0].path.clone()))
        .collect();
    let expected = [("same:1", "a"), ("other:1", "hidden")];
    assert_eq!(
        seen,
        expected.map(|(name, path)| (vec![name.to_owned()], path.to_owned()))
    );
    assert!(codes(&images[1].problems).contains(&"digest-mismatch"));
}

/// One null among a config's labels made all of it unreadable, layers' digests and history included.
#[test]
fn a_config_with_one_bad_part_is_read_as_far_as_it_goes() {
    let mut image = two_layers();
    image.config["config"]["Labels"] = json!({"a": null, "b": "x"});
    let analysis = inspect_one(&docker_archive(&[(&image, "null")]));
    assert!(analysis.problems.is_empty(), "{:?}", analysis.problems);
    let labels = [("a", ""), ("b", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(analysis.image.config.labels, labels);

    image.config["config"]["Labels"] = json!({"a": 7});
    let analysis = inspect_one(&docker_archive(&[(&image, "number")]));
    assert_eq!(codes(&analysis.problems), ["bad-config"]);
    assert_eq!(analysis.image.platform, "linux/amd64");
    assert_eq!(analysis.image.history.len(), 2);
    assert!(analysis.image.layers.iter().all(|layer| layer.verified));
}

/// What is about an image stands with it: BuildKit's attestations, and manifests with the image as their subject.
#[test]
fn manifests_about_an_image_are_listed_with_it() {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let (mut items, image) = oci_blobs(&Image::new(&[tar(&[file("a", "b")])]));
    let empty = b"{}";
    let statement = json!({
        "mediaType": "application/vnd.in-toto+json", "digest": Digest::of(empty).to_string(), "size": 2,
        "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"},
    });
    let stated = json!({
        "schemaVersion": 2, "config": descriptor("application/vnd.oci.image.config.v1+json", empty),
        "layers": [statement],
    });
    let stated = stated.to_string();
    let mut attestation = descriptor(MANIFEST, stated.as_bytes());
    attestation["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image["digest"],
    });
    let signed = json!({
        "schemaVersion": 2, "artifactType": "application/vnd.example.signature", "subject": image,
        "config": descriptor("application/vnd.oci.empty.v1+json", empty), "layers": [],
    });
    let signed = signed.to_string();
    let mut signature = descriptor(MANIFEST, signed.as_bytes());
    signature["annotations"] = json!({"org.example.signer": "ada"});
    let stranger = json!({
        "schemaVersion": 2, "artifactType": "x", "config": descriptor("x", empty), "layers": [],
        "subject": descriptor(MANIFEST, b"another"),
    });
    let stranger = stranger.to_string();
    items.extend([&stated, &signed, &stranger].map(|text| blob(text.as_bytes())));
    let manifests = [
        image,
        attestation,
        signature,
        descriptor(MANIFEST, stranger.as_bytes()),
    ];
    let analysis = inspect_one(&tar(&oci_layout(items, &manifests)));
    let listed: Vec<_> = analysis
        .image
        .referrers
        .iter()
        .map(|each| (each.artifact_type.as_str(), each.digest.clone()))
        .collect();
    assert_eq!(
        listed,
        [
            (
                "https://slsa.dev/provenance/v1",
                Digest::of(stated.as_bytes()).to_string()
            ),
            (
                "application/vnd.example.signature",
                Digest::of(signed.as_bytes()).to_string()
            ),
        ]
    );
    assert_eq!(
        analysis.image.referrers[1].annotations["org.example.signer"],
        "ada"
    );
    assert!(
        analysis.problems.iter().all(Problem::is_note),
        "{:?}",
        analysis.problems
    );
}

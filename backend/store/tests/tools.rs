//! Other tools read what Estiva saves, and Estiva reads what they save. Each test says which tool it needs.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use common::{Tar, has_tool, import, is_root, new_store, snapshot};
use estiva_store::{ImageRecord, Store};
use oci_spec::image::{ConfigBuilder, HistoryBuilder, ImageConfigurationBuilder};
use tempfile::TempDir;

/// What a zstd frame begins with.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Runs a program, which must end well; answers its output. Its temporary files go into `scratch`.
fn run(scratch: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("TMPDIR", scratch)
        .env("HOME", scratch)
        .env("XDG_RUNTIME_DIR", scratch)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// podman or buildah with a storage of its own in `scratch`, which mounts nothing.
fn with_storage(scratch: &Path, program: &str, arguments: &[&str]) -> String {
    let root = scratch.join("storage").display().to_string();
    let run_root = scratch.join("run").display().to_string();
    let mut all = vec![
        "--root",
        &root,
        "--runroot",
        &run_root,
        "--storage-driver",
        "vfs",
    ];
    all.extend(arguments);
    run(scratch, program, &all)
}

/// An image that Estiva made, with all that layers can say, saved; its name is `cargo:1`.
fn saved(scratch: &Path) -> (TempDir, Store, ImageRecord, String) {
    let (folder, store) = new_store();
    let long = format!("etc/{}", "n".repeat(150));
    let below = Tar::new()
        .folder("etc/", 0o755)
        .file("etc/a", b"a")
        .pax(&[("path", long.as_bytes())])
        .file("x", b"long");
    let below = import(&store, below).diff_id;
    let prepared = store.prepare(&[below]).unwrap();
    fs::write(prepared.upper.join("added"), b"added").unwrap();
    fs::hard_link(prepared.upper.join("added"), prepared.upper.join("linked")).unwrap();
    let above = store
        .commit(prepared, &[below], &[], &mut |_| ControlFlow::Continue(()))
        .unwrap()
        .unwrap();
    let config = ConfigBuilder::default()
        .cmd(["sh".to_owned()])
        .build()
        .unwrap();
    let line = HistoryBuilder::default()
        .created_by("by hand")
        .created("2020-01-02T03:04:05Z")
        .build()
        .unwrap();
    let config = ImageConfigurationBuilder::default()
        .config(config)
        .history([line.clone(), line])
        .created("2020-01-02T03:04:05Z")
        .build()
        .unwrap();
    let image = store
        .create_image(&config, &[below, above.diff_id])
        .unwrap();
    store.tag(&"cargo:1".parse().unwrap(), &image.id).unwrap();
    let image = store.resolve("cargo:1").unwrap();
    let path = scratch.join("saved.tar");
    store
        .save(
            std::slice::from_ref(&image),
            &mut fs::File::create(&path).unwrap(),
        )
        .unwrap();
    (folder, store, image, path.display().to_string())
}

/// Loads another tool's archive and looks for a file in its top layer.
fn assert_loads(archive: &Path, file: &str, content: &[u8]) -> ImageRecord {
    let (_folder, store) = new_store();
    let loaded = store.load_file(archive).unwrap();
    assert_eq!(loaded.len(), 1);
    let image = store.resolve(&loaded[0].id.hex()).unwrap();
    let top = store
        .layer(image.diff_ids.last().unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(
        fs::read(snapshot(&store, &top).join(file)).unwrap(),
        content
    );
    let problems = store.analysis(&image).unwrap().problems;
    assert!(problems.is_empty(), "{problems:?}");
    image
}

fn ready(test: &str, tool: &str) -> bool {
    is_root(test) && has_tool(test, tool)
}

#[test]
fn skopeo_reads_both_halves_of_what_is_saved_and_its_copies_are_read() {
    if !ready(
        "skopeo_reads_both_halves_of_what_is_saved_and_its_copies_are_read",
        "skopeo",
    ) {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let (_folder, _store, image, archive) = saved(scratch.path());
    for transport in ["docker-archive", "oci-archive"] {
        let from = format!("{transport}:{archive}");
        let seen = run(scratch.path(), "skopeo", &["inspect", "--config", &from]);
        assert!(seen.contains(&image.diff_ids[1].to_string()), "{seen}");
        for target in ["docker-archive", "oci-archive"] {
            let copy = scratch.path().join(format!("{transport}-{target}.tar"));
            let to = format!("{target}:{}:docker.io/library/copied:1", copy.display());
            run(
                scratch.path(),
                "skopeo",
                &["--insecure-policy", "copy", &from, &to],
            );
            let loaded = assert_loads(&copy, "linked", b"added");
            assert_eq!(loaded.diff_ids, image.diff_ids, "{transport} {target}");
            // From one format to the other, skopeo may write the config anew.
            if transport == target {
                assert_eq!(loaded.id, image.id, "{transport}");
            }
            assert_eq!(loaded.names[0].familiar(), "copied:1");
        }
    }
}

#[test]
fn podman_loads_what_is_saved_and_what_it_saves_is_read() {
    if !ready(
        "podman_loads_what_is_saved_and_what_it_saves_is_read",
        "podman",
    ) {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let (_folder, _store, image, archive) = saved(scratch.path());
    let said = with_storage(scratch.path(), "podman", &["load", "-i", &archive]);
    assert!(said.contains("cargo:1"), "{said}");
    let id = with_storage(
        scratch.path(),
        "podman",
        &["inspect", "--format", "{{.Id}}", "cargo:1"],
    );
    assert_eq!(id.trim(), image.id.hex());
    for format in ["docker-archive", "oci-archive"] {
        let out = scratch.path().join(format!("{format}.tar"));
        let out_text = out.display().to_string();
        with_storage(
            scratch.path(),
            "podman",
            &["save", "--format", format, "-o", &out_text, "cargo:1"],
        );
        let loaded = assert_loads(&out, "linked", b"added");
        assert_eq!(loaded.diff_ids, image.diff_ids, "{format}");
        assert_eq!(loaded.names[0].tag(), Some("1"));
    }
}

#[test]
fn what_buildah_commits_is_read() {
    if !ready("what_buildah_commits_is_read", "buildah") {
        return;
    }
    let scratch = TempDir::new().unwrap();
    fs::write(scratch.path().join("file"), b"from buildah").unwrap();
    let file = scratch.path().join("file").display().to_string();
    let container = with_storage(scratch.path(), "buildah", &["from", "scratch"]);
    let container = container.trim();
    with_storage(
        scratch.path(),
        "buildah",
        &["copy", container, &file, "/file"],
    );
    for transport in ["docker-archive", "oci-archive"] {
        let out = scratch.path().join(format!("{transport}.tar"));
        let to = format!("{transport}:{}:localhost/made:1", out.display());
        with_storage(scratch.path(), "buildah", &["commit", container, &to]);
        let loaded = assert_loads(&out, "file", b"from buildah");
        assert_eq!(loaded.names[0].familiar(), "localhost/made:1");
    }
}

#[test]
fn umoci_unpacks_what_is_saved_and_its_layout_is_read() {
    let test = "umoci_unpacks_what_is_saved_and_its_layout_is_read";
    if !ready(test, "umoci") || !has_tool(test, "tar") {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let (_folder, _store, _image, archive) = saved(scratch.path());
    let layout = scratch.path().join("layout");
    fs::create_dir(&layout).unwrap();
    let layout_text = layout.display().to_string();
    run(
        scratch.path(),
        "tar",
        &["-xf", &archive, "-C", &layout_text],
    );
    let image = format!("{layout_text}:1");
    run(scratch.path(), "umoci", &["stat", "--image", &image]);
    let bundle = scratch.path().join("bundle");
    let bundle_text = bundle.display().to_string();
    run(
        scratch.path(),
        "umoci",
        &["unpack", "--image", &image, &bundle_text],
    );
    assert_eq!(fs::read(bundle.join("rootfs/linked")).unwrap(), b"added");
    assert_eq!(fs::read(bundle.join("rootfs/etc/a")).unwrap(), b"a");

    // umoci changes the image and packs the difference as a gzipped layer, next to ours.
    fs::write(bundle.join("rootfs/etc/a"), b"changed by umoci").unwrap();
    run(
        scratch.path(),
        "umoci",
        &[
            "repack",
            "--image",
            &format!("{layout_text}:2"),
            &bundle_text,
        ],
    );
    run(scratch.path(), "umoci", &["rm", "--image", &image]);
    // What is left of ours in the layout would go before it.
    fs::remove_file(layout.join("manifest.json")).unwrap();
    let packed = scratch.path().join("umoci.tar");
    let packed_text = packed.display().to_string();
    run(
        scratch.path(),
        "tar",
        &["-cf", &packed_text, "-C", &layout_text, "."],
    );
    let loaded = assert_loads(&packed, "etc/a", b"changed by umoci");
    assert_eq!(loaded.diff_ids.len(), 3);
}

/// The layers with zstd as skopeo writes them, each in one frame, and as containers/storage does, a frame for each file.
#[test]
fn archives_with_zstd_of_skopeo_are_loaded() {
    if !ready("archives_with_zstd_of_skopeo_are_loaded", "skopeo") {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let (_folder, _store, image, archive) = saved(scratch.path());
    for format in ["zstd", "zstd:chunked"] {
        let path = scratch
            .path()
            .join(format!("{}.tar", format.replace(':', "-")));
        let (from, to) = (
            format!("docker-archive:{archive}"),
            format!("oci-archive:{}:cargo", path.display()),
        );
        run(
            scratch.path(),
            "skopeo",
            &[
                "--insecure-policy",
                "copy",
                "--dest-compress-format",
                format,
                &from,
                &to,
            ],
        );
        assert!(
            fs::read(&path).unwrap().windows(4).any(|at| at == ZSTD),
            "{format}"
        );
        let loaded = assert_loads(&path, "added", b"added");
        assert_eq!(loaded.diff_ids, image.diff_ids, "{format}");
        if has_tool("archives_with_zstd_of_skopeo_are_loaded", "zstd") {
            run(
                scratch.path(),
                "zstd",
                &["-q", "-T2", "--rm", &path.display().to_string()],
            );
            let packed = path.with_extension("tar.zst");
            let loaded = assert_loads(&packed, "added", b"added");
            assert_eq!(loaded.diff_ids, image.diff_ids, "{format}");
        }
    }
}

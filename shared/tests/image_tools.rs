//! Archives that other tools made are read without complaint. Each test is skipped where its tool is missing.
// Tools run on the host alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use std::path::Path;
use std::process::Command;

use estiva_shared::image::{ImageAnalysis, inspect};
use image_support::*;
use tempfile::TempDir;

/// Runs a tool; its error output where it fails, or why it can't run.
fn run(folder: &Path, tool: &str, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("{tool}: {error}"))?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{tool} {arguments:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        )),
    }
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}

/// A folder with `image.tar`, an OCI layout of two gzipped layers.
fn with_image() -> TempDir {
    let folder = TempDir::new().unwrap();
    let first = tar(&[
        image_support::folder("etc/"),
        file("etc/a", "one"),
        file("etc/b", "two"),
    ]);
    let second = tar(&[file("etc/.wh.a", ""), file("etc/b", "changed")]);
    let archive = oci_archive(&Image::new(&[first, second]).gzipped(), "localhost/hello:1");
    std::fs::write(folder.path().join("image.tar"), archive).unwrap();
    folder
}

fn check(archive: &Path) -> ImageAnalysis {
    let analysis = inspect_one(&std::fs::read(archive).unwrap());
    assert_eq!(analysis.problems, [], "{archive:?}");
    assert!(analysis.image.layers.iter().all(|layer| layer.verified));
    let tree: Vec<_> = analysis
        .tree
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(tree, ["etc", "etc/b"]);
    analysis
}

#[test]
fn skopeo_s_archives_are_read() {
    if !is_there("skopeo") {
        return eprintln!("SKIP skopeo_s_archives_are_read: skopeo is not installed");
    }
    let folder = with_image();
    for (kind, name) in [("docker-archive", "docker.tar"), ("oci-archive", "oci.tar")] {
        let target = format!("{kind}:{name}:localhost/hello:1");
        run(
            folder.path(),
            "skopeo",
            &[
                "copy",
                "--insecure-policy",
                "oci-archive:image.tar",
                &target,
            ],
        )
        .unwrap();
        let analysis = check(&folder.path().join(name));
        assert_eq!(analysis.image.names, ["localhost/hello:1"]);
        assert_eq!(analysis.image.layers.len(), 2);
    }
}

#[test]
fn umoci_s_layout_is_read() {
    if !is_there("umoci") || !is_there("skopeo") {
        return eprintln!("SKIP umoci_s_layout_is_read: umoci or skopeo is not installed");
    }
    let folder = with_image();
    run(
        folder.path(),
        "skopeo",
        &[
            "copy",
            "--insecure-policy",
            "oci-archive:image.tar",
            "oci:layout:1",
        ],
    )
    .unwrap();
    let config = ["config", "--image", "layout:1", "--config.env", "A=changed"];
    run(folder.path(), "umoci", &config).unwrap();
    run(
        folder.path(),
        "tar",
        &["-C", "layout", "-cf", "layout.tar", "."],
    )
    .unwrap();
    let analysis = check(&folder.path().join("layout.tar"));
    assert_eq!(analysis.image.config.env, ["A=changed"]);
    assert!(analysis.image.history.iter().any(|line| line.empty_layer));
}

#[test]
fn archives_of_buildah_and_podman_are_read() {
    if !is_there("buildah") || !is_there("podman") {
        return eprintln!(
            "SKIP archives_of_buildah_and_podman_are_read: buildah or podman is not installed"
        );
    }
    let folder = with_image();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (root, state) = (path("root"), path("state"));
    // A store of their own, without mounts: nothing outside the folder is touched.
    let store = [
        "--root",
        &root,
        "--runroot",
        &state,
        "--storage-driver",
        "vfs",
    ];
    let tool = |name: &str, arguments: &[&str]| {
        run(folder.path(), name, &[&store[..], arguments].concat())
    };
    if let Err(reason) = tool("buildah", &["pull", "oci-archive:image.tar"]) {
        return eprintln!("SKIP archives_of_buildah_and_podman_are_read: {reason}");
    }
    let images = Command::new("buildah")
        .args(store)
        .args(["images", "-q"])
        .output()
        .unwrap();
    let id = String::from_utf8(images.stdout).unwrap();
    let id = id.trim();
    tool(
        "buildah",
        &[
            "push",
            "--quiet",
            id,
            "docker-archive:buildah.tar:localhost/hello:1",
        ],
    )
    .unwrap();
    assert_eq!(
        check(&folder.path().join("buildah.tar")).image.names,
        ["localhost/hello:1"]
    );
    for format in ["docker-archive", "oci-archive"] {
        let name = format!("podman-{format}.tar");
        if let Err(reason) = tool(
            "podman",
            &["save", "--quiet", "--format", format, "-o", &name, id],
        ) {
            return eprintln!("SKIP archives_of_buildah_and_podman_are_read: {reason}");
        }
        check(&folder.path().join(&name));
    }
}

/// zstd's own program, with two threads and with a checksum, around archives and around layers that skopeo packed.
#[test]
fn zstd_of_skopeo_and_zstd_is_read() {
    if !is_there("skopeo") || !is_there("zstd") {
        return eprintln!("SKIP zstd_of_skopeo_and_zstd_is_read: skopeo or zstd is not installed");
    }
    let folder = with_image();
    for format in ["zstd", "zstd:chunked"] {
        let name = format!("{}.tar", format.replace(':', "-"));
        let target = format!("oci-archive:{name}:hello");
        let options = [
            "copy",
            "--insecure-policy",
            "--dest-compress-format",
            format,
        ];
        let images = ["oci-archive:image.tar", target.as_str()];
        run(folder.path(), "skopeo", &[&options[..], &images].concat()).unwrap();
        let analysis = check(&folder.path().join(&name));
        for layer in &analysis.image.layers {
            assert_eq!(layer.compression, "zstd", "{format}");
        }
    }
    for options in [
        &["-1", "-T2"][..],
        &["-19", "--check"],
        &["--ultra", "-22", "--long=27"],
    ] {
        run(
            folder.path(),
            "zstd",
            &[&["-q", "-f", "image.tar"], options].concat(),
        )
        .unwrap();
        check(&folder.path().join("image.tar.zst"));
    }
    for (tool, name) in [("xz", "image.tar.xz"), ("bzip2", "image.tar.bz2")] {
        if !is_there(tool) {
            continue;
        }
        run(folder.path(), tool, &["-k", "-f", "image.tar"]).unwrap();
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        let error = inspect(&bytes, &mut |_| true).unwrap_err().to_string();
        assert!(error.contains(&format!("{tool} -d")), "{error}");
    }
}

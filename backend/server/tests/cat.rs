//! `estiva cat`: files and folders of images come out as they went in, from a file without a server and from the store.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod world;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use world::World;

/// A context whose image has two layers that write the same file, and a third that removes one.
const DOCKERFILE: &str = "FROM scratch AS none\nFROM busybox\nCOPY first /data/\nCOPY second/text /data/text\nRUN rm /data/gone && ln /data/program /data/linked && ln -s text /data/link && chmod 4755 /data/program\n";

fn context(folder: &Path) {
    fs::create_dir_all(folder.join("first")).unwrap();
    fs::create_dir_all(folder.join("second")).unwrap();
    fs::write(folder.join("Dockerfile"), DOCKERFILE).unwrap();
    fs::write(folder.join("first/text"), "as it was at first\n").unwrap();
    fs::write(folder.join("first/gone"), "soon gone\n").unwrap();
    fs::write(folder.join("first/program"), program()).unwrap();
    fs::write(folder.join("second/text"), "as it is now\n").unwrap();
}

fn program() -> Vec<u8> {
    (0..700_000u32).map(|at| (at * 7 % 256) as u8).collect()
}

/// Runs a program of the host on some bytes.
fn unpack(archive: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    let unpacked = Command::new("tar")
        .arg("-xpf")
        .arg(archive)
        .arg("-C")
        .arg(into)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
}

#[test]
fn files_and_folders_of_an_image_come_out_as_they_went_in() {
    let Some(world) = World::new("files_and_folders_of_an_image_come_out") else {
        return;
    };
    let folder = world.path("context");
    context(&folder);
    world.ok(&["base", "busybox"]);
    world.ok(&[
        "build",
        "--network",
        "none",
        "-t",
        "data",
        folder.to_str().unwrap(),
    ]);
    let archive = world.path("data.tar");
    let archive = archive.to_str().unwrap();
    world.ok(&["save", "-o", archive, "data"]);
    let packed = world.path("data.tar.gz");
    let gzip = Command::new("gzip").args(["-k", archive]).status().unwrap();
    assert!(gzip.success());
    for subject in ["data", archive, packed.to_str().unwrap()] {
        let cat = |words: &[&str]| {
            let words = [&["cat", subject], words].concat();
            world.estiva(&words)
        };
        assert_eq!(cat(&["data/text"]).stdout, b"as it is now\n", "{subject}");
        // The base is layer 0, what the first COPY makes layer 1.
        let first = cat(&["/data/text", "--layer", "1"]);
        assert_eq!(first.stdout, b"as it was at first\n", "{subject}");
        let gone = cat(&["data/gone", "--layer", "2"]);
        assert_eq!(gone.stdout, b"soon gone\n", "{subject}");
        assert!(cat(&["data/linked"]).stdout == program(), "{subject}");

        let refused = cat(&["data/gone"]);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("layer 3 removed it: data/gone"), "{said}");
        let said = String::from_utf8(cat(&["data/link"]).stderr).unwrap();
        assert!(said.contains("a symbolic link to text"), "{said}");

        let saved = world.path("data-folder.tar");
        cat(&["data", "-o", saved.to_str().unwrap()]);
        let into = world.path("unpacked");
        unpack(&saved, &into);
        assert!(fs::read(into.join("data/program")).unwrap() == program());
        assert_eq!(fs::read(into.join("data/text")).unwrap(), b"as it is now\n");
        assert_eq!(
            fs::read_link(into.join("data/link")).unwrap(),
            Path::new("text")
        );
        assert!(!into.join("data/gone").exists());
        let found = fs::metadata(into.join("data/program")).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o4755, "{subject}");
        let linked = fs::metadata(into.join("data/linked")).unwrap();
        assert_eq!(found.ino(), linked.ino(), "one file with two names");
        fs::remove_dir_all(&into).unwrap();
        fs::remove_file(&saved).unwrap();
    }
    let refused = world.estiva(&[
        "cat",
        "data",
        "data/text",
        "-o",
        world.path("").to_str().unwrap(),
    ]);
    assert_eq!(refused.status.code(), Some(1));
    let left: Vec<_> = fs::read_dir(world.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let Some(world) = World::new("an_image_that_is_not_there_is_named") else {
        return;
    };
    for (subject, part) in [("./none.tar", "none.tar"), ("nothing", "nothing")] {
        let refused = world.estiva(&["cat", subject, "etc/passwd"]);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(part), "{said}");
        assert!(refused.stdout.is_empty());
    }
}

/// Asks the server over its Unix socket; gives the head and the body.
fn ask(world: &World, path: &str) -> (String, Vec<u8>) {
    let mut stream = UnixStream::connect(world.root().join("estiva.sock")).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.to_lowercase(), answer[end + 4..].to_vec())
}

#[test]
fn a_part_of_a_file_of_the_store_is_read_where_its_layer_lies() {
    let Some(world) = World::new("a_part_of_a_file_of_the_store_is_read") else {
        return;
    };
    let folder = world.path("context");
    context(&folder);
    world.ok(&["base", "busybox"]);
    let build = [
        "build",
        "--network",
        "none",
        "-t",
        "data",
        folder.to_str().unwrap(),
    ];
    world.ok(&build);
    let part = |query: &str| ask(&world, &format!("/api/v1/images/data/file?{query}"));
    let (head, body) = part("path=/data/program&start=300000&length=1000");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("estiva-layer: 3") && head.contains("estiva-size: 700000"),
        "{head}"
    );
    assert!(
        head.contains("content-type: application/octet-stream"),
        "{head}"
    );
    assert!(body == program()[300_000..301_000]);
    // Without a length all there is, up to the bound; beyond its end there is nothing.
    assert_eq!(part("path=data/program").1.len(), 700_000);
    assert!(part("path=data/program&start=700001").1.is_empty());
    assert_eq!(part("path=data/text&layer=1").1, b"as it was at first\n");
    // A name that climbs ends at the image's root, where there is no such file.
    for (query, status, said) in [
        ("path=../../../../etc/hostname", "404", "etc/hostname"),
        ("path=data/gone", "404", "layer 3 removed it"),
        ("path=data/text&layer=9", "404", "number 9"),
        ("path=data/link", "409", "a symbolic link to text"),
        ("path=data", "409", "a folder"),
        ("layer=1", "400", "path"),
    ] {
        let (head, body) = part(query);
        let body = String::from_utf8(body).unwrap();
        assert!(
            head.starts_with(&format!("http/1.1 {status}")),
            "{query}: {head}"
        );
        assert!(
            body.contains(said) && body.contains("\"code\""),
            "{query}: {body}"
        );
    }
    // What is removed is let go of, though it was looked into.
    world.ok(&["rmi", "data"]);
    let (head, _) = part("path=data/text");
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let server = world.server();
    let held = fs::read_dir(format!("/proc/{server}/fd"))
        .unwrap()
        .filter(|fd| {
            let path = fd.as_ref().unwrap().path();
            fs::read_link(path)
                .is_ok_and(|target| target.to_string_lossy().contains("/blobs/sha256/"))
        });
    assert_eq!(held.count(), 0);
}

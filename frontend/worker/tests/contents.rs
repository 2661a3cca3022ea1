//! Files' contents in a real worker: a part of one, a folder as a tar, and the bytes that go along with an answer.
#![cfg(target_arch = "wasm32")]

use std::io::Read;

use estiva_shared::image::{Change, Digest};
use estiva_worker::folder::FolderAt;
use estiva_worker::{Answer, CONTENT_BYTES_MAX, Reader};
use js_sys::{Array, Uint8Array};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::File;

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn file(bytes: &[u8]) -> File {
    let parts = Array::of1(&Uint8Array::from(bytes));
    File::new_with_u8_array_sequence(&parts, "image.tar").expect("a file of bytes")
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, *content)
            .expect("a plain path");
    }
    builder.into_inner().expect("an archive in memory")
}

/// Longer than one answer, and than one piece.
fn long() -> Vec<u8> {
    (0..3_000_000u32).map(|at| (at % 251) as u8).collect()
}

/// The members of a docker-archive of two layers.
fn members() -> Vec<(&'static str, Vec<u8>)> {
    let below = tar(&[("etc/name", b"below"), ("etc/long", &long())]);
    let above = tar(&[("etc/name", b"above all")]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}","{}"]}}}}"#,
        Digest::of(&below),
        Digest::of(&above)
    );
    let manifest =
        r#"[{"Config":"config.json","RepoTags":["sample:1"],"Layers":["below.tar","above.tar"]}]"#;
    vec![
        ("manifest.json", manifest.into()),
        ("config.json", config.into()),
        ("below.tar", below),
        ("above.tar", above),
    ]
}

fn opened() -> Reader {
    let members = members();
    let members: Vec<_> = members
        .iter()
        .map(|(path, bytes)| (*path, &bytes[..]))
        .collect();
    let mut reader = Reader::default();
    reader.open_archive(1, file(&tar(&members)), &mut |_| {});
    reader
}

fn content(reader: &Reader, layer: Option<usize>, path: &str, range: (u64, u64)) -> Answer {
    reader.content(7, 0, (layer, path), range.0, range.1)
}

#[wasm_bindgen_test]
fn a_part_of_a_file_comes_with_its_layer_and_the_whole_size() {
    let reader = opened();
    let expected = Answer::Content {
        id: 7,
        layer: 1,
        size_bytes: 9,
        start: 2,
        bytes: b"ove".to_vec(),
    };
    assert_eq!(content(&reader, None, "etc/name", (2, 3)), expected);
    match content(&reader, Some(0), "etc/name", (0, 100)) {
        Answer::Content {
            layer: 0, bytes, ..
        } => assert_eq!(bytes, b"below"),
        other => panic!("expected content, but found {other:?}"),
    }
    match content(&reader, None, "etc/long", (500, u64::MAX)) {
        Answer::Content {
            bytes, size_bytes, ..
        } => {
            assert_eq!(
                (bytes.len() as u64, size_bytes),
                (CONTENT_BYTES_MAX, 3_000_000)
            );
            assert!(bytes == long()[500..500 + bytes.len()]);
        }
        other => panic!("expected content, but found {other:?}"),
    }
    match content(&reader, None, "etc/name", (u64::MAX, 5)) {
        Answer::Content { bytes, .. } => assert!(bytes.is_empty()),
        other => panic!("expected nothing, but found {other:?}"),
    }
}

#[wasm_bindgen_test]
fn what_cant_be_read_says_why() {
    let reader = opened();
    let cases = [
        (
            content(&reader, None, "etc", (0, 1)),
            "a path that the image has",
        ),
        (
            content(&reader, Some(9), "etc/name", (0, 1)),
            "one of 2 layers",
        ),
        (
            reader.content(7, 3, (None, "etc/name"), 0, 1),
            "one of 1 images",
        ),
        (
            Reader::default().content(7, 0, (None, "x"), 0, 1),
            "one of 0 images",
        ),
    ];
    for (answer, part) in cases {
        match answer {
            Answer::Failed { id: 7, message } => assert!(message.contains(part), "{message}"),
            other => panic!("expected a failure, but found {other:?}"),
        }
    }
    // An analysis that came as JSON has no layers beside it.
    let text = serde_json::to_vec(&reader.images()[0]).expect("JSON");
    let mut reader = opened();
    reader.open_json(2, &file(&text));
    match content(&reader, None, "etc/name", (0, 1)) {
        Answer::Failed { message, .. } => assert!(message.contains("its analysis alone")),
        other => panic!("expected a failure, but found {other:?}"),
    }
}

#[wasm_bindgen_test]
fn a_path_has_its_versions() {
    match opened().versions(3, 0, "etc/name") {
        Answer::Versions { id: 3, versions } => {
            let found: Vec<_> = versions
                .iter()
                .map(|each| (each.layer, each.change))
                .collect();
            assert_eq!(found, [(0, Change::Added), (1, Change::Changed)]);
        }
        other => panic!("expected versions, but found {other:?}"),
    }
}

/// A download's bytes, and how many pieces there were.
fn download(reader: &Reader, layer: Option<usize>, path: &str) -> (Vec<u8>, usize) {
    let (mut all, mut pieces, mut ended) = (Vec::new(), 0, false);
    reader.download(5, 0, (layer, path), &mut |answer| match answer {
        Answer::Piece { id: 5, last, bytes } => {
            assert!(!ended, "a piece after the last");
            all.extend(bytes);
            pieces += 1;
            ended = last;
        }
        other => panic!("expected a piece, but found {other:?}"),
    });
    assert!(ended, "the last piece says so");
    (all, pieces)
}

#[wasm_bindgen_test]
fn a_file_and_a_folder_come_in_pieces() {
    let reader = opened();
    let (bytes, pieces) = download(&reader, None, "etc/long");
    assert!(bytes == long() && pieces == 3, "{pieces} pieces");
    assert_eq!(download(&reader, Some(0), "etc/name").0, b"below");
    let (bytes, _) = download(&reader, None, "");
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut found = Vec::new();
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        found.push((path, content.len()));
    }
    found.sort();
    assert_eq!(
        found,
        [
            ("etc/long".to_owned(), 3_000_000),
            ("etc/name".to_owned(), 9)
        ]
    );
}

#[wasm_bindgen_test]
fn a_dropped_folder_s_files_are_read_too() {
    let (paths, files): (_, Vec<_>) = members()
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), file(&bytes)))
        .unzip();
    let mut reader = Reader::default();
    reader.open_folder(1, FolderAt::new(paths, files), &mut |_| {});
    match content(&reader, None, "etc/name", (0, 9)) {
        Answer::Content { bytes, .. } => assert_eq!(bytes, b"above all"),
        other => panic!("expected content, but found {other:?}"),
    }
}

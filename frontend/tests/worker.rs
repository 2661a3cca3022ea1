//! The worker's own code in a real worker: files are read where they lie, and what is in them is found.
#![cfg(target_arch = "wasm32")]

use estiva_frontend::state::tree::Tree;
use estiva_frontend::workers::archive::FileAt;
use estiva_frontend::workers::{Answer, Reader, read_dockerfile};
use estiva_shared::image::{Digest, ReadAt};
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

/// A docker-archive of one layer.
fn image() -> Vec<u8> {
    let layer = tar(&[("etc/greeting", b"hello from the worker\n")]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["sh"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}},
            "history":[{{"created_by":"COPY greeting /etc/greeting"}}]}}"#,
        Digest::of(&layer)
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["sample:1"],"Layers":["layer.tar"]}]"#;
    tar(&[
        ("manifest.json", manifest.as_bytes()),
        ("config.json", config.as_bytes()),
        ("layer.tar", &layer),
    ])
}

fn open(reader: &mut Reader, bytes: &[u8]) -> Answer {
    let mut last = Answer::Ready;
    reader.open_archive(7, file(bytes), &mut |answer| last = answer);
    last
}

fn paths(answer: Answer) -> Vec<String> {
    let Answer::Tree { packed, .. } = answer else {
        panic!("expected a tree, but found {answer:?}");
    };
    let tree = Tree::unpack(&packed).expect("a tree's bytes");
    (0..tree.len()).map(|index| tree.path(index)).collect()
}

#[wasm_bindgen_test]
fn reads_a_file_where_it_lies() {
    let bytes: Vec<u8> = (0..5_000_000u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let at = FileAt::open(file(&bytes)).expect("a worker can read");
    assert_eq!(at.size(), 5_000_000);
    let mut buffer = [0; 1_000];
    for offset in [0u64, 2_097_000, 4_999_500, 10] {
        let count = at.read_at(offset, &mut buffer).expect("a read");
        assert!(count > 0);
        assert_eq!(
            buffer[..count],
            bytes[offset as usize..offset as usize + count]
        );
    }
    assert_eq!(at.read_at(5_000_000, &mut buffer).expect("a read"), 0);
}

/// The page once got every path of every layer, and a large image froze it for seconds: now it gets what it shows.
#[wasm_bindgen_test]
fn takes_an_archive_apart_and_keeps_its_paths_until_they_are_asked_for() {
    let mut reader = Reader::default();
    match open(&mut reader, &image()) {
        Answer::Images { id, images } => {
            assert_eq!((id, images.len()), (7, 1));
            assert_eq!((images[0].entries, images[0].image.layers.len()), (1, 1));
            assert!(images[0].image.layers[0].verified);
            assert!(images[0].image.layers[0].entries.is_empty());
        }
        other => panic!("expected images, but found {other:?}"),
    }
    assert_eq!(paths(reader.tree(8, 0, None)), ["etc", "etc/greeting"]);
    assert_eq!(paths(reader.tree(9, 0, Some(0))), ["etc", "etc/greeting"]);
    for (image, layer) in [(1, None), (0, Some(1))] {
        let refused = reader.tree(10, image, layer);
        assert!(
            matches!(refused, Answer::Failed { id: 10, .. }),
            "{refused:?}"
        );
    }
}

#[wasm_bindgen_test]
fn takes_the_servers_analysis_too_and_forgets_what_was_open_before() {
    let mut reader = Reader::default();
    let archive = file(&image());
    let at = FileAt::open(archive).expect("a worker can read");
    let analysis = estiva_shared::image::inspect(&at, &mut |_| true).expect("an image");
    let json = serde_json::to_vec(&analysis[0]).expect("plain data");
    assert!(matches!(
        reader.open_analysis(1, &file(&json)),
        Answer::Images { .. }
    ));
    assert_eq!(paths(reader.tree(2, 0, None)), ["etc", "etc/greeting"]);
    assert!(matches!(
        reader.open_analysis(3, &file(b"{")),
        Answer::Failed { id: 3, .. }
    ));
    assert!(matches!(
        reader.tree(4, 0, None),
        Answer::Failed { id: 4, .. }
    ));
}

#[wasm_bindgen_test]
fn says_what_is_wrong_with_a_broken_archive() {
    match open(&mut Reader::default(), &[0x1f; 1_500]) {
        Answer::Failed { id, message } => {
            assert_eq!(id, 7);
            assert!(!message.is_empty());
        }
        other => panic!("expected a failure, but found {other:?}"),
    }
}

#[wasm_bindgen_test]
fn finds_the_mistake_in_a_dockerfile() {
    match read_dockerfile(1, "FROM busybox\nRUNN echo\n") {
        Answer::Dockerfile {
            findings,
            dockerfile,
            ..
        } => {
            assert_eq!(dockerfile.stages.len(), 1);
            assert_eq!(findings[0].span.start.line, 2);
        }
        other => panic!("expected a Dockerfile, but found {other:?}"),
    }
}

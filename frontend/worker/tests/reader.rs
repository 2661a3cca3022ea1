//! The worker's own code in a real worker: files are read where they lie, and what is in them is found.
#![cfg(target_arch = "wasm32")]

use estiva_shared::image::holdings::{SbomFormat, sbom};
use estiva_shared::image::{Digest, ReadAt, inspect};
use estiva_shared::report::{Report, RunText, canonical_json};
use estiva_worker::archive::FileAt;
use estiva_worker::comparison::{Wanted, Which};
use estiva_worker::difference_tree::DifferenceTree;
use estiva_worker::folder::FolderAt;
use estiva_worker::tree::{Find, Look, Wish};
use estiva_worker::treemap::MapWish;
use estiva_worker::{Answer, CompareAsk, Comparer, Reader, read_dockerfile};
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
    image_of(b"hello from the worker\n")
}

/// The same with another greeting.
fn image_of(greeting: &[u8]) -> Vec<u8> {
    let layer = tar(&[("etc/greeting", greeting)]);
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

fn wish(layer: usize) -> Wish {
    Wish {
        look: Look {
            layer,
            ..Look::default()
        },
        count: 50,
        ..Wish::default()
    }
}

fn names(answer: Answer) -> Vec<String> {
    let Answer::Files { sight, .. } = answer else {
        panic!("expected files, but found {answer:?}");
    };
    sight.window.into_iter().map(|row| row.name).collect()
}

fn paths(answer: Answer) -> Vec<String> {
    let Answer::Differences { packed, .. } = answer else {
        panic!("expected differences, but found {answer:?}");
    };
    let tree = DifferenceTree::unpack(&packed).expect("a tree's bytes");
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
        Answer::Images { id, images, .. } => {
            assert_eq!((id, images.len()), (7, 1));
            assert_eq!((images[0].entries, images[0].image.layers.len()), (1, 1));
            assert!(images[0].image.layers[0].verified);
            assert!(images[0].image.layers[0].entries.is_empty());
        }
        other => panic!("expected images, but found {other:?}"),
    }
    assert_eq!(names(reader.files(8, 0, wish(0))), ["etc", "greeting"]);
    assert_eq!(
        names(reader.files(9, 0, wish(7))),
        ["etc", "greeting"],
        "beyond the last layer"
    );
    let refused = reader.files(10, 1, wish(0));
    assert!(
        matches!(refused, Answer::Failed { id: 10, .. }),
        "{refused:?}"
    );
}

#[wasm_bindgen_test]
fn gives_a_map_and_the_documents_of_an_archive() {
    let mut reader = Reader::default();
    open(&mut reader, &image());
    let wish = MapWish {
        // A file has no map of its own: its folder's is shown.
        folder: "etc/greeting".into(),
        layer: 0,
        size: (600.0, 400.0),
    };
    match reader.map(3, 0, &wish) {
        Answer::Map { id: 3, map } => {
            assert_eq!(
                (map.folder.as_str(), map.bytes, map.tiles.len()),
                ("etc", 22, 1)
            );
            assert_eq!(map.tiles[0].path, "etc/greeting");
        }
        other => panic!("expected a map, but found {other:?}"),
    }
    let Answer::Documents { documents, .. } = reader.documents(4, 0) else {
        panic!("expected documents");
    };
    let told: Vec<_> = documents
        .iter()
        .map(|document| (document.kind.as_str(), document.place.as_str()))
        .collect();
    assert_eq!(
        told,
        [("index", "manifest.json"), ("config", "config.json")]
    );
    assert!(
        documents[1]
            .text
            .as_ref()
            .is_some_and(|text| text.contains("\"os\": \"linux\""))
    );
}

/// Fifty thousand names: the first finds are there before all are looked at, and the rest comes in turns.
#[wasm_bindgen_test]
fn a_search_shows_its_first_finds_and_goes_on_in_turns() {
    let names: Vec<String> = (0..50_000)
        .map(|number| format!("srv/{number:06}"))
        .collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let layer = tar(&files);
    let config = br#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let manifest = br#"[{"Config":"config.json","Layers":["layer.tar"]}]"#;
    let mut reader = Reader::default();
    open(
        &mut reader,
        &tar(&[
            ("manifest.json", manifest),
            ("config.json", config),
            ("layer.tar", &layer),
        ]),
    );
    let mut wish = wish(0);
    wish.look.find = Find {
        text: "7".into(),
        ..Find::default()
    };
    let Answer::Files { sight, .. } = reader.files(5, 0, wish) else {
        panic!("expected files");
    };
    assert_eq!(sight.window.len(), 50, "a page of finds");
    let mut last = sight.found;
    let mut turns = 0;
    while reader.is_searching() {
        turns += 1;
        if let Some(Answer::Files { id: 5, sight }) = reader.search_on() {
            assert!(!sight.moved);
            last = sight.found;
        }
    }
    let expected = names.iter().filter(|name| name.contains('7')).count();
    let found = last.expect("a search");
    assert_eq!(
        (found.found, found.goes_on, turns < 1_000),
        (expected, false, true)
    );
}

/// What the command line writes and what the page saves are the same bytes, since the same code makes both.
#[wasm_bindgen_test]
fn writes_bills_of_materials_of_what_is_open() {
    let mut reader = Reader::default();
    open(&mut reader, &image());
    let archive = FileAt::open(file(&image())).expect("a worker can read");
    let analysis = estiva_shared::image::inspect(&archive, &mut |_| true).expect("an image");
    for format in [SbomFormat::Spdx, SbomFormat::CycloneDx] {
        match reader.sbom(8, 0, format) {
            Answer::Sbom { id: 8, text } => assert_eq!(text, sbom(&analysis[0], format)),
            other => panic!("expected a document, but found {other:?}"),
        }
    }
    let refused = reader.sbom(9, 1, SbomFormat::Spdx);
    assert!(matches!(refused, Answer::Failed { id: 9, .. }));
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
    assert_eq!(names(reader.files(2, 0, wish(0))), ["etc", "greeting"]);
    assert!(matches!(
        reader.open_analysis(3, &file(b"{")),
        Answer::Failed { id: 3, .. }
    ));
    assert!(matches!(
        reader.files(4, 0, wish(0)),
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

#[wasm_bindgen_test]
fn compares_two_archives_and_gives_the_tree_that_is_wanted() {
    let mut comparer = Comparer::default();
    let mut ask = |about: CompareAsk, file: wasm_bindgen::JsValue| {
        let mut last = Answer::Ready;
        comparer.take(3, about, file, &mut |answer| last = answer);
        last
    };
    let nothing = || wasm_bindgen::JsValue::UNDEFINED;
    let compare = CompareAsk::Compare {
        a: 0,
        b: 0,
        semantic: true,
    };
    let early = ask(compare.clone(), nothing());
    assert!(matches!(early, Answer::Failed { id: 3, .. }), "{early:?}");
    for (which, greeting) in [(Which::A, &b"old"[..]), (Which::B, b"newer")] {
        let opened = ask(
            CompareAsk::Archive { which },
            file(&image_of(greeting)).into(),
        );
        assert!(matches!(opened, Answer::Images { .. }), "{opened:?}");
    }
    match ask(compare, nothing()) {
        Answer::Compared { compared, .. } => {
            assert!(!compared.comparison.same);
            assert_eq!(compared.comparison.totals.content, 1);
            assert!(compared.comparison.files.is_empty());
        }
        other => panic!("expected a comparison, but found {other:?}"),
    }
    let tree = |wanted| CompareAsk::Tree { wanted };
    assert_eq!(
        paths(ask(tree(Wanted::ALL), nothing())),
        ["etc", "etc/greeting"]
    );
    let none = Wanted {
        content: false,
        ..Wanted::ALL
    };
    assert!(paths(ask(tree(none), nothing())).is_empty());
    let no_file = ask(CompareAsk::Analysis { which: Which::A }, nothing());
    assert!(matches!(no_file, Answer::Failed { .. }), "{no_file:?}");
}

/// One frame of zstd that holds these bytes as they are.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    // A window of 128 KiB, which is a block's most as well.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    let pieces = bytes.chunks(128 << 10).count();
    for (number, piece) in bytes.chunks(128 << 10).enumerate() {
        let last = u32::from(number + 1 == pieces);
        let head = ((piece.len() as u32) << 3 | last).to_le_bytes();
        frame.extend_from_slice(&head[..3]);
        frame.extend_from_slice(piece);
    }
    frame
}

#[wasm_bindgen_test]
fn an_archive_in_zstd_is_read_in_the_browser() {
    let mut reader = Reader::default();
    let Answer::Images { images, .. } = open(&mut reader, &zstd(&image())) else {
        panic!("expected images");
    };
    assert_eq!((images.len(), images[0].problems.len()), (1, 0));
    assert!(images[0].image.layers[0].verified);
}

#[wasm_bindgen_test]
fn a_folder_s_files_are_an_image_too() {
    let mut bytes = image();
    let mut files = Vec::new();
    let mut paths = Vec::new();
    let mut archive = tar::Archive::new(std::io::Cursor::new(&mut bytes));
    for entry in archive.entries().expect("an archive in memory") {
        let mut entry = entry.expect("an entry");
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("its content");
        paths.push(entry.path().expect("a path").to_string_lossy().into_owned());
        files.push(file(&content));
    }
    let folder = FolderAt::new(paths, files);
    let (mut reader, mut last) = (Reader::default(), Answer::Ready);
    reader.open_folder(5, folder, &mut |answer| last = answer);
    match &last {
        Answer::Images { id: 5, images, .. } => assert_eq!(images[0].image.names, ["sample:1"]),
        other => panic!("expected images, but found {other:?}"),
    }
    assert_eq!(names(reader.files(1, 0, wish(0))), ["etc", "greeting"]);
    assert_eq!(kinds(&reader), ["index", "config"]);
    let empty = FolderAt::new(Vec::new(), Vec::<File>::new());
    reader.open_folder(6, empty, &mut |answer| last = answer);
    let Answer::Failed { message, .. } = last else {
        panic!("expected a failure");
    };
    assert!(message.contains("a folder of 0 files"), "{message}");
}

/// The kinds of an image's documents.
fn kinds(reader: &Reader) -> Vec<String> {
    match reader.documents(1, 0) {
        Answer::Documents { documents, .. } => {
            documents.into_iter().map(|each| each.kind).collect()
        }
        other => panic!("expected documents, but found {other:?}"),
    }
}

#[wasm_bindgen_test]
fn json_is_a_report_or_what_the_command_line_wrote_or_is_refused() {
    let analyses = inspect(&image(), &mut |_| true).expect("an image");
    let report = Report::build("sample:1", &analyses[0], None, RunText::Shown);
    let mut reader = Reader::default();
    open(&mut reader, &image());
    match reader.open_json(1, &file(&canonical_json(&report))) {
        Answer::Report {
            id: 1,
            report: read,
        } => assert_eq!(*read, report),
        other => panic!("expected a report, but found {other:?}"),
    }
    for text in [
        serde_json::to_vec(&analyses[0]),
        serde_json::to_vec(&analyses),
    ] {
        match reader.open_json(2, &file(&text.expect("JSON"))) {
            Answer::Images { id: 2, images, .. } => assert_eq!(images.len(), 1),
            other => panic!("expected images, but found {other:?}"),
        }
        assert_eq!(names(reader.files(2, 0, wish(0))), ["etc", "greeting"]);
        assert!(kinds(&reader).is_empty(), "JSON has no documents beside it");
    }
    for text in ["{}", "[]", "{\"version\":9}", "{"] {
        let answer = reader.open_json(3, &file(text.as_bytes()));
        assert!(matches!(answer, Answer::Failed { id: 3, .. }), "{text}");
    }
}

//! Sparse files: what a layer holds of them, what they are in whole, and all that can be wrong with their maps.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::{
    ContentIndex, Download, ImageAnalysis, Limits, ReadAt, Subject, TarKind, TarReader,
    inspect_opened,
};
use image_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn sum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The records of one PAX header.
fn records(all: &[(&str, &str)]) -> Item {
    let content = all.iter().flat_map(|(key, value)| pax(key, value).content);
    Item {
        content: content.collect(),
        ..Item::new("records", b'x')
    }
}

/// `data` at 1000 and `end` at 9000 of 10,000 bytes.
fn whole() -> Vec<u8> {
    let mut bytes = vec![0; 10_000];
    bytes[1000..1004].copy_from_slice(b"data");
    bytes[9000..9003].copy_from_slice(b"end");
    bytes
}

/// That file in each of GNU tar's forms but the oldest: PAX 0.0, 0.1 and 1.0.
fn by_pax() -> [Vec<Item>; 3] {
    let stored = |content: &str| file("GNUSparseFile.0/sparse", content);
    let mut map = b"3\n1000\n4\n9000\n3\n10000\n0\n".to_vec();
    map.resize(512, 0);
    map.extend(b"dataend");
    [
        vec![
            records(&[
                ("GNU.sparse.size", "10000"),
                ("GNU.sparse.numblocks", "2"),
                ("GNU.sparse.offset", "1000"),
                ("GNU.sparse.numbytes", "4"),
                ("GNU.sparse.offset", "9000"),
                ("GNU.sparse.numbytes", "3"),
            ]),
            file("sparse", "dataend"),
        ],
        vec![
            records(&[
                ("GNU.sparse.size", "10000"),
                ("GNU.sparse.name", "sparse"),
                ("GNU.sparse.map", "1000,4,9000,3"),
            ]),
            stored("dataend"),
        ],
        vec![
            records(&[
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.name", "sparse"),
                ("GNU.sparse.realsize", "10000"),
            ]),
            Item {
                content: map,
                ..stored("")
            },
        ],
    ]
}

/// A sparse file as an old GNU header has it, with `blocks` of 21 ranges beside the four in it: a byte at each 10th.
fn by_old_header(blocks: usize) -> (Vec<u8>, Vec<u8>) {
    let ranges = 4 + blocks * 21;
    let mut whole = vec![0; ranges * 10];
    let range = |number: usize| format!("{:011o}\0{:011o}\0", number * 10, 1);
    let content: Vec<u8> = (0..ranges)
        .map(|number| b'a' + (number % 26) as u8)
        .collect();
    for (number, byte) in content.iter().enumerate() {
        whole[number * 10] = *byte;
    }
    let mut first = header(&Item {
        size: Some(ranges as u64),
        ..Item::new("sparse", b'S')
    });
    for number in 0..4 {
        first[386 + number * 24..][..24].copy_from_slice(range(number).as_bytes());
    }
    first[482] = u8::from(blocks > 0);
    first[483..495].copy_from_slice(format!("{:011o}\0", whole.len()).as_bytes());
    first[148..156].fill(b' ');
    let checksum: u32 = first.iter().map(|byte| u32::from(*byte)).sum();
    first[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    let mut bytes = first.to_vec();
    for block in 0..blocks {
        let mut next = [0; 512];
        for number in 0..21 {
            next[number * 24..][..24].copy_from_slice(range(4 + block * 21 + number).as_bytes());
        }
        next[504] = u8::from(block + 1 < blocks);
        bytes.extend(next);
    }
    bytes.extend(&content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend(tar(&[file("after", "x")]));
    (bytes, whole)
}

/// A layer whose first file is a sparse one of these bytes, of which so many are stored.
fn check(layer: &[u8], whole: &[u8], stored: u64) {
    let index = read_layer(layer);
    assert_eq!(index.problems, []);
    let paths: Vec<_> = index.entries.iter().map(|entry| &*entry.path).collect();
    assert_eq!(paths, ["sparse", "after"]);
    let entry = &index.entries[0];
    assert_eq!(entry.size_bytes, stored);
    assert_eq!(entry.apparent_bytes, Some(whole.len() as u64));
    assert_eq!(entry.crc, sum(whole), "as if the zeros were read");
    // Its content, from any place on.
    let archive = oci_archive(&Image::new(&[layer.to_vec()]).gzipped(), "sparse:1");
    let (analysis, contents) = open(&archive);
    let subject = Subject::Archive(&archive);
    let file = contents
        .open(subject, (0, &analysis), None, "sparse")
        .unwrap();
    assert_eq!(file.size(), whole.len() as u64);
    assert_eq!(file.part(0, u64::MAX).unwrap(), whole);
    for start in (0..whole.len()).step_by(7) {
        let end = (start + 13).min(whole.len());
        assert_eq!(
            file.part(start as u64, 13).unwrap(),
            &whole[start..end],
            "{start}"
        );
    }
    let tree = &analysis.tree[1];
    assert_eq!((tree.path.as_str(), tree.size_bytes), ("sparse", stored));
    assert_eq!(tree.apparent_bytes, Some(whole.len() as u64));
}

fn open(archive: &dyn ReadAt) -> (ImageAnalysis, ContentIndex) {
    let (mut images, contents) = inspect_opened(
        Subject::Archive(archive),
        &Limits::default(),
        &mut |images| (0..images.len()).collect(),
        &mut |_| true,
    )
    .unwrap();
    (images.remove(0).0, contents)
}

#[test]
fn each_form_of_a_sparse_file_is_read() {
    for mut items in by_pax() {
        items.push(file("after", "x"));
        check(&tar(&items), &whole(), 7);
    }
    for blocks in [0, 1, 3] {
        let (layer, whole) = by_old_header(blocks);
        check(&layer, &whole, 4 + blocks as u64 * 21);
    }
}

#[test]
fn a_hole_of_terabytes_is_read_at_once() {
    let items = [
        folder("var/"),
        folder("var/log/"),
        records(&[
            ("GNU.sparse.size", &(8u64 << 40).to_string()),
            ("GNU.sparse.map", "8796093022207,1"),
        ]),
        file("var/log/lastlog", "x"),
    ];
    let archive = oci_archive(&Image::new(&[tar(&items)]), "sparse:1");
    let (analysis, contents) = open(&archive);
    let subject = Subject::Archive(&archive);
    let file = contents
        .open(subject, (0, &analysis), None, "var/log/lastlog")
        .unwrap();
    assert_eq!(file.part((8 << 40) - 3, 10).unwrap(), b"\0\0x");
    // Alone it would be written out; its folder stays sparse.
    let download = |path| {
        let what = Download {
            image: 0,
            analysis: &analysis,
            layer: None,
            path,
        };
        let mut out = Vec::new();
        contents.download(subject, what, &mut out).map(|()| out)
    };
    let refused = download("var/log/lastlog").unwrap_err().to_string();
    assert!(refused.contains("save its folder"), "{refused}");
    let folder = download("var/log").unwrap();
    assert!(folder.len() < 8192, "{}", folder.len());
    let index = read_layer(&folder);
    assert_eq!(&*index.entries[1].path, "log/lastlog");
    assert_eq!(index.entries[1].apparent_bytes, Some(8 << 40));
    assert_eq!(index.entries[1].crc, analysis.tree[2].crc.unwrap());
}

#[test]
fn what_is_sparse_is_found_again_as_what_is_not() {
    let [_, sparse, _] = by_pax();
    let plain = Item {
        content: whole(),
        ..file("plain", "")
    };
    let analysis = analyse_tars(&[tar(&sparse), tar(&[plain])]);
    let duplicates = analysis
        .waste
        .by_cause
        .iter()
        .find(|cause| cause.cause == "duplicate_content")
        .unwrap();
    assert_eq!(duplicates.files[0].path, "plain");
    // What a rebuild would save is what the layer holds.
    assert_eq!(duplicates.reclaimable_bytes, 10_000);
}

#[test]
fn maps_that_contradict_themselves_are_named_and_the_next_file_is_read() {
    for (map, why) in [
        ("1000,4,900,3", "backwards"),
        ("1000,4,1003,3", "overlapping"),
        ("1000,4,9998,3", "beyond the end"),
        ("1000,4", "less than is stored"),
        ("1000,4,9000,4", "more than is stored"),
        ("1000,4,9000", "half a range"),
        ("1000,x", "no number"),
        ("18446744073709551615,7", "beyond all numbers"),
    ] {
        let items = [
            records(&[("GNU.sparse.size", "10000"), ("GNU.sparse.map", map)]),
            file("sparse", "dataend"),
            file("after", "x"),
        ];
        let index = read_layer(&tar(&items));
        assert_eq!(codes(&index.problems), ["bad-entry"], "{why}");
        assert_eq!(index.entries.len(), 1, "{why}");
    }
    for content in ["", "1", "2\n0\n", "99999999999\n", "1\n0\nx\n", "-1\n"] {
        let items = [
            records(&[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "9")]),
            file("sparse", content),
            file("after", "x"),
        ];
        let index = read_layer(&tar(&items));
        assert_eq!(codes(&index.problems), ["bad-entry"], "{content:?}");
        assert_eq!(index.entries.len(), 1, "{content:?}");
    }
}

/// GNU tar's own, in all its forms. Skipped where it is missing.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn gnu_tar_s_sparse_files_are_read_and_ours_by_it() {
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::process::Command;

    let folder = tempfile::TempDir::new().unwrap();
    let mut sparse = std::fs::File::create(folder.path().join("sparse")).unwrap();
    // More ranges than one header holds.
    for number in 0..40u64 {
        sparse.seek(SeekFrom::Start(number * 1_000_000)).unwrap();
        sparse.write_all(b"something").unwrap();
    }
    sparse.set_len(50_000_000).unwrap();
    drop(sparse);
    std::fs::write(folder.path().join("after"), "x").unwrap();
    let whole = std::fs::read(folder.path().join("sparse")).unwrap();
    for form in [
        &["--format=gnu"][..],
        &["--format=pax", "--sparse-version=0.0"],
        &["--format=pax", "--sparse-version=0.1"],
        &["--format=pax", "--sparse-version=1.0"],
    ] {
        let packed = Command::new("tar")
            .args(["--sparse", "-c"])
            .args(form)
            .args(["sparse", "after"])
            .current_dir(&folder)
            .output();
        let Ok(packed) = packed else {
            return eprintln!(
                "SKIP gnu_tar_s_sparse_files_are_read_and_ours_by_it: tar is not installed"
            );
        };
        assert!(packed.stdout.len() < 1_000_000, "{form:?}");
        let index = read_layer(&packed.stdout);
        assert_eq!(index.problems, [], "{form:?}");
        assert_eq!(index.entries[0].apparent_bytes, Some(whole.len() as u64));
        assert_eq!(index.entries[0].crc, sum(&whole), "{form:?}");
        // Saved again, as a folder, and unpacked by GNU tar.
        let archive = oci_archive(&Image::new(&[packed.stdout]).gzipped(), "sparse:1");
        let (analysis, contents) = open(&archive);
        let what = Download {
            image: 0,
            analysis: &analysis,
            layer: None,
            path: "",
        };
        let mut saved = Vec::new();
        contents
            .download(Subject::Archive(&archive), what, &mut saved)
            .unwrap();
        let again = tempfile::TempDir::new().unwrap();
        std::fs::write(again.path().join("saved.tar"), &saved).unwrap();
        let unpacked = Command::new("tar")
            .args(["-xf", "saved.tar"])
            .current_dir(&again)
            .output()
            .unwrap();
        assert!(unpacked.status.success(), "{unpacked:?}");
        assert!(
            std::fs::read(again.path().join("sparse")).unwrap() == whole,
            "{form:?}"
        );
    }
}

#[test]
fn a_sparse_file_is_read_to_its_last_stored_byte() {
    let [_, _, items] = by_pax();
    let bytes = tar(&items);
    let mut reader = TarReader::new(bytes.as_slice());
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!(entry.kind, TarKind::File);
    assert_eq!(entry.apparent_size(), 10_000);
    let stored: Vec<_> = entry.stored().map(|one| (one.offset, one.length)).collect();
    assert_eq!(stored, [(1000, 4), (9000, 3)]);
    let mut content = String::new();
    std::io::Read::read_to_string(&mut reader, &mut content).unwrap();
    assert_eq!(content, "dataend");
    assert!(reader.next_entry().unwrap().is_none());
}

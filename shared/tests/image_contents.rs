//! Files of images, read where their layers lie: any layer, any kind of link, any compression, and all that is wrong.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod image_support;

use std::io::Read;

use estiva_shared::image::{
    AccessError, Change, ContentIndex, Download, EntryKind, Folder, FolderError, ImageAnalysis,
    Limits, ReadAt, Subject, TarKind, TarReader, Window, inspect_opened, versions,
};
use image_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// An archive with its only image and the index of its contents.
struct Opened {
    archive: Vec<u8>,
    analysis: ImageAnalysis,
    contents: ContentIndex,
}

fn open(archive: Vec<u8>) -> Opened {
    let (mut images, contents) = inspect_opened(
        Subject::Archive(&archive),
        &Limits::default(),
        &mut |images| (0..images.len()).collect(),
        &mut |_| true,
    )
    .unwrap();
    let (analysis, _) = images.remove(0);
    Opened {
        archive,
        analysis,
        contents,
    }
}

impl Opened {
    /// The layer that holds a file, and its content.
    fn read(&self, layer: Option<usize>, path: &str) -> Result<(usize, String), AccessError> {
        let subject = Subject::Archive(&self.archive);
        let file = self
            .contents
            .open(subject, (0, &self.analysis), layer, path)?;
        let mut text = String::new();
        Window::whole(&file).read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, file.size());
        Ok((file.layer, text))
    }

    fn fails(&self, layer: Option<usize>, path: &str) -> String {
        self.read(layer, path).unwrap_err().to_string()
    }

    fn download(&self, layer: Option<usize>, path: &str) -> Result<Vec<u8>, AccessError> {
        let what = Download {
            image: 0,
            analysis: &self.analysis,
            layer,
            path,
        };
        let mut out = Vec::new();
        let subject = Subject::Archive(&self.archive);
        self.contents.download(subject, what, &mut out)?;
        Ok(out)
    }
}

/// What a tar holds: path, kind, mode, link, content.
fn listed(tar: &[u8]) -> Vec<(String, TarKind, u32, String, String)> {
    let mut reader = TarReader::new(tar);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut content = String::new();
        reader.read_to_string(&mut content).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let link = text(entry.link.unwrap_or_default());
        all.push((text(entry.path), entry.kind, entry.mode, link, content));
    }
    all
}

fn three_layers() -> Vec<Vec<u8>> {
    vec![
        tar(&[
            folder("etc/"),
            file("etc/name", "one"),
            file("etc/gone", "was here"),
            file("etc/stays", "stays"),
            hard_link("etc/same", "etc/stays"),
            symlink("etc/link", "name"),
        ]),
        tar(&[
            folder("etc/"),
            file("etc/name", "the second"),
            file("etc/.wh.gone", ""),
            hard_link("etc/below", "etc/stays"),
        ]),
        tar(&[folder("etc/"), file("etc/name", "3")]),
    ]
}

/// The same image as it may lie.
fn every_archive() -> Vec<(&'static str, Vec<u8>)> {
    let image = Image::new(&three_layers());
    let plain = docker_archive(&[(&image, "test:1")]);
    let (packed, squeezed) = (
        Image::new(&three_layers()).gzipped(),
        Image::new(&three_layers()).packed(zstd),
    );
    vec![
        ("gzip around all", gzip(&plain)),
        ("zstd around all", zstd(&oci_archive(&packed, "test:1"))),
        ("gzip twice", gzip(&oci_archive(&packed, "test:1"))),
        ("plain", plain),
        ("gzip", oci_archive(&packed, "test:1")),
        ("zstd", oci_archive(&squeezed, "test:1")),
    ]
}

#[test]
fn a_file_reads_as_it_is_after_each_layer() {
    for (how, archive) in every_archive() {
        let opened = open(archive);
        let read = |layer, path| opened.read(layer, path).unwrap();
        assert_eq!(read(Some(0), "etc/name"), (0, "one".into()), "{how}");
        assert_eq!(read(Some(1), "etc/name"), (1, "the second".into()), "{how}");
        assert_eq!(read(None, "etc/name"), (2, "3".into()), "{how}");
        assert_eq!(read(None, "etc/stays"), (0, "stays".into()), "{how}");
        assert_eq!(read(Some(0), "etc/gone"), (0, "was here".into()), "{how}");
    }
}

#[test]
fn a_hard_link_reads_as_what_it_led_to_when_it_was_written() {
    let opened = open(oci_archive(&Image::new(&three_layers()).gzipped(), "t"));
    assert_eq!(opened.read(None, "etc/same").unwrap(), (0, "stays".into()));
    // Its target is in the layer below alone.
    assert_eq!(opened.read(None, "etc/below").unwrap(), (0, "stays".into()));
    let twice = tar(&[
        file("a", "first"),
        hard_link("b", "a"),
        file("a", "second"),
        hard_link("c", "b"),
        hard_link("self", "self"),
        hard_link("nothing", "not/there"),
    ]);
    let opened = open(oci_archive(&Image::new(&[twice]), "t"));
    assert_eq!(opened.read(None, "a").unwrap().1, "second");
    assert_eq!(opened.read(None, "b").unwrap().1, "first");
    assert_eq!(opened.read(None, "c").unwrap().1, "first");
    for (path, target) in [("self", "self"), ("nothing", "not/there")] {
        assert_eq!(
            opened.fails(None, path),
            format!(
                "expected a hard link to a file of the image, but found one to {target}, which is none: {path}"
            )
        );
    }
}

#[test]
fn what_is_no_file_says_what_it_is() {
    let opened = open(oci_archive(&Image::new(&three_layers()), "t"));
    let cases = [
        (
            None,
            "etc/link",
            "expected a file, but found a symbolic link to name: etc/link",
        ),
        (None, "etc", "expected a file, but found a folder: etc"),
        (
            None,
            "etc/gone",
            "expected a path that the image has at its end, but found that layer 1 removed it: etc/gone",
        ),
        (
            Some(1),
            "etc/gone",
            "expected a path that the image has after layer 1, but found that layer 1 removed it: etc/gone",
        ),
        (
            Some(0),
            "etc/below",
            "expected a path that the image has after layer 0, but found none: etc/below",
        ),
        (
            Some(7),
            "etc/name",
            "expected one of 3 layers, counted from 0, but found number 7",
        ),
    ];
    for (layer, path, message) in cases {
        assert_eq!(opened.fails(layer, path), message);
    }
    let (index, analysis) = (ContentIndex::default(), &opened.analysis);
    let subject = Subject::Archive(&opened.archive);
    let error = index.open(subject, (0, analysis), None, "etc/name").err();
    assert!(matches!(error, Some(AccessError::NotHere)));
}

#[test]
fn the_versions_of_a_path_are_told_from_the_lowest_layer_up() {
    let opened = open(oci_archive(&Image::new(&three_layers()), "t"));
    let found: Vec<_> = versions(&opened.analysis, "etc/name")
        .into_iter()
        .map(|version| (version.layer, version.change, version.size_bytes))
        .collect();
    let expected = [
        (0, Change::Added, 3),
        (1, Change::Changed, 10),
        (2, Change::Changed, 1),
    ];
    assert_eq!(found, expected);
    let gone = versions(&opened.analysis, "etc/gone");
    assert_eq!(gone.last().unwrap().change, Change::Removed);
    assert_eq!(gone[0].kind, EntryKind::File);
    assert!(versions(&opened.analysis, "nowhere").is_empty());
}

#[test]
fn a_folder_is_saved_as_a_tar_with_its_links() {
    for (how, archive) in every_archive() {
        let opened = open(archive);
        let expected = [
            ("etc", TarKind::Directory, 0o755, "", ""),
            ("etc/stays", TarKind::File, 0o644, "", "stays"),
            ("etc/below", TarKind::Hardlink, 0o644, "etc/stays", ""),
            ("etc/same", TarKind::Hardlink, 0o644, "etc/stays", ""),
            ("etc/link", TarKind::Symlink, 0o644, "name", ""),
            ("etc/name", TarKind::File, 0o644, "", "3"),
        ];
        let mut expected = expected.map(|(path, kind, mode, link, content)| {
            (
                path.to_owned(),
                kind,
                mode,
                link.to_owned(),
                content.to_owned(),
            )
        });
        let mut found = listed(&opened.download(None, "etc").unwrap());
        // Which of three names comes first is no matter, as long as the others lead to it.
        let first = found
            .iter()
            .find(|entry| entry.4 == "stays")
            .unwrap()
            .0
            .clone();
        for entry in &mut found {
            if entry.3 == first {
                "etc/stays".clone_into(&mut entry.3);
            }
        }
        let names = |all: &[(String, TarKind, u32, String, String)]| {
            let mut names: Vec<_> = all.iter().map(|entry| entry.0.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&found), names(&expected), "{how}");
        let contents = found.iter().filter(|entry| !entry.4.is_empty()).count();
        assert_eq!(contents, 2, "{how}: each content once");
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        let link = found.iter().find(|entry| entry.0 == "etc/link").unwrap();
        assert_eq!((link.1, link.3.as_str()), (TarKind::Symlink, "name"));
        // A state in between, the root, a file, and what is not there.
        let first_state = listed(&opened.download(Some(0), "etc").unwrap());
        assert!(first_state.iter().any(|entry| entry.0 == "etc/gone"));
        let root = listed(&opened.download(None, "").unwrap());
        assert_eq!(root.len(), 6, "{how}");
        assert_eq!(opened.download(Some(1), "etc/name").unwrap(), b"the second");
        assert!(opened.download(None, "etc/gone").is_err());
        assert!(opened.download(Some(9), "").is_err());
    }
}

#[test]
fn nested_folders_are_saved_from_their_own_name_on() {
    let long = format!("deep/{}/end", "x".repeat(150));
    let layer = tar(&[
        folder("usr/"),
        folder("usr/share/"),
        file("usr/share-not", "no"),
        file("usr/share/a", "A"),
        folder("deep/"),
        pax("path", &long),
        file("short", "far below"),
    ]);
    let opened = open(oci_archive(&Image::new(&[layer]).gzipped(), "t"));
    let found = listed(&opened.download(None, "usr/share").unwrap());
    let names: Vec<_> = found.iter().map(|entry| entry.0.as_str()).collect();
    assert_eq!(names, ["share", "share/a"]);
    let found = listed(&opened.download(None, "deep").unwrap());
    let far = found.iter().find(|entry| entry.0 == long).unwrap();
    assert_eq!(far.4, "far below");
    assert_eq!(opened.read(None, &long).unwrap().1, "far below");
}

#[test]
fn names_that_are_not_utf8_are_read_by_what_is_shown_of_them() {
    let odd = Item {
        path: b"odd-\xff\xfe".to_vec(),
        ..file("", "odd content")
    };
    let opened = open(oci_archive(&Image::new(&[tar(&[odd])]), "t"));
    let shown = "odd-\u{fffd}\u{fffd}";
    assert_eq!(opened.read(None, shown).unwrap().1, "odd content");
    let found = listed(&opened.download(None, "").unwrap());
    assert_eq!(
        (found[0].0.as_str(), found[0].4.as_str()),
        (shown, "odd content")
    );
}

#[test]
fn a_layer_that_breaks_off_gives_what_it_has_and_an_error_for_the_rest() {
    let whole = tar(&[file("first", "whole"), sized("second", 200_000, b'x')]);
    let mut broken = gzip(&noise_between(&whole));
    broken.truncate(broken.len() / 2);
    let mut image = Image::new(&[noise_between(&whole)]);
    image.layers = vec![broken];
    let opened = open(oci_archive(&image, "t"));
    assert_eq!(opened.read(None, "first").unwrap().1, "whole");
    // It was not listed, so it is not there.
    assert!(opened.read(None, "second").is_err());
    assert!(opened.download(None, "").is_ok());
}

/// A tar with much between its first and its second file, so that half of it holds the first.
fn noise_between(tar_bytes: &[u8]) -> Vec<u8> {
    let mut filler = Item::new("filler", b'0');
    filler.content = noise(400_000);
    let mut all = tar_bytes[..1024].to_vec();
    all.extend(open_tar(&[filler]));
    all.extend(&tar_bytes[1024..]);
    all
}

#[test]
fn what_changed_since_it_was_read_is_told_and_never_a_panic() {
    let opened = open(oci_archive(&Image::new(&three_layers()), "t"));
    let mut changed = opened.archive.clone();
    for at in (0..changed.len()).step_by(97) {
        changed[at] ^= 0x55;
    }
    let place = (0, &opened.analysis);
    for archive in [changed, opened.archive[..700].to_vec(), Vec::new()] {
        for path in ["etc/name", "etc/below", "etc/same"] {
            let subject = Subject::Archive(&archive);
            if let Ok(file) = opened.contents.open(subject, place, None, path) {
                let _ = Window::whole(&file).read_to_end(&mut Vec::new());
            }
        }
        let what = Download {
            image: 0,
            analysis: &opened.analysis,
            layer: None,
            path: "",
        };
        let subject = Subject::Archive(&archive);
        assert!(
            opened
                .contents
                .download(subject, what, &mut Vec::new())
                .is_err()
        );
    }
    // A folder in place of the file that it was.
    struct Empty;
    impl Folder for Empty {
        fn open(&self, _: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
            Ok(None)
        }
        fn describe(&self) -> String {
            "nothing".to_owned()
        }
    }
    let error = opened
        .contents
        .open(Subject::Folder(&Empty), place, None, "etc/name");
    assert!(matches!(error.err(), Some(AccessError::NotHere)));
}

#[test]
fn many_files_of_a_large_layer_are_read_by_checkpoints_that_stay_small() {
    let mut items = vec![folder("d/")];
    for number in 0..40 {
        let text = format!("{number} {}", "lorem ipsum ".repeat(number * 700));
        let mut item = file(&format!("d/{number:02}"), &text);
        // What does not compress lies between, so that blocks end.
        item.content.extend(noise(150_000 + number));
        items.push(item);
    }
    let layer = tar(&items);
    assert!(layer.len() > 12 << 20);
    let opened = open(oci_archive(&Image::new(&[layer]).packed(gzip_well), "t"));
    assert!(opened.contents.checkpoint_bytes() > 60_000);
    for number in [39, 0, 20, 21, 3] {
        let path = format!("d/{number:02}");
        let subject = Subject::Archive(&opened.archive);
        let place = (0, &opened.analysis);
        let file = opened.contents.open(subject, place, None, &path).unwrap();
        let mut bytes = Vec::new();
        Window::whole(&file).read_to_end(&mut bytes).unwrap();
        assert!(bytes == items[number + 1].content, "{path}");
    }
    let mut reader = TarReader::new(std::io::Cursor::new(opened.download(None, "d").unwrap()));
    let mut count = 0;
    while let Some(entry) = reader.next_entry().unwrap() {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        let path = String::from_utf8(entry.path).unwrap();
        let item = items.iter().find(|item| item.path == path.as_bytes());
        assert!(
            entry.kind == TarKind::Directory || item.unwrap().content == bytes,
            "{path}"
        );
        count += 1;
    }
    assert_eq!(count, 41);
}

fn gzip_well(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

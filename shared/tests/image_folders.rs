//! Layouts and unpacked archives as folders, and the choice among several images.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use estiva_shared::image::{
    Choice, Folder, FolderError, ImageAnalysis, InspectError, Limits, Listed, Progress, ReadAt,
    Subject, TarKind, TarReader, inspect_documented, inspect_folder, inspect_some, normalise,
};
use image_support::*;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A folder in memory that remembers what was opened.
#[derive(Default)]
struct Memory {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, fn() -> FolderError>,
    opened: RefCell<Vec<String>>,
}

impl Memory {
    /// What `tar -x` makes of an archive; a link is a second name of what it leads to.
    fn unpacked(archive: &[u8]) -> Self {
        let mut memory = Self::default();
        let mut reader = TarReader::new(archive);
        while let Some(entry) = reader.next_entry().unwrap() {
            let path = normalise(&entry.path).path;
            match entry.kind {
                TarKind::File => {
                    let mut bytes = Vec::new();
                    io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
                    memory.files.insert(path, bytes);
                }
                TarKind::Symlink => {
                    let target = String::from_utf8(entry.link.unwrap()).unwrap();
                    let target = normalise(format!("{path}/../{target}").as_bytes()).path;
                    memory.files.insert(path, memory.files[&target].clone());
                }
                _ => {}
            }
        }
        memory
    }
}

impl Folder for Memory {
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
        self.opened.borrow_mut().push(path.to_owned());
        if let Some(fault) = self.faults.get(path) {
            return Err(fault());
        }
        let file = self.files.get(path);
        Ok(file.map(|bytes| Box::new(bytes.clone()) as Box<dyn ReadAt>))
    }

    fn describe(&self) -> String {
        format!("a folder of {} files", self.files.len())
    }
}

fn layers() -> [Vec<u8>; 2] {
    [
        tar(&[folder("etc/"), file("etc/a", "one")]),
        tar(&[file("etc/.wh.a", ""), file("etc/b", "two")]),
    ]
}

fn read(folder: &Memory) -> Vec<ImageAnalysis> {
    inspect_folder(folder, &mut |_| true).unwrap()
}

#[test]
fn a_folder_shows_what_the_archive_shows_that_it_was_unpacked_from() {
    let (one, two) = (Image::new(&layers()), Image::new(&layers()[..1]));
    for archive in [
        docker_archive(&[(&one, "a:1"), (&two, "b:1")]),
        oci_archive(&Image::new(&layers()).gzipped(), "a:1"),
        oci_archive(&Image::new(&layers()).packed(zstd), "a:1"),
    ] {
        let folder = Memory::unpacked(&archive);
        assert_eq!(read(&folder), inspect_all(&archive));
        let documented =
            |subject| inspect_documented(subject, &Limits::default(), &mut |_| true).unwrap();
        let documents = documented(Subject::Folder(&folder));
        assert!(documents.iter().all(|(_, documents)| documents.len() >= 2));
        assert_eq!(documents, documented(Subject::Archive(&archive)));
    }
}

#[test]
fn only_what_manifests_name_is_opened_however_much_there_is() {
    let archive = oci_archive(&Image::new(&layers()), "a:1");
    let mut folder = Memory::unpacked(&archive);
    let expected = read(&folder);
    let in_order = |mut opened: Vec<String>| {
        opened.sort();
        opened
    };
    let named = in_order(folder.opened.take());
    for number in 0..100_000 {
        folder
            .files
            .insert(format!("blobs/sha256/{number}"), Vec::new());
    }
    assert_eq!(read(&folder), expected);
    assert_eq!(in_order(folder.opened.take()), named);
    assert!(named.len() < 20, "{named:?}");
}

#[test]
fn a_file_that_can_t_be_read_is_named_and_the_others_are_shown() {
    let archive = oci_archive(&Image::new(&layers()), "a:1");
    let whole = read(&Memory::unpacked(&archive)).remove(0);
    let place = |digest: &str| format!("blobs/sha256/{}", digest.strip_prefix("sha256:").unwrap());
    let upper = place(&whole.image.layers[1].digest);
    for (fault, code, word) in [
        (
            (|| FolderError::LeadsOut) as fn() -> _,
            "unsafe-path",
            "leads out",
        ),
        (|| FolderError::NotAFile("a pipe"), "unreadable", "a pipe"),
        (
            || FolderError::Unreadable(io::ErrorKind::PermissionDenied.into()),
            "unreadable",
            "denied",
        ),
    ] {
        let mut folder = Memory::unpacked(&archive);
        folder.faults.insert(upper.clone(), fault);
        let analysis = read(&folder).remove(0);
        assert_eq!(codes(&analysis.problems), [code]);
        let problem = &analysis.problems[0];
        assert_eq!(problem.layer, Some(1));
        assert!(
            problem.message.contains(word) && problem.message.contains(&upper),
            "{}",
            problem.message
        );
        let paths: Vec<_> = analysis
            .tree
            .iter()
            .map(|entry| entry.path.as_str())
            .collect();
        assert_eq!(paths, ["etc", "etc/a"]);
    }
    let mut folder = Memory::unpacked(&archive);
    folder.files.remove(&upper);
    assert_eq!(codes(&read(&folder).remove(0).problems), ["missing-blob"]);
    folder
        .faults
        .insert("index.json".into(), || FolderError::LeadsOut);
    let error = inspect_folder(&folder, &mut |_| true).unwrap_err();
    assert!(
        error.to_string().contains("leads out of the folder"),
        "{error}"
    );
}

/// A file can go, or a disk fail, while it is read.
#[test]
fn a_file_that_fails_while_it_is_read_is_a_problem_of_its_layer() {
    struct Failing(Memory, String);
    struct Half(Vec<u8>);
    impl ReadAt for Half {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            match offset {
                0 => self.0.read_at(0, &mut buf[..600]),
                _ => Err(io::Error::other("gone")),
            }
        }
    }
    impl Folder for Failing {
        fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
            match path == self.1 {
                true => Ok(Some(Box::new(Half(self.0.files[path].clone())))),
                false => self.0.open(path),
            }
        }
        fn describe(&self) -> String {
            self.0.describe()
        }
    }
    let folder = Memory::unpacked(&oci_archive(&Image::new(&layers()), "a:1"));
    let digest = read(&folder)[0].image.layers[0].digest.clone();
    let path = format!("blobs/sha256/{}", &digest[7..]);
    let images = inspect_folder(&Failing(folder, path), &mut |_| true).unwrap();
    assert_eq!(codes(&images[0].problems)[0], "unreadable");
    assert_eq!(images[0].problems[0].layer, Some(0));
}

#[test]
fn a_folder_without_images_says_what_it_is() {
    let folder = Memory::default();
    match inspect_folder(&folder, &mut |_| true).unwrap_err() {
        InspectError::NotAnImage { found, problems } => {
            assert_eq!((found.as_str(), problems.len()), ("a folder of 0 files", 0));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn progress_of_a_folder_ends_with_all_that_was_read() {
    let folder = Memory::unpacked(&oci_archive(&Image::new(&layers()), "a:1"));
    let mut told: Vec<Progress> = Vec::new();
    let images = inspect_folder(&folder, &mut |progress| {
        told.push(progress);
        true
    })
    .unwrap();
    let last = told.last().unwrap();
    assert_eq!(
        (last.done_bytes, last.total_bytes),
        (images[0].image.size_bytes, images[0].image.size_bytes)
    );
}

/// Three images for two platforms, one of them without, and an attestation.
fn several() -> Vec<u8> {
    let mut items = Vec::new();
    let mut descriptors = Vec::new();
    for (name, os, architecture) in [
        ("a:1", "linux", "amd64"),
        ("a:1", "linux", "arm64"),
        ("b:1", "unknown", "unknown"),
    ] {
        let mut image = Image::new(&layers());
        image.config["os"] = os.into();
        image.config["architecture"] = architecture.into();
        let (blobs, mut descriptor) = oci_blobs(&image);
        items.extend(blobs);
        descriptor["annotations"] = json!({"io.containerd.image.name": name});
        descriptors.push(descriptor);
    }
    let about = descriptors[0]["digest"].clone();
    let mut attestation = descriptor("application/vnd.oci.image.manifest.v1+json", b"att");
    attestation["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about,
    });
    descriptors.push(attestation);
    tar(&oci_layout(items, &descriptors))
}

#[test]
fn of_several_images_only_the_chosen_ones_are_read() {
    let archive = several();
    let mut folder = Memory::unpacked(&archive);
    let whole = read(&folder);
    assert_eq!(whole.len(), 3);
    assert_eq!(codes(&whole[0].problems), ["attestation"]);
    let about = whole[0].image.manifest_digest.as_deref().unwrap();
    assert!(whole[0].problems[0].message.contains(about));
    // Layers may be anything while nobody asks for them.
    folder
        .files
        .retain(|path, bytes| !path.starts_with("blobs/") || bytes.starts_with(b"{"));
    let choose = |choice: &Choice| {
        let mut listed: Vec<Listed> = Vec::new();
        let images = inspect_some(
            Subject::Folder(&folder),
            &Limits::default(),
            &mut |images| {
                listed = images.to_vec();
                choice.fitting(images)
            },
            &mut |_| true,
        );
        (listed, images.unwrap())
    };
    let arm = Choice {
        platform: Some("linux/arm64".into()),
        ..Choice::default()
    };
    let (listed, images) = choose(&arm);
    assert_eq!(listed.len(), 3);
    for (listed, analysis) in listed.iter().zip(&whole) {
        let image = &analysis.image;
        assert_eq!(
            (&listed.names, &listed.platform),
            (&image.names, &image.platform)
        );
        assert_eq!((listed.layers, listed.size_bytes), (2, image.size_bytes));
        assert_eq!(
            (&listed.manifest_digest, &listed.config_digest),
            (&image.manifest_digest, &image.config_digest)
        );
    }
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].image.platform, "linux/arm64");
    assert!(codes(&images[0].problems).contains(&"missing-blob"));
    let none = Choice {
        image: Some("c:1".into()),
        ..Choice::default()
    };
    assert!(choose(&none).1.is_empty());
}

//! Layers that are read by themselves, before the pass over an archive: all comes out as if the pass had read them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod image_support;

use std::io::Read;

use estiva_shared::image::{
    ContentIndex, Digest, Documented, ImageAnalysis, LayerRead, LayerSpan, Limits, Problem,
    ReadAt as _, Subject, Window, inspect_ahead, inspect_given, inspect_opened, layers_of,
};
use image_support::*;
use sha2::Digest as _;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn all(images: &[estiva_shared::image::Listed]) -> Vec<usize> {
    (0..images.len()).collect()
}

/// Reads a layer where it lies, and sends it through its bytes.
fn read(archive: &[u8], place: &LayerSpan, limits: &Limits) -> LayerRead {
    let window = Window::new(&archive, place.offset.unwrap(), place.size_bytes);
    let read = LayerRead::read(window, limits).unwrap();
    LayerRead::from_bytes(&read.to_bytes()).unwrap()
}

type Opened = (Vec<Documented>, ContentIndex);

/// Without and with the layers of which `is_ahead` says so.
fn both(archive: &[u8], limits: &Limits, is_ahead: &dyn Fn(usize) -> bool) -> (Opened, Opened) {
    let subject = Subject::Archive(&archive);
    let plain = inspect_opened(subject, limits, &mut all, &mut |_| true).unwrap();
    let mut told = 0;
    let mut ahead = |places: &[LayerSpan], advance: &mut dyn FnMut(u64) -> bool| {
        places
            .iter()
            .enumerate()
            .map(|(number, place)| {
                is_ahead(number).then(|| {
                    assert!(advance(place.size_bytes));
                    read(archive, place, limits)
                })
            })
            .collect()
    };
    let given = inspect_ahead(subject, limits, &mut all, &mut ahead, &mut |progress| {
        assert!(progress.done_bytes <= progress.total_bytes && progress.done_bytes >= told);
        told = progress.done_bytes;
        true
    });
    (plain, given.unwrap())
}

fn json(opened: &Opened) -> String {
    let analyses: Vec<&ImageAnalysis> = opened.0.iter().map(|(analysis, _)| analysis).collect();
    serde_json::to_string(&analyses).unwrap()
}

/// Layers of some megabytes, so that there are places to enter them at.
fn image() -> Image {
    let large: Vec<u8> = (0..9_000_000u32).map(|at| (at / 7 % 251) as u8).collect();
    let big = Item {
        content: large,
        ..Item::new("srv/big", b'0')
    };
    Image::new(&[
        tar(&[folder("srv/"), big, file("srv/last", "the end")]),
        tar(&[
            file("srv/last", "another"),
            hard_link("srv/link", "srv/last"),
        ]),
        tar(&[file("srv/.wh.big", ""), file("etc", "x")]),
    ])
}

#[test]
fn layers_that_were_read_ahead_change_nothing() {
    let image = image();
    let gzipped = Image::new(&image.layers).gzipped();
    for archive in [
        docker_archive(&[(&image, "one:1"), (&gzipped, "two:1"), (&image, "three:1")]),
        oci_archive(&gzipped, "one:1"),
        oci_archive(&Image::new(&image.layers).packed(zstd), "one:1"),
    ] {
        let chosen: [&dyn Fn(usize) -> bool; 3] = [&|_| true, &|number| number == 1, &|_| false];
        for is_ahead in chosen {
            let (plain, given) = both(&archive, &Limits::default(), is_ahead);
            assert_eq!(json(&plain), json(&given));
            let subject = Subject::Archive(&archive);
            for (contents, images) in [(&plain.1, &plain.0), (&given.1, &given.0)] {
                let analysis = &images[0].0;
                let read = |layer, path| {
                    let file = contents.open(subject, (0, analysis), layer, path).unwrap();
                    let mut bytes = Vec::new();
                    Window::whole(&file).read_to_end(&mut bytes).unwrap();
                    assert_eq!(bytes.len() as u64, file.size());
                    bytes
                };
                assert_eq!(read(Some(0), "srv/big").len(), 9_000_000);
                assert_eq!(read(Some(0), "srv/last"), b"the end");
                assert_eq!(read(None, "srv/link"), b"another");
            }
            assert_eq!(plain.1.checkpoint_bytes(), given.1.checkpoint_bytes());
        }
    }
}

/// While layers are read, what is known of the first of them can be looked at; with the last, all is as if read at once.
#[test]
fn layers_that_are_missing_are_named_and_blamed_on_nobody() {
    let image = image();
    for archive in [
        docker_archive(&[(&image, "one:1")]),
        oci_archive(&Image::new(&image.layers).gzipped(), "one:1"),
    ] {
        let subject = Subject::Archive(&archive);
        let limits = Limits::default();
        let whole = inspect_opened(subject, &limits, &mut all, &mut |_| true).unwrap();
        for held in 0..8 {
            let has = |number: usize| held >> number & 1 == 1;
            let mut number = 0;
            let opened = inspect_given(subject, &limits, &mut |span| {
                number += 1;
                has(number - 1).then(|| read(&archive, span, &limits))
            });
            let opened = opened.unwrap();
            let analysis = &opened.0[0].0;
            let missing: Vec<_> = (0..3).filter(|number| !has(*number)).collect();
            let named = analysis.problems.iter().map(|problem| {
                // The first layer's file is not there to be linked to or removed, and that is no fault.
                assert_eq!(problem.code, Problem::NOT_READ);
                assert!(problem.is_note());
                problem.layer.unwrap()
            });
            assert_eq!(named.collect::<Vec<_>>(), missing, "{held:b}");
            for (layer, full) in analysis.image.layers.iter().zip(&whole.0[0].0.image.layers) {
                assert_eq!(layer.created_by, full.created_by);
                assert_eq!(layer.verified, has(layer.index));
                assert_eq!(layer.entries.is_empty(), !has(layer.index));
            }
            if missing.is_empty() {
                assert_eq!(json(&opened), json(&whole));
            }
            let file = opened.1.open(subject, (0, analysis), Some(0), "srv/last");
            assert_eq!(file.is_ok(), has(0));
        }
    }
}

#[test]
fn what_is_beyond_the_limits_is_left_out_in_the_same_order() {
    let layers: Vec<_> = (0..6)
        .map(|layer| {
            let files: Vec<_> = (0..10)
                .map(|at| file(&format!("{layer}/{at}"), "x"))
                .collect();
            tar(&files)
        })
        .collect();
    let archive = docker_archive(&[(&Image::new(&layers), "one:1")]);
    for entries in [0, 5, 10, 25, 59, 60, 61] {
        let limits = Limits {
            entries,
            ..Limits::default()
        };
        let (plain, given) = both(&archive, &limits, &|_| true);
        assert_eq!(json(&plain), json(&given), "{entries} entries");
        let (plain, given) = both(&archive, &limits, &|number| number % 2 == 1);
        assert_eq!(json(&plain), json(&given), "{entries} entries");
    }
}

#[test]
fn each_layer_that_lies_plainly_is_listed_once() {
    let image = image();
    let archive = docker_archive(&[(&image, "one:1"), (&image, "two:1")]);
    let places = layers_of(Subject::Archive(&archive), &Limits::default()).unwrap();
    assert_eq!(places.len(), 3);
    for (place, layer) in places.iter().zip(&image.layers) {
        let start = place.offset.unwrap() as usize;
        assert!(archive[start..start + place.size_bytes as usize] == layer[..]);
    }
    let places = layers_of(
        Subject::Archive(&oci_archive(&image, "one:1")),
        &Limits::default(),
    );
    assert!(places.unwrap().iter().all(|place| place.digest.is_some()));
    // Of one that is compressed nothing is known before it is read to its end.
    let places = layers_of(Subject::Archive(&gzip(&archive)), &Limits::default());
    assert!(places.unwrap().is_empty());
    assert!(layers_of(Subject::Archive(&b"nothing".to_vec()), &Limits::default()).is_err());
}

/// A damaged layer too: of what its tar is there is then no word, whatever its blob's digest.
#[test]
fn a_layer_whose_digest_comes_later_is_the_same() {
    let plain = tar(&[file("a", "b"), folder("c/")]);
    let packed = gzip(&plain);
    for layer in [
        &plain,
        &packed,
        &zstd(&plain),
        &plain[..700].to_vec(),
        &packed[..20].to_vec(),
    ] {
        let read = LayerRead::read(&layer[..], &Limits::default()).unwrap();
        let later = LayerRead::read_undigested(&layer[..], &Limits::default(), None).unwrap();
        let later = later.with_sha256(sha2::Sha256::digest(layer).into());
        assert_eq!(later.to_bytes(), read.to_bytes());
    }
}

#[test]
fn damaged_bytes_are_no_layer() {
    let layer = gzip(&tar(&[file("a", "b"), folder("c/")]));
    let bytes = LayerRead::read(&layer[..], &Limits::default())
        .unwrap()
        .to_bytes();
    let whole = LayerRead::from_bytes(&bytes).unwrap();
    assert_eq!(whole.index().entries.len(), 2);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(LayerRead::from_bytes(&damaged).is_none(), "byte {at}");
        assert!(LayerRead::from_bytes(&bytes[..at]).is_none(), "{at} bytes");
    }
    let longer = [&bytes[..], b"\0"].concat();
    assert!(LayerRead::from_bytes(&longer).is_none());
}

/// What was read of a layer some time ago is taken for that of a file only where it still is one of the same.
#[test]
fn a_layer_is_known_again_by_samples_of_its_bytes() {
    let image = image();
    for image in [
        Image::new(&image.layers),
        Image::new(&image.layers).gzipped(),
        Image::new(&image.layers).packed(zstd),
    ] {
        let archive = oci_archive(&image, "one:1");
        let spans = layers_of(Subject::Archive(&archive), &Limits::default()).unwrap();
        for (span, blob) in spans.iter().zip(&image.layers) {
            let known = read(&archive, span, &Limits::default());
            assert!(known.is_of(span, blob));
            assert!(span.key().unwrap().starts_with("blob-"));
            let mut longer = blob.clone();
            longer.push(0);
            assert!(!known.is_of(span, &longer));
            let mut changed = blob.clone();
            let at = 100.min(changed.len() / 2);
            changed[at] ^= 1;
            assert!(!known.is_of(span, &changed));
            let other = LayerSpan {
                digest: Some(Digest::of(b"other")),
                ..span.clone()
            };
            assert!(!known.is_of(&other, blob));
        }
    }
    // An archive that names no digests is known by the diff IDs of the config.
    let archive = docker_archive(&[(&image, "one:1")]);
    let spans = layers_of(Subject::Archive(&archive), &Limits::default()).unwrap();
    assert!(spans[0].key().unwrap().starts_with("tar-"));
    assert!(read(&archive, &spans[0], &Limits::default()).is_of(&spans[0], &image.layers[0]));
}

//! Layers and archives in zstd, estargz's bookkeeping, and what is compressed in a way that is only named.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod image_support;

use estiva_shared::image::{Compression, Digest, InspectError, LayerIndex, Limits, inspect};
use image_support::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn layers() -> [Vec<u8>; 2] {
    let noisy = Item {
        content: noise(100_000),
        ..Item::new("etc/noise", b'0')
    };
    [
        tar(&[folder("etc/"), file("etc/a", "one"), noisy]),
        tar(&[file("etc/.wh.a", ""), sized("etc/zeros", 200_000, 0)]),
    ]
}

/// As zstd:chunked has it: a frame for each piece, and a table that decoders skip.
fn chunked(tar: &[u8]) -> Vec<u8> {
    let frames: Vec<_> = tar.chunks(10_240).map(zstd).collect();
    let table = skippable(&[&[7; 56][..], b"GNUlInUx"].concat());
    [frames.concat(), skippable(b"a table"), table].concat()
}

fn paths(index: &LayerIndex) -> Vec<&str> {
    index.entries.iter().map(|entry| &*entry.path).collect()
}

#[test]
fn layers_in_zstd_are_read_and_verified_as_plain_ones_are() {
    let plain = inspect_one(&oci_archive(&Image::new(&layers()), "a:1"));
    type Pack = fn(&[u8]) -> Vec<u8>;
    let skipped_first: Pack = |tar| [skippable(&[1; 70_000]), zstd(tar)].concat();
    for pack in [zstd as Pack, chunked, skipped_first] {
        let packed = inspect_one(&oci_archive(&Image::new(&layers()).packed(pack), "a:1"));
        assert_eq!(packed.problems, []);
        assert_eq!(packed.tree, plain.tree);
        // The estimate of compressed bytes is the packing's own.
        assert_eq!(packed.waste.dive, plain.waste.dive);
        assert_eq!(
            packed.waste.reclaimable_bytes,
            plain.waste.reclaimable_bytes
        );
        for (packed, plain) in packed.waste.by_cause.iter().zip(&plain.waste.by_cause) {
            assert_eq!((&packed.cause, &packed.files), (&plain.cause, &plain.files));
        }
        for (packed, plain) in packed.image.layers.iter().zip(&plain.image.layers) {
            assert!(packed.verified);
            assert_eq!(packed.compression, "zstd");
            assert_eq!(packed.diff_id, plain.diff_id);
            assert_eq!(packed.entries, plain.entries);
            assert_ne!(packed.digest, plain.digest);
        }
    }
}

#[test]
fn an_archive_in_zstd_is_read_as_the_plain_one() {
    let (first, second) = (Image::new(&layers()), Image::new(&layers()[..1]).gzipped());
    for archive in [
        docker_archive(&[(&first, "a:1"), (&second, "b:1")]),
        oci_archive(&Image::new(&layers()).packed(zstd), "a:1"),
    ] {
        let packed = chunked(&archive);
        assert_eq!(inspect_all(&packed), inspect_all(&archive));
    }
}

#[test]
fn a_layer_that_breaks_off_is_shown_as_far_as_it_goes() {
    let tar = tar(&[
        file("first", "whole"),
        Item {
            content: noise(500_000),
            ..Item::new("second", b'0')
        },
        file("third", "never reached"),
    ]);
    let packed = zstd(&tar);
    let cut = &packed[..packed.len() / 2];
    let index = read_layer(cut);
    assert_eq!(paths(&index), ["first"]);
    assert_eq!(codes(&index.problems), ["truncated"]);
    assert_eq!(index.problems[0].entry.as_deref(), Some("second"));
    assert!(index.problems[0].offset.unwrap() > 1024);
    assert_eq!(
        (index.digest, index.diff_id),
        (Digest::of(cut), None),
        "the blob's digest is of all there is"
    );

    // A block of 128 KiB is read as a whole or not at all.
    let image = Image::new(&[tar]).packed(|tar| {
        let packed = zstd(tar);
        packed[..packed.len() - 5].to_vec()
    });
    let analysis = inspect_one(&oci_archive(&image, "a:1"));
    assert_eq!(codes(&analysis.problems), ["truncated"]);
    assert_eq!(analysis.problems[0].layer, Some(0));
    assert!(!analysis.image.layers[0].verified);
    assert_eq!(analysis.tree.len(), 1);
}

#[test]
fn a_damaged_archive_in_zstd_gives_the_images_that_lie_before_the_damage() {
    let plain = oci_archive(&Image::new(&layers()), "a:1");
    let packed = chunked(&plain);
    for (rest, code) in [
        (&b"no frame"[..], "bad-zstd"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0x08], "truncated"),
    ] {
        let analysis = inspect_one(&[packed.clone(), rest.to_vec()].concat());
        assert_eq!(codes(&analysis.problems), [code]);
        assert!(
            analysis.problems[0]
                .message
                .contains(&packed.len().to_string())
        );
        assert_eq!(analysis.tree.len(), 3);
    }
    let analysis = inspect_one(&[gzip(&plain), b"no member of gzip".to_vec()].concat());
    assert_eq!(codes(&analysis.problems), ["bad-gzip"]);
    let cut = &packed[..packed.len() / 2];
    let error = inspect(&cut.to_vec(), &mut |_| true).unwrap_err();
    assert!(
        error.to_string().contains("can't be read to its end"),
        "{error}"
    );
}

#[test]
fn damage_in_zstd_is_named_with_its_place() {
    let tar = tar(&[file("a", "content")]);
    let packed = zstd(&tar);
    for (rest, expected) in [
        (&b"garbage"[..], "found other bytes"),
        // A window of 2 GiB, and a block of the kind that is reserved.
        (
            &[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0],
            "a window of at most",
        ),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 7, 0, 0], "found damage"),
    ] {
        let index = read_layer(&[packed.clone(), rest.to_vec()].concat());
        assert_eq!(paths(&index), ["a"]);
        let problem = &index.problems[0];
        let code = match expected.contains("window") {
            true => "limit",
            false => "bad-zstd",
        };
        assert_eq!((index.problems.len(), problem.code.as_str()), (1, code));
        assert!(problem.message.contains(expected), "{}", problem.message);
        assert!(
            problem.message.contains(&format!("byte {}", packed.len())),
            "{}",
            problem.message
        );
        assert_eq!(index.diff_id, None);
    }
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    // Blocks of one byte each that stand for 128 KiB.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    let block = ((128 << 10) << 3 | 0b010u32).to_le_bytes();
    for _ in 0..200 {
        bomb.extend([block[0], block[1], block[2], 0]);
    }
    let limits = Limits {
        uncompressed_bytes: 10 << 20,
        ..Limits::default()
    };
    let started = header(&Item {
        size: Some(1 << 40),
        ..Item::new("huge", b'0')
    });
    let index = LayerIndex::read(&[zstd(&started), bomb].concat()[..], &limits).unwrap();
    assert_eq!(codes(&index.problems), ["limit"]);
    assert_eq!(index.problems[0].entry.as_deref(), Some("huge"));
    assert!(index.uncompressed_bytes <= 11 << 20);
}

/// The members of an estargz layer: one for each entry, its table, and the footer that leads to it.
fn estargz(footer_is_whole: bool) -> Vec<u8> {
    let table = file("stargz.index.json", r#"{"version":1,"entries":[]}"#);
    let members = [
        gzip(&open_tar(&[file(".no.prefetch.landmark", "\x0f")])),
        gzip(&open_tar(&[
            folder("etc/"),
            file("etc/stargz.index.json", "a file of the image"),
        ])),
        gzip(&tar(&[table])),
    ];
    let offset = members[0].len() + members[1].len();
    let word: &[u8] = if footer_is_whole {
        b"STARGZ"
    } else {
        b"STARGX"
    };
    let mut footer = vec![
        0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, b'S', b'G', 22, 0,
    ];
    footer.extend(format!("{offset:016x}").as_bytes());
    footer.extend(word);
    footer.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(footer.len(), 51);
    [members.concat(), footer].concat()
}

#[test]
fn estargz_s_bookkeeping_is_named_and_no_file_of_the_image() {
    let index = read_layer(&estargz(true));
    assert_eq!(paths(&index), ["etc", "etc/stargz.index.json"]);
    assert_eq!(codes(&index.problems), ["bookkeeping"]);
    assert!(index.problems[0].is_note());
    let message = &index.problems[0].message;
    assert!(
        message.contains("estargz")
            && message.ends_with(".no.prefetch.landmark, stargz.index.json"),
        "{message}"
    );
    assert_eq!(index.compression, Compression::Gzip);
    // The diff ID is of the tar with all that is in it.
    let mut whole = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::MultiGzDecoder::new(&estargz(true)[..]),
        &mut whole,
    )
    .unwrap();
    assert_eq!(index.diff_id.unwrap().digest(), &Digest::of(&whole));

    // Without the footer they are files like others.
    let index = read_layer(&estargz(false));
    assert_eq!((index.entries.len(), index.problems.len()), (4, 0));
    let landmark = tar(&[file(".prefetch.landmark", "\x0f"), file("a", "")]);
    assert_eq!(
        paths(&read_layer(&gzip(&landmark))),
        [".prefetch.landmark", "a"]
    );
    let index = read_layer(&chunked(&landmark));
    assert_eq!(paths(&index), ["a"]);
    assert!(index.problems[0].message.contains("zstd:chunked"));
}

#[test]
fn what_is_xz_or_bzip2_is_named_with_what_to_do() {
    for (start, name, command) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "xz", "xz -d"),
        (b"BZh91AY&SY", "bzip2", "bzip2 -d"),
    ] {
        let bytes = [start, &[9; 600]].concat();
        let index = read_layer(&bytes);
        assert_eq!(codes(&index.problems), ["compression"]);
        assert!(index.problems[0].message.contains(name));
        assert_eq!((index.compression.name(), index.diff_id), (name, None));
        match inspect(&bytes, &mut |_| true).unwrap_err() {
            InspectError::NotAnArchive { found } => assert!(found.ends_with(command), "{found}"),
            other => panic!("{other}"),
        }
    }
    // A text may begin as bzip2 does.
    assert_eq!(Compression::sniff(b"BZhou is a name"), Compression::None);
}

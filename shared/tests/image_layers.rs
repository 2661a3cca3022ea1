//! One layer's index: what stands in it, its digests, and what happens with hostile or damaged ones.
// The tar crate, which the reader is compared with, is a native tool here.
#![cfg(not(target_arch = "wasm32"))]

mod image_support;

use std::io::Read;

use estiva_shared::image::{
    Compression, Digest, EntryKind, LayerIndex, Limits, TarKind, TarReader,
};
use image_support::*;

fn paths(index: &LayerIndex) -> Vec<&str> {
    index.entries.iter().map(|entry| &*entry.path).collect()
}

#[test]
fn plain_layer_has_one_digest_and_all_its_entries() {
    let bytes = tar(&[
        folder("etc/"),
        file("etc/motd", "hello"),
        symlink("etc/link", "motd"),
        hard_link("etc/hard", "etc/motd"),
    ]);
    let index = read_layer(&bytes);
    assert_eq!(index.digest, Digest::of(&bytes));
    assert_eq!(index.diff_id.unwrap().digest(), &index.digest);
    assert_eq!(
        (index.compression, index.size_bytes),
        (Compression::None, bytes.len() as u64)
    );
    let kinds: Vec<_> = index.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [
            EntryKind::Directory,
            EntryKind::File,
            EntryKind::Symlink,
            EntryKind::Hardlink
        ]
    );
    assert_eq!(paths(&index), ["etc", "etc/motd", "etc/link", "etc/hard"]);
    assert_eq!(index.entries[1].size_bytes, 5);
    assert_eq!(index.problems, []);
}

#[test]
fn gzipped_layer_has_both_digests_and_so_has_one_of_many_members() {
    let plain = tar(&[file("a", "one"), sized("b", 300_000, 7)]);
    let one = gzip(&plain);
    let many: Vec<u8> = plain.chunks(1000).flat_map(gzip).collect();
    for bytes in [one, many] {
        let index = read_layer(&bytes);
        assert_eq!(index.digest, Digest::of(&bytes));
        assert_eq!(index.diff_id.unwrap().digest(), &Digest::of(&plain));
        assert_eq!(
            (index.size_bytes, index.uncompressed_bytes),
            (bytes.len() as u64, plain.len() as u64)
        );
        assert_eq!(paths(&index), ["a", "b"]);
    }
}

#[test]
fn bytes_after_the_tar_s_end_belong_to_the_digest() {
    let mut bytes = tar(&[file("a", "one")]);
    bytes.extend([0; 9000]);
    bytes.extend(b"and more");
    let index = read_layer(&gzip(&bytes));
    assert_eq!(index.diff_id.unwrap().digest(), &Digest::of(&bytes));
    assert_eq!(index.problems, []);
}

#[test]
fn damaged_zstd_layer_has_its_digest() {
    let bytes = [&[0x28, 0xb5, 0x2f, 0xfd][..], &[1; 100]].concat();
    let index = read_layer(&bytes);
    assert_eq!(codes(&index.problems), ["bad-zstd"]);
    assert_eq!((index.digest, index.diff_id), (Digest::of(&bytes), None));
}

#[test]
fn whiteouts_and_opaque_marks_are_kept_apart() {
    let index = read_layer(&tar(&[
        file("a/.wh.b", ""),
        file("c/.wh..wh..opq", ""),
        file(".wh..wh.plnk", ""),
        file("d", ""),
    ]));
    assert_eq!(
        (index.whiteouts, index.opaque),
        (vec!["a/b".to_owned()], vec!["c".to_owned()])
    );
}

#[test]
fn unsafe_names_are_shown_under_the_root_and_reported() {
    let items = [
        file("../../etc/passwd", "x"),
        file("/etc/shadow", "x"),
        symlink("up", "../../out"),
        hard_link("hard", "/etc/shadow"),
    ];
    let index = read_layer(&tar(&items));
    assert_eq!(paths(&index), ["etc/passwd", "etc/shadow", "up", "hard"]);
    assert_eq!(codes(&index.problems), ["unsafe-path"; 4]);
    assert_eq!(index.problems[1].offset, Some(1024));
    assert_eq!(index.problems[1].entry.as_deref(), Some("etc/shadow"));
    assert_eq!(index.entries[3].link.as_deref(), Some("etc/shadow"));
}

#[test]
fn control_characters_in_names_neither_break_nor_reach_messages() {
    let index = read_layer(&tar(&[pax("path", "a\0b\u{1b}[31m/../c"), file("x", "")]));
    assert_eq!(paths(&index), ["c"]);
    assert!(
        index
            .problems
            .iter()
            .all(|problem| !problem.message.chars().any(char::is_control))
    );
}

#[test]
fn pax_and_gnu_long_names_replace_the_header_s() {
    let long = "d/".repeat(150) + "end";
    let gnu = Item {
        content: format!("{long}\0").into(),
        ..Item::new("././@LongLink", b'L')
    };
    let index = read_layer(&tar(&[
        pax("path", &long),
        file("short", "1"),
        gnu,
        file("short", "2"),
        file("plain", "3"),
    ]));
    assert_eq!(paths(&index), [long.as_str(), long.as_str(), "plain"]);
}

#[test]
fn pax_gives_sizes_times_owners_and_attributes() {
    let mut records = Vec::new();
    for (key, value) in [
        ("mtime", "-1.25"),
        ("uid", "4000000000"),
        ("SCHILY.xattr.user.note", "a=b\nc"),
        ("size", "3"),
    ] {
        records.extend(pax(key, value).content);
    }
    let items = [
        Item {
            content: records,
            ..Item::new("pax", b'x')
        },
        Item {
            size: Some(0),
            ..file("a", "abc")
        },
    ];
    let bytes = tar(&items);
    let mut reader = TarReader::new(&bytes[..]);
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!(
        (entry.mtime, entry.mtime_ns, entry.uid, entry.size),
        (-2, 750_000_000, 4_000_000_000, 3)
    );
    assert_eq!(entry.xattrs, [("user.note".to_owned(), b"a=b\nc".to_vec())]);
    assert_eq!((entry.offset, entry.kind), (0, TarKind::File));
    let mut content = String::new();
    reader.read_to_string(&mut content).unwrap();
    assert_eq!(content, "abc");
    assert_eq!(reader.next_entry().unwrap(), None);
}

#[test]
fn header_that_claims_8_eib_is_refused_with_its_place() {
    let huge = Item {
        size: Some(u64::MAX / 2),
        ..file("huge", "")
    };
    let index = read_layer(&tar(&[file("first", "1"), huge]));
    assert_eq!(paths(&index), ["first"]);
    assert_eq!(codes(&index.problems), ["limit"]);
    assert_eq!(index.problems[0].offset, Some(1024));
    let negative = Item {
        size: Some(u64::MAX),
        ..file("huge", "")
    };
    assert_eq!(codes(&read_layer(&tar(&[negative])).problems), ["limit"]);
}

#[test]
fn file_longer_than_its_layer_is_truncated_not_allocated() {
    let index = read_layer(&open_tar(&[
        file("first", "1"),
        Item {
            size: Some(1 << 40),
            ..file("long", "abc")
        },
    ]));
    assert_eq!(codes(&index.problems), ["truncated"]);
    assert_eq!(index.problems[0].entry.as_deref(), Some("long"));
}

#[test]
fn pax_record_of_a_gigabyte_is_refused_unread() {
    let header_claims = Item {
        size: Some(1 << 30),
        ..pax("path", "a")
    };
    assert_eq!(
        codes(&read_layer(&tar(&[header_claims, file("x", "")])).problems),
        ["limit"]
    );
    let record_claims = Item {
        content: b"1073741824 path=a\n".to_vec(),
        ..Item::new("pax", b'x')
    };
    assert_eq!(
        codes(&read_layer(&tar(&[record_claims, file("x", "")])).problems),
        ["bad-entry"]
    );
}

/// The limit held for each header alone, and any number may stand before an entry: an archive of 3 MB whose headers each
/// carry attributes took 3 GB.
#[test]
fn headers_before_one_entry_have_one_limit_together() {
    let attribute = |number: usize| pax(&format!("SCHILY.xattr.user.{number}"), "value");
    let before_file = |headers: Vec<Item>| {
        let mut items = headers;
        items.push(file("x", ""));
        read_layer(&tar(&items))
    };
    let many = before_file((0..17).map(attribute).collect());
    assert_eq!(codes(&many.problems), ["limit"]);
    let large = pax("SCHILY.xattr.user.x", &"v".repeat(600_000));
    let global = Item {
        flag: b'g',
        ..pax("comment", &"c".repeat(600_000))
    };
    assert_eq!(codes(&before_file(vec![large, global]).problems), ["limit"]);
    let usual = before_file((0..16).map(attribute).collect());
    assert!(usual.problems.is_empty(), "{:?}", usual.problems);
    let each_its_own: Vec<_> = (0..40)
        .flat_map(|number| [attribute(number), file(&format!("f{number}"), "")])
        .collect();
    assert_eq!(read_layer(&tar(&each_its_own)).entries.len(), 40);
}

#[test]
fn last_pax_header_and_last_record_of_a_key_count() {
    let two_of_one_key = Item {
        content: b"22 SCHILY.xattr.a=old\n22 SCHILY.xattr.a=new\n".to_vec(),
        ..Item::new("pax", b'x')
    };
    let bytes = tar(&[
        pax("path", "replaced"),
        pax("uid", "7"),
        two_of_one_key,
        file("own", ""),
    ]);
    let entry = TarReader::new(&bytes[..]).next_entry().unwrap().unwrap();
    assert_eq!((entry.path.as_slice(), entry.uid), (&b"own"[..], 0));
    assert_eq!(entry.xattrs, [("a".to_owned(), b"new".to_vec())]);
}

#[test]
fn last_file_without_padding_is_whole_and_a_short_one_says_what_is_missing() {
    let whole = open_tar(&[file("first", "1"), sized("last", 700, 7)]);
    let without_padding = &whole[..whole.len() - 324];
    for bytes in [
        without_padding,
        &without_padding[..without_padding.len() - 44],
    ] {
        let is_whole = bytes.len() == without_padding.len();
        let mut reader = TarReader::seekable(std::io::Cursor::new(bytes));
        reader.next_entry().unwrap();
        reader.next_entry().unwrap();
        match reader.next_entry() {
            Ok(entry) => assert!(is_whole && entry.is_none()),
            Err(error) => assert!(
                !is_whole
                    && error
                        .to_string()
                        .contains("expected 44 more bytes of \"last\""),
                "{error}"
            ),
        }
    }
}

#[test]
fn truncated_or_damaged_gzip_shows_what_came_before() {
    let plain = tar(&[file("a", "one"), sized("b", 1 << 20, 7)]);
    let whole = gzip(&plain);
    let cut = &whole[..whole.len() / 2];
    let index = read_layer(cut);
    assert_eq!(paths(&index), ["a"]);
    assert_eq!(index.diff_id, None);
    assert_eq!(codes(&index.problems), ["truncated"]);
    assert_eq!(index.digest, Digest::of(cut));

    let mut damaged = whole.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 1;
    let index = read_layer(&damaged);
    assert_eq!(
        (codes(&index.problems), index.diff_id),
        (vec!["bad-gzip"], None)
    );
    assert_eq!(index.digest, Digest::of(&damaged));
}

#[test]
fn gzip_bomb_ends_at_the_limit() {
    let bomb = gzip(&tar(&[sized("zeros", 8 << 20, 0), file("after", "")]));
    let limits = Limits {
        uncompressed_bytes: 1 << 20,
        ..Limits::default()
    };
    let index = LayerIndex::read(&bomb[..], &limits).unwrap();
    assert_eq!(codes(&index.problems), ["limit"]);
    assert!(index.uncompressed_bytes <= (1 << 20) + (1 << 18));
}

#[test]
fn entries_and_names_beyond_the_limit_are_counted_but_not_kept() {
    let items: Vec<_> = (0..50)
        .map(|number| file(&format!("file-{number}"), ""))
        .collect();
    let bytes = tar(&items);
    for limits in [
        Limits {
            entries: 10,
            ..Limits::default()
        },
        Limits {
            name_bytes: 60,
            ..Limits::default()
        },
    ] {
        let index = LayerIndex::read(&bytes[..], &limits).unwrap();
        assert_eq!(index.entries.len(), 10);
        assert_eq!(codes(&index.problems), ["limit"]);
        assert_eq!(index.diff_id.unwrap().digest(), &Digest::of(&bytes));
    }
}

#[test]
fn failing_source_is_an_error_and_no_damage() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let start = gzip(&tar(&[sized("b", 1 << 20, 7)]));
    let source = (&start[..100]).chain(Failing);
    let error = LayerIndex::read(source, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

#[test]
fn unknown_entries_and_damaged_sparse_ones_are_named_and_the_next_is_read() {
    let items = [
        // Its map has no place for what it holds.
        Item {
            content: b"x".to_vec(),
            ..Item::new("sparse", b'S')
        },
        Item::new("volume", b'V'),
        pax("GNU.sparse.major", "1"),
        file("new-sparse", "x"),
        file("after", "y"),
    ];
    let index = read_layer(&tar(&items));
    assert_eq!(paths(&index), ["after"]);
    assert_eq!(codes(&index.problems), ["bad-entry"; 3]);
}

#[test]
fn content_that_only_some_kinds_have_is_not_skipped_for_others() {
    // Some old tars give a hard link its target's size, without content.
    let link = Item {
        size: Some(700),
        ..hard_link("b", "a")
    };
    let index = read_layer(&tar(&[file("a", "1"), link, file("c", "2")]));
    assert_eq!(paths(&index), ["a", "b", "c"]);
}

#[test]
fn reader_agrees_with_the_tar_crate_s_writer() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("{}/name", "folder".repeat(30));
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o4755);
    header.set_uid(1000);
    header.set_mtime(77);
    header.set_cksum();
    builder
        .append_data(&mut header, &long, &b"four"[..])
        .unwrap();
    let bytes = builder.into_inner().unwrap();
    let index = read_layer(&bytes);
    assert_eq!(paths(&index), [long.as_str()]);
    assert_eq!(
        (
            index.entries[0].mode,
            index.entries[0].uid,
            index.entries[0].mtime
        ),
        (0o4755, 1000, 77)
    );
}

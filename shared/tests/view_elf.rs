//! What programs say of themselves: real ones, ones made by hand in each layout, and hostile ones.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use estiva_shared::image::view::elf::{
    self, Elf, ElfError, Kind, Relro, SECTIONS_MAX, SEGMENTS_MAX, Stack, names,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A layout, as the fourth and fifth byte of a file name it.
#[derive(Clone, Copy, Debug)]
struct Layout {
    is_wide: bool,
    is_little: bool,
}

const LAYOUTS: [Layout; 4] = [
    Layout {
        is_wide: true,
        is_little: true,
    },
    Layout {
        is_wide: true,
        is_little: false,
    },
    Layout {
        is_wide: false,
        is_little: true,
    },
    Layout {
        is_wide: false,
        is_little: false,
    },
];

impl Layout {
    fn number(self, value: u64, bytes: usize) -> Vec<u8> {
        let mut all = value.to_le_bytes()[..bytes].to_vec();
        if !self.is_little {
            all.reverse();
        }
        all
    }

    fn word(self, value: u64) -> Vec<u8> {
        self.number(value, if self.is_wide { 8 } else { 4 })
    }

    /// Puts numbers one behind the other; `0` bytes are a word.
    fn row(self, fields: &[(u64, usize)]) -> Vec<u8> {
        let field = |(value, bytes): &(u64, usize)| match bytes {
            0 => self.word(*value),
            bytes => self.number(*value, *bytes),
        };
        fields.iter().flat_map(field).collect()
    }

    fn header(self, kind: u64, segments: (u64, u64), sections: (u64, u64), named: u64) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([
            1 + u8::from(self.is_wide),
            2 - u8::from(self.is_little),
            1,
            3,
        ]);
        bytes.extend([0; 8]);
        let (segment, section, header) = if self.is_wide {
            (56, 64, 64)
        } else {
            (32, 40, 52)
        };
        bytes.extend(self.row(&[
            (kind, 2),
            (62, 2),
            (1, 4),
            (0x1234, 0),
            (segments.0, 0),
            (sections.0, 0),
            (7, 4),
            (header, 2),
            (segment, 2),
            (segments.1, 2),
            (section, 2),
            (sections.1, 2),
            (named, 2),
        ]));
        bytes
    }

    fn segment(self, kind: u64, flags: u64, offset: u64, address: u64, bytes: u64) -> Vec<u8> {
        match self.is_wide {
            true => self.row(&[
                (kind, 4),
                (flags, 4),
                (offset, 8),
                (address, 8),
                (address, 8),
                (bytes, 8),
                (bytes, 8),
                (8, 8),
            ]),
            false => self.row(&[
                (kind, 4),
                (offset, 4),
                (address, 4),
                (address, 4),
                (bytes, 4),
                (bytes, 4),
                (flags, 4),
                (4, 4),
            ]),
        }
    }

    fn section(self, name: u64, kind: u64, offset: u64, bytes: u64) -> Vec<u8> {
        self.row(&[
            (name, 4),
            (kind, 4),
            (0, 0),
            (0, 0),
            (offset, 0),
            (bytes, 0),
            (0, 4),
            (0, 4),
            (1, 0),
            (0, 0),
        ])
    }
}

/// Strings of the program below, and where each begins.
const STRINGS: &[u8] = b"\0libc.so.6\0libm.so.6\0/opt/lib\0$ORIGIN\0libown.so.1\0";

/// A program with all there is to tell, whose parts lie from 1024 on.
fn program(layout: Layout, tags: &[(u64, u64)], with_interpreter: bool) -> Vec<u8> {
    const SEGMENTS: u64 = 64;
    let mut bytes = layout.header(3, (SEGMENTS, 7), (4096, 4), 3);
    bytes.resize(SEGMENTS as usize, 0);
    let interpreter = if with_interpreter { 3 } else { 0 };
    for segment in [
        layout.segment(interpreter, 4, 1024, 0, 28),
        layout.segment(1, 5, 0, 0x40_0000, 8192),
        layout.segment(2, 6, 2048, 0x40_0800, 1024),
        layout.segment(4, 4, 1280, 0x40_0500, 64),
        layout.segment(0x6474_e551, 6, 0, 0, 0),
        layout.segment(0x6474_e552, 4, 2048, 0x40_0800, 1024),
        layout.segment(0x6fff_1234, 7, 0, 0, 0),
    ] {
        bytes.extend(segment);
    }
    bytes.resize(1024, 0);
    bytes.extend(b"/lib64/ld-linux-x86-64.so.2\0");
    bytes.resize(1280, 0);
    // A note of another kind, then the one that is looked for.
    bytes.extend(layout.row(&[(4, 4), (4, 4), (1, 4)]));
    bytes.extend(b"GNU\0\0\0\0\0");
    bytes.extend(layout.row(&[(4, 4), (6, 4), (3, 4)]));
    bytes.extend(b"GNU\0\xde\xad\xbe\xef\x01\x02\0\0");
    bytes.resize(1536, 0);
    bytes.extend(STRINGS);
    bytes.resize(2048, 0);
    for (tag, value) in [(5, 0x40_0600), (10, STRINGS.len() as u64)]
        .iter()
        .chain(tags)
    {
        bytes.extend(layout.word(*tag));
        bytes.extend(layout.word(*value));
    }
    bytes.resize(3072, 0);
    bytes.extend(b"\0.text\0.symtab\0.shstrtab\0");
    bytes.resize(4096, 0);
    for section in [
        layout.section(0, 0, 0, 0),
        layout.section(1, 1, 512, 64),
        layout.section(7, 2, 512, 64),
        layout.section(15, 3, 3072, 25),
    ] {
        bytes.extend(section);
    }
    bytes.resize(8192, 0);
    bytes
}

fn read(bytes: &[u8]) -> Elf {
    elf::read(&bytes).unwrap()
}

#[test]
fn a_program_is_read_in_every_layout() {
    for layout in LAYOUTS {
        let tags = [
            (1, 1),
            (1, 11),
            (14, 38),
            (15, 21),
            (29, 30),
            (0x6fff_fffb, 0x0800_0001),
        ];
        let elf = read(&program(layout, &tags, true));
        assert_eq!(elf.faults, Vec::<String>::new(), "{layout:?}");
        assert_eq!(
            (elf.bits == 64, elf.is_little_endian),
            (layout.is_wide, layout.is_little)
        );
        assert_eq!(
            (elf.kind, elf.entry, elf.flags),
            (Kind::PositionIndependent, 0x1234, 7)
        );
        assert_eq!(
            (names::machine(elf.machine), names::abi(elf.abi.0)),
            (Some("AMD x86-64"), Some("GNU/Linux"))
        );
        assert_eq!(
            elf.interpreter.as_deref(),
            Some("/lib64/ld-linux-x86-64.so.2")
        );
        assert_eq!(elf.needed, ["libc.so.6", "libm.so.6"]);
        assert_eq!(elf.soname.as_deref(), Some("libown.so.1"));
        assert_eq!(elf.rpath.as_deref(), Some("/opt/lib"));
        assert_eq!(elf.runpath.as_deref(), Some("$ORIGIN"));
        assert_eq!(elf.build_id.as_deref(), Some("deadbeef0102"));
        assert_eq!((elf.relro, elf.stack), (Relro::Full, Stack::NotExecutable));
        assert!(!elf.is_stripped && !elf.has_debug && !elf.is_static);
        assert_eq!(elf.segments.len(), 7);
        let loaded = &elf.segments[1];
        assert_eq!(
            (names::segment(loaded.kind), &*loaded.access),
            (Some("LOAD"), "r-x")
        );
        assert_eq!(
            (loaded.offset, loaded.address, loaded.file_bytes),
            (0, 0x40_0000, 8192)
        );
        let sections: Vec<_> = elf
            .sections
            .iter()
            .map(|section| (&*section.name, section.size_bytes))
            .collect();
        assert_eq!(
            sections,
            [(".text", 64), (".symtab", 64), (".shstrtab", 25)]
        );
    }
}

#[test]
fn a_program_a_static_one_and_a_library_are_told_apart() {
    let layout = LAYOUTS[0];
    let is = |tags: &[(u64, u64)], interpreter| {
        let elf = read(&program(layout, tags, interpreter));
        (elf.kind, elf.is_static, elf.relro)
    };
    // Before linkers marked it, the loader's name told a program.
    assert_eq!(
        is(&[(1, 1)], true),
        (Kind::PositionIndependent, false, Relro::Partial)
    );
    assert_eq!(
        is(&[(0x6fff_fffb, 0x0800_0000)], false),
        (Kind::PositionIndependent, true, Relro::Partial)
    );
    // The C library can be run, and is a library.
    assert_eq!(
        is(&[(14, 38), (30, 8)], true),
        (Kind::Library, false, Relro::Full)
    );
    assert_eq!(is(&[(24, 0)], false), (Kind::Library, false, Relro::Full));
    let mut fixed = program(layout, &[], false);
    fixed[16] = 2;
    // Its sections end before they begin.
    fixed[60..62].fill(0);
    fixed[40..48].fill(0);
    let elf = read(&fixed);
    assert!(elf.kind == Kind::Executable && elf.is_static && elf.is_stripped);
}

/// The numbers of a header have 16 bits; what has more stands in the first section.
#[test]
fn counts_without_room_in_the_header_stand_in_the_first_section() {
    let layout = LAYOUTS[0];
    let mut bytes = program(layout, &[], true);
    let first = layout.row(&[
        (0, 4),
        (0, 4),
        (0, 0),
        (0, 0),
        (0, 0),
        (4, 0),
        (3, 4),
        (7, 4),
        (0, 0),
        (0, 0),
    ]);
    bytes[4096..4096 + 64].copy_from_slice(&first);
    bytes[56..58].fill(0xff);
    bytes[60..62].fill(0);
    bytes[62..64].fill(0xff);
    let elf = read(&bytes);
    assert_eq!((elf.segments.len(), elf.sections.len()), (7, 3));
    assert_eq!(elf.sections[0].name, ".text");
    assert_eq!(elf.faults, Vec::<String>::new());
}

#[test]
fn what_is_no_program_is_told() {
    let of = |bytes: &[u8]| elf::read(&bytes).unwrap_err();
    assert!(matches!(of(b""), ElfError::NotElf));
    assert!(matches!(of(b"#!/bin/sh\n"), ElfError::NotElf));
    assert!(matches!(of(b"\x7fELF\x03\x01"), ElfError::NotElf));
    assert!(matches!(
        of(b"\x7fELF\x02\x01\x01"),
        ElfError::Short {
            expected: 64,
            found: 7
        }
    ));
    assert!(matches!(
        of(&[b"\x7fELF\x01\x02".to_vec(), vec![0; 30]].concat()),
        ElfError::Short {
            expected: 52,
            found: 36
        }
    ));
}

/// What a header claims is named where it isn't so, and what else is there is told all the same.
#[test]
fn headers_that_lie_are_named_and_lead_nowhere() {
    let layout = LAYOUTS[0];
    let broken = |at: usize, bytes: &[u8]| {
        let mut file = program(layout, &[(1, 1)], true);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        read(&file)
    };
    let named = |elf: &Elf, part: &str| {
        assert!(
            elf.faults.iter().any(|fault| fault.contains(part)),
            "{part}: {:?}",
            elf.faults
        );
        assert_eq!(elf.machine, 62);
    };
    named(
        &broken(32, &[0xff; 8]),
        "table of segments: expected 392 bytes from offset 18446744073709551615 on, but the file has 0",
    );
    named(
        &broken(54, &[1, 0]),
        "table of segments: expected entries of 56 bytes, but found 1",
    );
    let many = broken(56, &[0xfe, 0xff]);
    named(
        &many,
        &format!("expected at most {SEGMENTS_MAX} entries, but found 65534"),
    );
    assert!(many.segments.len() as u64 <= SEGMENTS_MAX && many.needed == ["libc.so.6"]);
    let many = broken(60, &[0xfe, 0xff]);
    named(
        &many,
        &format!("expected at most {SECTIONS_MAX} entries, but found 65534"),
    );
    named(
        &broken(62, &[9, 0]),
        "expected them in one of 4 sections, but found number 9",
    );
    // The interpreter's, then the dynamic section's offset.
    named(
        &broken(64 + 8, &[0xff; 8]),
        "interpreter: expected its path",
    );
    named(
        &broken(64 + 2 * 56 + 8, &[0xff; 8]),
        "dynamic section: expected",
    );
    // The strings' address, their length, and a library's name.
    named(
        &broken(2048 + 8, &[0xff; 8]),
        "expected its strings in a loaded segment",
    );
    named(
        &broken(2048 + 24, &[0; 8]),
        "expected a name in 0 bytes of strings",
    );
    named(
        &broken(2048 + 40, &[0xff; 8]),
        "but found it at 18446744073709551615",
    );
    named(
        &broken(4096 + 64 + 32, &[0xff; 8]),
        "section 1: expected it to end by byte 8192",
    );
    // Sizes of notes that would wrap around.
    let notes = broken(1280, &[0xff; 8]);
    assert_eq!(notes.build_id, None);
}

/// A table of libraries that never ends is read for a while.
#[test]
fn a_dynamic_section_without_an_end_is_cut() {
    let layout = LAYOUTS[0];
    let mut bytes = program(layout, &[], true);
    let at = bytes.len() as u64;
    for _ in 0..100_000 {
        bytes.extend(layout.row(&[(1, 0), (1, 0)]));
    }
    bytes[2048..2048 + 32].fill(0);
    let dynamic = layout.segment(2, 6, at, 0x40_0800, 1_600_000);
    bytes[64 + 2 * 56..64 + 3 * 56].copy_from_slice(&dynamic);
    let strings = layout.row(&[(5, 0), (0x40_0600, 0), (10, 0), (STRINGS.len() as u64, 0)]);
    let at = at as usize;
    bytes[at..at + 32].copy_from_slice(&strings);
    let elf = read(&bytes);
    assert_eq!(elf.needed.len(), 512);
    assert!(elf.faults.len() <= 20 && elf.faults[0].contains("expected at most 512"));
}

#[cfg(not(target_arch = "wasm32"))]
mod real {
    use super::*;
    use proptest::prelude::*;

    /// The program that runs this very test, as its linker made it.
    #[test]
    fn a_real_program_is_read() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = read(&bytes);
        assert_eq!(elf.faults, Vec::<String>::new());
        assert!(matches!(
            elf.kind,
            Kind::PositionIndependent | Kind::Executable
        ));
        assert!(
            elf.is_static || elf.needed.iter().any(|name| name.starts_with("libc.")),
            "{:?}",
            elf.needed
        );
        assert!(elf.sections.iter().any(|section| section.name == ".text"));
        assert!(
            elf.segments
                .iter()
                .any(|segment| names::segment(segment.kind) == Some("LOAD"))
        );
    }

    proptest! {
        /// Any bytes changed anywhere: no panic, no endless reading, and nothing larger than the limits.
        #[test]
        fn a_changed_program_is_read_within_limits(
            layout in 0..4_usize,
            changes in proptest::collection::vec((0..8192_usize, any::<u8>()), 1..40),
            cut in 0..8193_usize,
        ) {
            let tags = [(1, 1), (1, 11), (14, 38), (15, 21), (29, 30)];
            let mut bytes = program(LAYOUTS[layout], &tags, true);
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            bytes.truncate(cut);
            if let Ok(elf) = elf::read(&bytes) {
                prop_assert!(elf.segments.len() as u64 <= SEGMENTS_MAX);
                prop_assert!(elf.sections.len() as u64 <= SECTIONS_MAX);
                prop_assert!(elf.faults.len() <= 20 && elf.needed.len() <= 512);
            }
        }
    }
}

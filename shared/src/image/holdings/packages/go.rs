//! The build information that Go writes into every program: its own version, the main module, the modules it was built from.
//!
//! Specification: Go's packages `debug/buildinfo` (the form since 1.18, with the strings in place) and `runtime/debug`
//! ("ParseBuildInfo").

use super::super::PackageKind;
use super::super::facts::{PackageFact, field};

/// What the information begins with, at a multiple of 16 bytes.
pub(super) const MAGIC: &[u8; 14] = b"\xff Go buildinf:";

/// Bytes before the first string.
const HEADER_BYTES: usize = 32;

/// The flag that says that the strings follow in place, each after its length.
const INLINE: u8 = 2;

/// What frames the modules' text.
const FRAME_BYTES: usize = 16;

/// What bytes that begin with the magic are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Build information in the form that is read.
    Inline,
    /// In the form of before 1.18, which points elsewhere.
    Old,
    /// Something else, such as the constant that a reader of build information has.
    Other,
}

/// What bytes from a magic on are; 48 of them decide.
pub(super) fn start(bytes: &[u8]) -> Start {
    match bytes.get(14..HEADER_BYTES) {
        Some([_, flags, ..]) if flags & INLINE != 0 => match length(&bytes[HEADER_BYTES..]) {
            Some((_, rest)) if rest.starts_with(b"go1") || rest.starts_with(b"devel") => {
                Start::Inline
            }
            _ => Start::Other,
        },
        Some([4 | 8, 0 | 1, ..]) => Start::Old,
        _ => Start::Other,
    }
}

/// The modules; none where the bytes are cut off or something else.
pub(super) fn modules(bytes: &[u8]) -> Option<Vec<PackageFact>> {
    let (version, rest) = string(bytes.get(HEADER_BYTES..)?)?;
    let (text, _) = string(rest)?;
    let version = field(version)?;
    let version = version.split(' ').next().unwrap_or_default();
    let mut found = vec![PackageFact::new(
        PackageKind::Go,
        "stdlib",
        version.trim_start_matches("go"),
    )];
    let framed = text.len() > 2 * FRAME_BYTES && text[text.len() - FRAME_BYTES - 1] == b'\n';
    let text = if framed {
        &text[FRAME_BYTES..text.len() - FRAME_BYTES]
    } else {
        &[][..]
    };
    for line in text.split(|byte| *byte == b'\n') {
        let mut parts = line.split(|byte| *byte == b'\t');
        let kind = parts.next().unwrap_or_default();
        if !matches!(kind, b"mod" | b"dep" | b"=>") {
            continue;
        }
        let (Some(name), version) = (parts.next().and_then(field), parts.next().and_then(field))
        else {
            continue;
        };
        let version = version
            .filter(|version| *version != "(devel)")
            .unwrap_or_default();
        let module = PackageFact {
            is_program: kind == b"mod",
            ..PackageFact::new(PackageKind::Go, name, version)
        };
        // A replacement stands for the module of the line before it.
        if kind == b"=>" && found.len() > 1 {
            let replaced = found.pop().is_some_and(|module| module.is_program);
            found.push(PackageFact {
                is_program: replaced,
                ..module
            });
        } else {
            found.push(module);
        }
    }
    Some(found)
}

/// A string after its length, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = length(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A length (LEB128), and what follows it.
fn length(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut length = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        length |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((length, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn information(version: &str, text: &str) -> Vec<u8> {
        let framed = format!("{}{text}{}", "0".repeat(16), "1".repeat(16));
        let mut bytes = [&MAGIC[..], &[8, INLINE], &[0; 16]].concat();
        for part in [version, &framed] {
            let mut length = part.len();
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend(part.as_bytes());
        }
        bytes
    }

    #[test]
    fn modules_and_replacements_are_read() {
        let text = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\tgithub.com/a/b\tv1.2.3\th1:x=\ndep\told\tv1\n=>\tnew\tv2\t\nbuild\tCGO_ENABLED=0\n";
        let bytes = information("go1.22.1 X:nocoverageredesign", text);
        assert_eq!(start(&bytes[..48]), Start::Inline);
        let found = modules(&bytes).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|module| (&*module.name, &*module.version, module.is_program))
            .collect();
        let expected = [
            ("stdlib", "1.22.1", false),
            ("example.com/app", "", true),
            ("github.com/a/b", "v1.2.3", false),
            ("new", "v2", false),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn lengths_that_lie_are_none() {
        let mut bytes = information("go1.22", "mod\ta\tv1\n");
        bytes.truncate(60);
        assert_eq!(modules(&bytes), None);
        let endless = [&MAGIC[..], &[8, INLINE], &[0; 16], &[0xff; 40]].concat();
        assert_eq!((start(&endless), modules(&endless)), (Start::Other, None));
        let huge = [
            &MAGIC[..],
            &[8, INLINE],
            &[0; 16],
            &[0xff, 0xff, 0xff, 0xff, 0x7f],
            b"go1",
        ]
        .concat();
        assert_eq!(modules(&huge), None);
    }

    #[test]
    fn the_old_form_and_a_mere_constant_are_told_apart() {
        assert_eq!(start(&[&MAGIC[..], &[8, 0], &[1; 32]].concat()), Start::Old);
        assert_eq!(
            start(&[&MAGIC[..], b"not a go binary and other constants here"].concat()),
            Start::Other
        );
    }
}

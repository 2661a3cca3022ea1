//! A Python distribution's metadata (`*.dist-info/METADATA`, `*.egg-info/PKG-INFO`) and its list of files (`RECORD`).
//!
//! Specification: PyPA, "Core metadata specifications" and "Recording installed projects".

use super::super::PackageKind;
use super::super::facts::{PackageFact, field, path_key};
use crate::image::normalise;

/// The package; none where the fields before the first empty line have no name.
pub(in super::super) fn metadata(bytes: &[u8]) -> Option<PackageFact> {
    let (mut name, mut version, mut license) = (None, None, None);
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let value = field(&line[colon + 1..]);
        match &line[..colon] {
            b"Name" if name.is_none() => name = value,
            b"Version" if version.is_none() => version = value,
            b"License-Expression" => license = value,
            // Some write a whole licence there; its first line says nothing then.
            b"License" if license.is_none() => license = value.filter(|text| text.len() <= 64),
            _ => {}
        }
    }
    Some(PackageFact {
        license: license.map(Into::into),
        ..PackageFact::new(PackageKind::Pypi, name?, version.unwrap_or_default())
    })
}

/// The files of a `RECORD`: lines `PATH,HASH,SIZE`, a path with a comma in quotes. Paths are relative to the folder that the
/// `.dist-info` folder lies in.
pub(in super::super) fn record(bytes: &[u8], folder: &str) -> Vec<u64> {
    let paths = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let (inside, end) = match line.strip_prefix(b"\"") {
            Some(inside) => (inside, b'"'),
            None => (line, b','),
        };
        let length = inside.iter().position(|byte| *byte == end)?;
        let path = &inside[..length];
        let full = match path.starts_with(b"/") {
            true => path.to_vec(),
            false => [folder.as_bytes(), b"/", path].concat(),
        };
        Some(path_key(&normalise(&full).path))
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_before_the_text_count() {
        let found = metadata(b"Metadata-Version: 2.1\r\nName: Flask_X\r\nVersion: 3.0\r\nLicense: BSD\r\n\r\nName: not this\r\n").unwrap();
        assert_eq!(
            (&*found.name, &*found.version, found.license.as_deref()),
            ("Flask_X", "3.0", Some("BSD"))
        );
        assert_eq!(metadata(b"Name: a\0b\nVersion: 1\n"), None);
        assert_eq!(metadata(&[0; 5000]), None);
    }

    #[test]
    fn records_lead_from_their_folder() {
        let text =
            b"flask/__init__.py,sha256=x,1\n../../../bin/flask,,\n\"a,b.py\",,\n/usr/x,,\nbroken\n";
        let keys = record(text, "usr/lib/python3/site-packages");
        let paths = [
            "usr/lib/python3/site-packages/flask/__init__.py",
            "usr/bin/flask",
            "usr/lib/python3/site-packages/a,b.py",
            "usr/x",
        ];
        assert_eq!(keys, paths.map(path_key));
    }
}

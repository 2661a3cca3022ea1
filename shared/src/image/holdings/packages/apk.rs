//! apk's database of installed packages: paragraphs of lines `K:value`, the files of each included.
//!
//! Specification: Alpine's wiki, "Apk spec", "Installed Database V2".

use super::super::PackageKind;
use super::super::facts::{PackageFact, field, path_key};
use crate::image::normalise;

/// The packages of `lib/apk/db/installed`.
pub(in super::super) fn installed(bytes: &[u8]) -> Vec<PackageFact> {
    let mut packages = Vec::new();
    let mut current: Option<PackageFact> = None;
    let mut folder: &[u8] = b"";
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((key, value)) = line.split_first_chunk::<2>() else {
            packages.extend(current.take());
            continue;
        };
        if key == b"P:" {
            packages.extend(current.take());
            current = field(value).map(|name| PackageFact::new(PackageKind::Apk, name, ""));
            folder = b"";
        }
        let Some(package) = &mut current else {
            continue;
        };
        match key {
            b"V:" => package.version = field(value).unwrap_or_default().into(),
            b"A:" => package.architecture = field(value).map(Into::into),
            b"L:" => package.license = field(value).map(Into::into),
            b"F:" => folder = value,
            b"R:" => {
                let path = normalise(&[folder, b"/", value].concat()).path;
                package.files.push(path_key(&path));
            }
            _ => {}
        }
    }
    packages.extend(current);
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_their_files() {
        let text = b"C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nF:usr/bin\nR:ldd\n\nP:busybox\nV:1\n";
        let found = installed(text);
        assert_eq!((&*found[0].name, &*found[0].version), ("musl", "1.2.4-r2"));
        assert_eq!(found[0].license.as_deref(), Some("MIT"));
        assert_eq!(
            found[0].files,
            [path_key("lib/ld-musl-x86_64.so.1"), path_key("usr/bin/ldd")]
        );
        assert_eq!(found.len(), 2);
        assert!(found[1].files.is_empty());
    }

    #[test]
    fn damage_costs_its_own_package_alone() {
        let found = installed(b"V:1\nP:\x00bad\nV:2\n\nP:good\nV:\xff\n");
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].name, &*found[0].version), ("good", ""));
    }
}

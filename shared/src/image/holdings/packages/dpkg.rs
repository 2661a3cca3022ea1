//! dpkg's database: `status` (also the single files of `status.d` that distroless images have), file lists, `md5sums`.
//!
//! Specification: deb822(5); Debian Policy, "Syntax of control files"; dpkg-query(1) for the states.

use super::super::PackageKind;
use super::super::facts::{PackageFact, field, path_key};
use crate::image::normalise;

/// The packages of a status file that are installed.
pub(in super::super) fn status(bytes: &[u8]) -> Vec<PackageFact> {
    let mut packages = Vec::new();
    let mut paragraph = Paragraph::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            packages.extend(std::mem::take(&mut paragraph).package());
        } else {
            paragraph.line(line);
        }
    }
    packages.extend(paragraph.package());
    packages
}

/// The fields of a paragraph that count.
#[derive(Default)]
struct Paragraph<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    architecture: Option<&'a str>,
    state: Option<&'a str>,
}

impl<'a> Paragraph<'a> {
    fn line(&mut self, line: &'a [u8]) {
        // A line that begins with a blank goes on with a long field; none of those is of interest.
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let place = match &line[..colon] {
            b"Package" => &mut self.name,
            b"Version" => &mut self.version,
            b"Architecture" => &mut self.architecture,
            b"Status" => &mut self.state,
            _ => return,
        };
        *place = field(&line[colon + 1..]);
    }

    /// The package; none where it is removed (its configuration may stay) or has no name.
    fn package(self) -> Option<PackageFact> {
        let is_there = self.state.is_none_or(|state| {
            let word = state.split_ascii_whitespace().nth(2);
            !matches!(word, Some("config-files" | "not-installed"))
        });
        let name = self.name.filter(|_| is_there)?;
        let version = self.version.unwrap_or_default();
        Some(PackageFact {
            architecture: self.architecture.map(Into::into),
            ..PackageFact::new(PackageKind::Deb, name, version)
        })
    }
}

/// The files of a list (`info/NAME.list`): a path a line. A folder stands before what is in it, and is left out.
pub(in super::super) fn files(bytes: &[u8]) -> Vec<u64> {
    let mut files = Vec::new();
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_folder = lines
            .peek()
            .and_then(|next| next.strip_prefix(line))
            .is_some_and(|rest| rest.starts_with(b"/"));
        if let Some(path) = line.strip_prefix(b"/").filter(|_| !is_folder) {
            files.push(key(path));
        }
    }
    files
}

/// The files of a list of sums (`status.d/NAME.md5sums`): `SUM  PATH` a line.
pub(in super::super) fn md5sums(bytes: &[u8]) -> Vec<u64> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let paths = lines.filter_map(|line| {
        let blank = line.iter().position(|byte| *byte == b' ')?;
        Some(key(line[blank..].trim_ascii_start()))
    });
    paths.collect()
}

fn key(path: &[u8]) -> u64 {
    let is_plain = |path: &&str| !path.split('/').any(|part| matches!(part, "" | "." | ".."));
    match std::str::from_utf8(path).ok().filter(is_plain) {
        // As nearly all are: nothing to spell anew.
        Some(path) => path_key(path),
        None => path_key(&normalise(path).path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_are_told_from_removed_ones() {
        let text = b"Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nArchitecture: amd64\nDescription: a shell\n Package: no\n\n\
            Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nVersion: 2\n\nPackage: half\nStatus: install ok unpacked\n";
        let found = status(text);
        let names: Vec<_> = found
            .iter()
            .map(|package| (&*package.name, &*package.version))
            .collect();
        assert_eq!(names, [("bash", "5.2.15-2+b7"), ("half", "")]);
        assert_eq!(found[0].architecture.as_deref(), Some("amd64"));
    }

    #[test]
    fn lists_give_files_and_not_their_folders() {
        let list = b"/.\n/usr\n/usr/bin\n/usr/bin/x\n/usr/share\n/usr/share/doc\n";
        assert_eq!(
            files(list),
            [
                path_key(""),
                path_key("usr/bin/x"),
                path_key("usr/share/doc")
            ]
        );
        assert_eq!(
            md5sums(b"0123  usr/bin/x\nbroken\n"),
            [path_key("usr/bin/x")]
        );
    }
}

//! Package URLs: one spelling for a package of any kind.
//!
//! Specification: package-url/purl-spec, "Package URL specification" and its types deb, apk, npm, pypi, golang and cargo.

use std::fmt::Write as _;

use super::{Distribution, PackageKind};

/// A package's URL.
pub(super) fn purl(
    kind: PackageKind,
    name: &str,
    version: &str,
    architecture: Option<&str>,
    distribution: Option<&Distribution>,
) -> String {
    let is_of_system = matches!(kind, PackageKind::Deb | PackageKind::Apk);
    let mut url = String::from("pkg:");
    url.push_str(match kind {
        PackageKind::Go => "golang",
        other => other.name(),
    });
    url.push('/');
    if is_of_system {
        let default = if kind == PackageKind::Deb {
            "debian"
        } else {
            "alpine"
        };
        encode(&mut url, distribution.map_or(default, |found| &found.id));
        url.push('/');
    }
    let name = match kind {
        PackageKind::Pypi => name.to_lowercase().replace('_', "-"),
        PackageKind::Npm | PackageKind::Cargo => name.to_owned(),
        _ => name.to_lowercase(),
    };
    for (number, part) in name.split('/').filter(|part| !part.is_empty()).enumerate() {
        if number > 0 {
            url.push('/');
        }
        encode(&mut url, part);
    }
    if !version.is_empty() {
        url.push('@');
        encode(&mut url, version);
    }
    let mut mark = '?';
    let mut qualifier = |key: &str, value: &str| {
        url.push(mark);
        mark = '&';
        url.push_str(key);
        url.push('=');
        encode(&mut url, value);
    };
    if let Some(architecture) = architecture {
        qualifier("arch", architecture);
    }
    if let Some(found) = distribution.filter(|found| is_of_system && !found.version.is_empty()) {
        qualifier("distro", &format!("{}-{}", found.id, found.version));
    }
    url
}

/// Adds a text, percent-encoded but for what the specification leaves alone.
fn encode(url: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                url.push(char::from(byte))
            }
            // Writing to a String can't fail.
            other => drop(write!(url, "%{other:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_form() {
        let debian = Distribution {
            id: "debian".into(),
            version: "12".into(),
            name: String::new(),
        };
        let of = |kind, name: &str, version: &str, arch: Option<&str>| {
            purl(kind, name, version, arch, Some(&debian))
        };
        assert_eq!(
            of(
                PackageKind::Deb,
                "libstdc++6",
                "1:12.2.0-14+b1",
                Some("amd64")
            ),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-12"
        );
        assert_eq!(
            of(PackageKind::Npm, "@Scope/a", "1.0.0", None),
            "pkg:npm/%40Scope/a@1.0.0"
        );
        assert_eq!(
            of(PackageKind::Pypi, "Flask_Login", "0.6", None),
            "pkg:pypi/flask-login@0.6"
        );
        assert_eq!(
            of(PackageKind::Go, "github.com/A/b", "v1.0.0", None),
            "pkg:golang/github.com/a/b@v1.0.0"
        );
        assert_eq!(of(PackageKind::Cargo, "serde", "", None), "pkg:cargo/serde");
        assert_eq!(
            purl(PackageKind::Apk, "musl", "1.2-r0", None, None),
            "pkg:apk/alpine/musl@1.2-r0"
        );
    }
}

//! Whether a file, a variable or a line of the history looks like a secret, and its masked start.
//!
//! Two ways: by name, for the files that programs keep their credentials in, and by content, for what tells by its form
//! what it is (private keys, tokens). What a content is searched for ends at a limit; what distributions and libraries ship is
//! not searched, since their tests are full of keys that everybody has.

mod assignment;
mod named;
mod token;

pub(super) use assignment::{assigned, is_secret_name, is_value};
pub(super) use named::{is_named, look as look_named};
pub(super) use token::{find as find_token, in_address};

/// Folders that packages fill; what administrators put below `usr/local` and `usr/src` is apart.
const PACKAGED: [&str; 12] = [
    "usr/",
    "bin/",
    "sbin/",
    "lib/",
    "lib32/",
    "lib64/",
    "libx32/",
    "boot/",
    "var/lib/dpkg/",
    "var/lib/apt/",
    "var/cache/",
    "nix/",
];

/// Folders below those that are searched all the same.
const OWN: [&str; 4] = ["usr/src/", "usr/local/etc/", "usr/local/bin/", "usr/app/"];

/// Folders of libraries, wherever they are.
const LIBRARIES: [&str; 6] = [
    "node_modules",
    "site-packages",
    "dist-packages",
    "vendor",
    "gems",
    "__pycache__",
];

/// Whether a file's content is searched: it is not in a folder that packages fill, nor part of a library.
pub(super) fn is_searched(path: &str) -> bool {
    let is_packaged = PACKAGED.iter().any(|folder| path.starts_with(folder));
    let is_own = OWN.iter().any(|folder| path.starts_with(folder));
    (is_own || !is_packaged) && !is_library(path)
}

/// Whether a file is part of a library: its keys are those of tests.
pub(super) fn is_library(path: &str) -> bool {
    path.split('/').any(|part| LIBRARIES.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packages_bring_is_not_searched() {
        for path in [
            "app/config.js",
            "root/notes",
            "etc/app.conf",
            "usr/src/app/index.js",
            "srv/usr/x",
        ] {
            assert!(is_searched(path), "{path}");
        }
        for path in [
            "usr/share/doc/x",
            "usr/lib/python3/test/key.pem",
            "app/node_modules/a/test/key.pem",
            "bin/x",
        ] {
            assert!(!is_searched(path), "{path}");
        }
    }
}

//! Paths of a layer: one spelling each, and whether the spelling was a danger.
//!
//! A path from an archive is only ever shown or looked up in a map here; what extracts files resolves every path under its
//! root besides.

/// Longest path that is kept: Linux's `PATH_MAX`, past which no program could open it by name.
pub const PATH_BYTES_MAX: usize = 4096;

/// What a whiteout's name begins with (OCI image specification, "Whiteouts").
const WHITEOUT_PREFIX: &str = ".wh.";
/// What the name of AUFS's own files begins with; one of them is the opaque mark, the others say nothing of the image.
const AUFS_PREFIX: &str = ".wh..wh.";
/// The mark that hides all that lower layers have in its folder.
const OPAQUE_MARK: &str = ".wh..wh..opq";

/// A path in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath {
    /// Relative to the root, without a leading `/`, `.` or `..`; empty for the root itself.
    pub path: String,
    /// Why the spelling was a danger: it begins with `/`, climbs with `..`, or holds a NUL.
    pub danger: Option<&'static str>,
}

/// Gives a path its one spelling: `./a//b/`, `/a/b` and `a/x/../b` are all `a/b`; `..` stops at the root. Bytes that are
/// not UTF-8 become U+FFFD.
#[must_use]
pub fn normalise(raw: &[u8]) -> NormalPath {
    let text = String::from_utf8_lossy(raw);
    let mut danger = None;
    if text.starts_with('/') {
        danger = Some("an absolute name");
    }
    let mut path = String::with_capacity(text.len());
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                danger = Some("a name that climbs with ..");
                let parent = path.rfind('/').unwrap_or(0);
                path.truncate(parent);
            }
            _ => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
            }
        }
    }
    if path.contains('\0') {
        danger = Some("a name that holds a NUL");
    }
    NormalPath { path, danger }
}

/// Whether a symbolic link in `folder` leads above the root. Absolute targets don't: a container's root is theirs.
#[must_use]
pub fn escapes_root(folder: &str, target: &str) -> bool {
    let mut depth = match target.starts_with('/') {
        true => 0usize,
        false => folder.split('/').filter(|part| !part.is_empty()).count(),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

/// The folder that a path lies in; empty for the root.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..slash])
}

/// What a path's last name means in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// An ordinary entry.
    None,
    /// A whiteout of the path named here.
    Whiteout(String),
    /// All that lower layers have in the folder named here is hidden.
    Opaque(String),
    /// A file of AUFS's own, which is no part of the image.
    Ignored,
}

/// Reads a normalised path's mark.
#[must_use]
pub fn mark_of(path: &str) -> Mark {
    let folder = parent(path);
    let name = &path[if folder.is_empty() {
        0
    } else {
        folder.len() + 1
    }..];
    if name == OPAQUE_MARK {
        return Mark::Opaque(folder.to_owned());
    }
    if name.starts_with(AUFS_PREFIX) {
        return Mark::Ignored;
    }
    match name.strip_prefix(WHITEOUT_PREFIX) {
        // A bare `.wh.` removes nothing; `.wh...` would name the folder's own parent.
        Some("" | "." | "..") => Mark::Ignored,
        Some(hidden) if folder.is_empty() => Mark::Whiteout(hidden.to_owned()),
        Some(hidden) => Mark::Whiteout(format!("{folder}/{hidden}")),
        None => Mark::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one() {
        for spelling in ["a/b", "./a/b", "a//b", "a/b/", "./a/./b/."] {
            assert_eq!(
                normalise(spelling.as_bytes()),
                NormalPath {
                    path: "a/b".into(),
                    danger: None
                }
            );
        }
        assert_eq!(normalise(b"./").path, "");
    }

    #[test]
    fn dangerous_spellings_stay_under_the_root_and_are_named() {
        for (raw, path) in [
            ("/etc/passwd", "etc/passwd"),
            ("../../etc/passwd", "etc/passwd"),
            ("a/../b", "b"),
            ("a/../../b", "b"),
            ("..", ""),
        ] {
            let normal = normalise(raw.as_bytes());
            assert_eq!(normal.path, path);
            assert!(normal.danger.is_some(), "{raw}");
        }
        assert!(normalise(b"a\0b").danger.is_some());
        assert_eq!(normalise(b"a\xffb").path, "a\u{fffd}b");
    }

    #[test]
    fn links_above_the_root_are_told_from_those_below() {
        assert!(!escapes_root("usr/bin", "../../etc/passwd"));
        assert!(escapes_root("usr/bin", "../../../etc/passwd"));
        assert!(!escapes_root("usr/bin", "/etc/passwd"));
        assert!(escapes_root("", "/.."));
        assert!(escapes_root("a", "b/../../.."));
    }

    #[test]
    fn marks_are_read_from_the_last_name_alone() {
        assert_eq!(mark_of("a/.wh.b"), Mark::Whiteout("a/b".into()));
        assert_eq!(mark_of(".wh.b"), Mark::Whiteout("b".into()));
        assert_eq!(mark_of("a/.wh..wh..opq"), Mark::Opaque("a".into()));
        assert_eq!(mark_of(".wh..wh..opq"), Mark::Opaque(String::new()));
        assert_eq!(mark_of("a/.wh..wh.plnk"), Mark::Ignored);
        assert_eq!(mark_of("a/.wh..."), Mark::Ignored);
        assert_eq!(mark_of(".wh.b/c"), Mark::None);
    }
}

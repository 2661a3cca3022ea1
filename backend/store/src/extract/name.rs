//! The name of an entry, checked before anything is done with it.

use estiva_shared::text::escape_name;

use super::ExtractError;
use crate::limits::{DEPTH_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX};
use crate::tree::{OPAQUE_NAME, WHITEOUT_PREFIX};

/// What begins the names of aufs's own files, which are no part of an image.
const AUFS_PREFIX: &[u8] = b".wh..wh.";

/// The most bytes of a name that are shown in a message.
const SHOWN_BYTES_MAX: usize = 200;

/// A path below the root, without empty components, `.` and `..`; empty for the root itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    path: Vec<u8>,
    /// Where the last component begins.
    last: usize,
}

/// What an entry's last component says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// An ordinary entry.
    Entry,
    /// The entry of this name, in the same folder, is gone.
    Whiteout(&'a [u8]),
    /// The folder hides all that lower layers have in it.
    Opaque,
    /// Nothing of the image.
    Ignored,
}

impl Name {
    /// Checks a path as it stands in an archive. A leading slash means the root, as Docker reads it.
    pub(crate) fn check(raw: &[u8]) -> Result<Self, ExtractError> {
        let mut path = Vec::with_capacity(raw.len());
        let mut last = 0;
        let mut depth = 0;
        for component in raw.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(ExtractError::Climbs { path: shown(raw) }),
                _ => {}
            }
            if component.len() > NAME_BYTES_MAX || component.contains(&0) {
                return Err(ExtractError::BadName { path: shown(raw) });
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            last = path.len();
            path.extend_from_slice(component);
            depth += 1;
        }
        if path.len() > PATH_BYTES_MAX {
            return Err(ExtractError::BadName { path: shown(raw) });
        }
        if depth > DEPTH_MAX {
            return Err(ExtractError::TooDeep {
                found: depth,
                path: shown(raw),
            });
        }
        Ok(Self { path, last })
    }

    /// The whole path.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The path of the folder it lies in; empty for the root.
    pub(crate) fn parent(&self) -> &[u8] {
        &self.path[..self.last.saturating_sub(1)]
    }

    /// The last component.
    pub(crate) fn last(&self) -> &[u8] {
        &self.path[self.last..]
    }

    pub(crate) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    pub(crate) fn mark(&self) -> Mark<'_> {
        let last = self.last();
        if last == OPAQUE_NAME {
            return Mark::Opaque;
        }
        if last.starts_with(AUFS_PREFIX) {
            return Mark::Ignored;
        }
        match last.strip_prefix(WHITEOUT_PREFIX) {
            // `.wh.` alone names nothing, `.wh...` a folder's own parent.
            Some(b"" | b"." | b"..") => Mark::Ignored,
            Some(gone) => Mark::Whiteout(gone),
            None => Mark::Entry,
        }
    }

    /// For messages.
    pub(crate) fn shown(&self) -> String {
        shown(&self.path)
    }
}

/// A name for a message: cut, and without control characters.
pub(crate) fn shown(raw: &[u8]) -> String {
    let cut = &raw[..raw.len().min(SHOWN_BYTES_MAX)];
    let text = escape_name(&String::from_utf8_lossy(cut)).into_owned();
    if cut.len() < raw.len() {
        format!("{text}…")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_path_one_spelling() {
        for raw in ["a/b", "/a/b", "./a/b", "a//b/", "./a/./b/."] {
            let name = Name::check(raw.as_bytes()).unwrap();
            assert_eq!(name.path(), b"a/b", "{raw}");
            assert_eq!((name.parent(), name.last()), (&b"a"[..], &b"b"[..]));
        }
        assert!(Name::check(b"./").unwrap().is_root());
        assert_eq!(Name::check(b"a").unwrap().parent(), b"");
    }

    #[test]
    fn rejects_names_that_climb_wherever_the_dots_are() {
        for raw in ["..", "../a", "a/..", "a/../b", "/..", "./../a"] {
            let error = Name::check(raw.as_bytes()).unwrap_err();
            assert!(matches!(error, ExtractError::Climbs { .. }), "{raw}");
        }
        // Two dots within a name are a name.
        assert!(Name::check(b"a..b/...").is_ok());
    }

    #[test]
    fn rejects_names_that_no_filesystem_takes() {
        let long = vec![b'a'; NAME_BYTES_MAX + 1];
        let deep = b"a/".repeat(DEPTH_MAX + 1);
        let far = [vec![b'a'; 200], b"/".to_vec()].concat().repeat(21);
        assert!(matches!(
            Name::check(&long),
            Err(ExtractError::BadName { .. })
        ));
        assert!(matches!(
            Name::check(&far),
            Err(ExtractError::BadName { .. })
        ));
        assert!(matches!(
            Name::check(b"a\0b"),
            Err(ExtractError::BadName { .. })
        ));
        assert!(matches!(
            Name::check(&deep),
            Err(ExtractError::TooDeep { .. })
        ));
    }

    #[test]
    fn reads_whiteouts_and_marks() {
        let mark = |raw: &[u8]| format!("{:?}", Name::check(raw).unwrap().mark());
        assert_eq!(
            Name::check(b"a/.wh.b").unwrap().mark(),
            Mark::Whiteout(b"b")
        );
        assert_eq!(mark(b"a/.wh..wh..opq"), "Opaque");
        assert_eq!(mark(b".wh..wh.plnk"), "Ignored");
        assert_eq!(mark(b"a/.wh."), "Ignored");
        assert_eq!(mark(b"a/.wh..."), "Ignored");
        assert_eq!(mark(b"a.wh.b"), "Entry");
    }

    #[test]
    fn shows_names_without_control_characters() {
        assert_eq!(shown(b"a\x1b[31m"), "a\\u{1b}[31m");
        assert!(shown(&[b'a'; 999]).ends_with('…'));
    }
}

//! An image's paths for the eye, at any of its layers: folders that open and close, a search, an order, and the part that is
//! in sight.
//!
//! All but [`Scroll`] runs in the worker ([`View`]), so that a million paths cost the page nothing; what goes between the
//! two is in [`Wish`] and [`Sight`].

mod acts;
mod filter;
mod history;
mod rows;
mod scroll;
mod search;
mod sight;
mod slice;
mod view;

pub use filter::{Bits, Find, FindFault, Kind, Syntax};
pub use history::{History, Version};
pub use rows::Order;
pub use scroll::{ROW_PX, Scroll};
pub use search::SEARCH_MS_MAX;
pub use sight::{
    Act, Active, Found, Look, Sight, SightEntry, SightRow, Step, WINDOW_ROWS_MAX, Wish,
};
pub use slice::Slice;
pub use view::View;

/// Permission bits as `ls` writes them, such as `rwxr-xr-x`.
pub fn mode_text(mode: u32) -> String {
    let mut text = String::with_capacity(9);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::{Change, EntryKind, LayerEntry};

    pub(super) fn entry(path: &str, size_bytes: u64) -> LayerEntry {
        LayerEntry {
            path: path.into(),
            kind: EntryKind::File,
            change: Change::Added,
            size_bytes,
            apparent_bytes: None,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            link: None,
            opaque: false,
        }
    }

    pub(super) fn changed(path: &str, size_bytes: u64) -> LayerEntry {
        LayerEntry {
            change: Change::Changed,
            ..entry(path, size_bytes)
        }
    }

    pub(super) fn removed(path: &str, size_bytes: u64) -> LayerEntry {
        LayerEntry {
            change: Change::Removed,
            ..entry(path, size_bytes)
        }
    }

    pub(super) fn folder(path: &str) -> LayerEntry {
        LayerEntry {
            kind: EntryKind::Directory,
            mode: 0o755,
            ..entry(path, 0)
        }
    }

    #[test]
    fn writes_permissions_as_ls_does() {
        assert_eq!(mode_text(0o755), "rwxr-xr-x");
        assert_eq!(mode_text(0o4644), "rwSr--r--");
        assert_eq!(mode_text(0o1777), "rwxrwxrwt");
    }
}

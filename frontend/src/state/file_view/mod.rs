//! One file of an image as it is looked at: which way, which part, and how its rows lie.
//!
//! The content itself is the worker's. The page holds what is in sight: some pieces of the bytes, or a text up to a limit.

mod jump;
mod pieces;
mod scroll;
mod text;

pub use jump::{line_of, offset_of};
pub use pieces::{Missing, PIECE_BYTES, PIECES_MAX, Pieces};
pub use scroll::{CODE_ROW_PX, CodeScroll};
pub use text::{Document, Find, PLAIN_COLUMNS, Piece, TextRow};

use estiva_shared::image::view::FileFormat;

/// Bytes of a text that are shown at once, and that "more" adds: some ten thousand lines.
pub const TEXT_STEP_BYTES: u64 = 1 << 20;

/// Most bytes of a text that are shown: beyond, its lines alone would take the page's memory. The bytes' view has no end.
pub const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Most bytes of each of two versions that are compared.
pub const COMPARED_BYTES_MAX: u64 = 4 << 20;

/// Most bytes of a picture that is shown.
pub const PICTURE_BYTES_MAX: u64 = 16 << 20;

/// A way of looking at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileTab {
    /// As text.
    Text,
    /// As the picture that it is.
    Picture,
    /// As bytes.
    Hex,
    /// As the program that it is.
    Program,
    /// What differs between two layers' versions.
    Differences,
    /// What each layer did to it.
    Details,
}

impl FileTab {
    /// All, in their order.
    pub const ALL: [FileTab; 6] = [
        Self::Text,
        Self::Picture,
        Self::Hex,
        Self::Program,
        Self::Differences,
        Self::Details,
    ];

    /// Its name in the address and in tests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Picture => "picture",
            Self::Hex => "hex",
            Self::Program => "program",
            Self::Differences => "differences",
            Self::Details => "details",
        }
    }

    /// Those that there are for a file; `versions` is how many of them have content.
    pub fn of(format: Option<FileFormat>, versions: usize) -> Vec<FileTab> {
        let is_there = |tab: &FileTab| match tab {
            Self::Text => matches!(format, Some(FileFormat::Text(..) | FileFormat::Empty)),
            Self::Picture => matches!(format, Some(FileFormat::Picture(_))),
            Self::Program => matches!(format, Some(FileFormat::Elf)),
            Self::Hex => format.is_some(),
            Self::Differences => versions > 1,
            Self::Details => true,
        };
        Self::ALL.into_iter().filter(is_there).collect()
    }

    /// The one that the address means, or else the first that shows most of the file.
    pub fn chosen(tabs: &[FileTab], name: &str) -> FileTab {
        let meant = tabs.iter().find(|tab| tab.name() == name);
        let program = tabs.iter().find(|tab| **tab == Self::Program);
        let first = meant.or(program).or(tabs.first());
        first.copied().unwrap_or(Self::Details)
    }
}

/// A path's last part, for a file to be saved: what file systems and dialogs take badly is replaced.
pub fn save_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_plain = |c: char| !c.is_control() && !r#"<>:"|?*\"#.contains(c);
    let plain = name.chars().map(|c| if is_plain(c) { c } else { '_' });
    let plain: String = plain.take(200).collect();
    match plain.trim_start_matches('.') {
        "" => "file".to_owned(),
        rest => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::view::format_of;

    fn names(bytes: &[u8], path: &str, versions: usize) -> Vec<&'static str> {
        let tabs = FileTab::of(Some(format_of(bytes, path)), versions);
        tabs.iter().map(|tab| tab.name()).collect()
    }

    #[test]
    fn a_file_is_looked_at_as_what_it_is() {
        assert_eq!(names(b"a", "a", 1), ["text", "hex", "details"]);
        assert_eq!(
            names(b"a", "a", 2),
            ["text", "hex", "differences", "details"]
        );
        assert_eq!(names(b"\x7fELF", "a", 1), ["hex", "program", "details"]);
        assert_eq!(names(b"GIF89a", "a", 1), ["picture", "hex", "details"]);
        assert_eq!(names(b"\0\x01", "a", 1), ["hex", "details"]);
        assert_eq!(names(b"", "a", 1), ["text", "hex", "details"]);
        let none = FileTab::of(None, 0);
        assert_eq!(
            (none.len(), FileTab::chosen(&none, "hex")),
            (1, FileTab::Details)
        );
    }

    #[test]
    fn a_program_opens_as_one_and_the_address_decides_where_it_can() {
        let tabs = FileTab::of(Some(FileFormat::Elf), 1);
        assert_eq!(FileTab::chosen(&tabs, ""), FileTab::Program);
        assert_eq!(FileTab::chosen(&tabs, "hex"), FileTab::Hex);
        assert_eq!(FileTab::chosen(&tabs, "picture"), FileTab::Program);
    }

    #[test]
    fn a_file_is_saved_under_its_name_without_what_systems_take_badly() {
        assert_eq!(save_name("usr/lib/libc.so.6"), "libc.so.6");
        assert_eq!(save_name("app/.env"), "env");
        assert_eq!(save_name("a/b:c\n\"?"), "b_c___");
        assert_eq!(save_name(""), "file");
        assert_eq!(save_name("a/.."), "file");
    }
}

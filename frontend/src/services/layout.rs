//! A folder that was dropped or chosen on the inspector: an image layout is walked, of any other folder only its first
//! entries are looked at.

use wasm_bindgen::JsCast;
use web_sys::{File, FileSystemEntry};

use super::folder::{self, Folder, FolderError, Reading};
use crate::state::context::Sieve;

/// The lists of images that a layout or an unpacked archive has at its top.
const LISTS: [&str; 2] = ["index.json", "manifest.json"];

/// What a folder turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// An image layout, or an archive that was unpacked, with its files.
    Layout(Folder),
    /// Another one, by its name.
    Other(String),
}

/// What was dropped or chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Dropped {
    /// A folder of a drop.
    Entry(FileSystemEntry),
    /// All files of a folder that was chosen.
    Files(Vec<File>),
}

impl Dropped {
    /// The folder's name.
    pub fn name(&self) -> String {
        match self {
            Dropped::Entry(entry) => entry.name(),
            Dropped::Files(files) => folder::by_path(files.iter().take(1).cloned().collect()).0,
        }
    }
}

/// Looks what a folder is, and takes its files where it is a layout.
///
/// # Errors
/// See [`FolderError`].
pub async fn look(dropped: Dropped, reading: Reading) -> Result<Found, FolderError> {
    // Nothing is left out: a layout has no .dockerignore, and one that has is still a layout.
    let all = Sieve::default();
    match dropped {
        Dropped::Entry(entry) => {
            let first = folder::children(entry.unchecked_ref()).await?;
            let is_layout = first
                .iter()
                .any(|entry| entry.is_file() && LISTS.contains(&entry.name().as_str()));
            if !is_layout {
                return Ok(Found::Other(entry.name()));
            }
            let walked = folder::walk_below(entry.name(), first, &all, reading, |_| {});
            Ok(Found::Layout(walked.await?))
        }
        Dropped::Files(files) => {
            let (name, listed) = folder::by_path(files);
            if !listed
                .iter()
                .any(|(path, _)| LISTS.contains(&path.as_str()))
            {
                return Ok(Found::Other(name));
            }
            let taken = folder::take_listed(name, listed, &all, reading, |_| {});
            Ok(Found::Layout(taken.await?))
        }
    }
}

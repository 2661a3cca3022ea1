//! A folder of the browser: walked file by file, and joined with headers into an archive to send.
//!
//! What `.dockerignore` leaves out is not even asked for. The browser answers each question in its own time, so questions
//! are asked many at once: one after the other, 20,000 files take half a minute.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{
    Blob, DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
};

use super::timer::breathe;
use crate::state::context::{ContextFile, DOCKERFILE, FILES_MAX, Mistake, Part, Sieve};

/// Files asked for at once; more gain nothing.
const FILES_AT_ONCE: usize = 256;

/// Folders read at once.
const FOLDERS_AT_ONCE: usize = 32;

/// A folder that was dropped or chosen: what is taken of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// Its files, by path.
    pub files: Vec<ContextFile>,
    /// The browser's handle of each.
    pub handles: Vec<File>,
    /// The text of its Dockerfile.
    pub dockerfile: Option<String>,
    /// Files that `.dockerignore` leaves out; a folder that was not entered counts once.
    pub left_out: usize,
}

/// Why a folder could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderError {
    /// More than [`FILES_MAX`] files.
    TooMany,
    /// The browser could not read it, or nothing was dropped.
    Unreadable,
    /// What it says to leave out can't be read.
    Ignore(Mistake),
    /// It is not wanted any more.
    Stopped,
}

/// A walk through a folder, for whoever may want it to end. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Reading(Rc<Cell<bool>>);

impl Reading {
    /// Ends it: what it finds is not wanted any more.
    pub fn stop(&self) {
        self.0.set(true);
    }

    /// Goes on, unless it was ended.
    fn go_on(&self) -> Result<(), FolderError> {
        if self.0.get() {
            Err(FolderError::Stopped)
        } else {
            Ok(())
        }
    }
}

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// The entries of a drop. They must be taken while the event is handled: the browser empties it afterwards.
pub fn dropped(transfer: &DataTransfer) -> Vec<FileSystemEntry> {
    let items = transfer.items();
    (0..items.length())
        .filter_map(|index| items.get(index)?.webkit_get_as_entry().ok()?)
        .collect()
}

/// The files of a drop.
pub fn dropped_files(transfer: &DataTransfer) -> Vec<File> {
    let files = transfer.files();
    files
        .map(|list| {
            (0..list.length())
                .filter_map(|index| list.get(index))
                .collect()
        })
        .unwrap_or_default()
}

/// Walks what was dropped: the one folder, or the files as if they lay in one. Tells how many files it has so far.
///
/// # Errors
/// See [`FolderError`].
pub async fn walk(
    entries: Vec<FileSystemEntry>,
    reading: Reading,
    told: impl Fn(usize),
) -> Result<Folder, FolderError> {
    let (name, first) = match entries.as_slice() {
        [only] if only.is_directory() => (only.name(), children(only.unchecked_ref()).await?),
        [] => return Err(FolderError::Unreadable),
        _ => (String::from("."), entries),
    };
    let sieve = {
        let listed = |name: &str| {
            first
                .iter()
                .find(|entry| entry.is_file() && entry.name() == name)
        };
        match Sieve::FILES
            .into_iter()
            .find_map(|name| Some((name, listed(name)?)))
        {
            Some((name, entry)) => {
                let file = files(&[entry.clone().unchecked_into()]).await?;
                sieve_of(name, file.first()).await?
            }
            None => Sieve::default(),
        }
    };
    walk_below(name, first, &sieve, reading, told).await
}

/// Walks a folder whose first entries are known, and takes what the sieve lets through.
pub(super) async fn walk_below(
    name: String,
    first: Vec<FileSystemEntry>,
    sieve: &Sieve,
    reading: Reading,
    told: impl Fn(usize),
) -> Result<Folder, FolderError> {
    let mut folder = Folder {
        name,
        ..Folder::default()
    };
    let mut level = vec![(String::new(), first)];
    let mut folders: Vec<(String, FileSystemDirectoryEntry)> = Vec::new();
    let mut found: Vec<(String, FileSystemFileEntry)> = Vec::new();
    loop {
        for (above, entries) in level {
            for entry in entries {
                let path = format!("{above}{}", entry.name());
                match entry.is_file() {
                    true if sieve.takes(&path) => found.push((path, entry.unchecked_into())),
                    false if sieve.enters(&path) => folders.push((path, entry.unchecked_into())),
                    _ => folder.left_out += 1,
                }
            }
        }
        while found.len() >= FILES_AT_ONCE || (folders.is_empty() && !found.is_empty()) {
            let batch = found.split_off(found.len().saturating_sub(FILES_AT_ONCE));
            take(&mut folder, batch).await?;
            reading.go_on()?;
            told(folder.files.len());
        }
        if folders.is_empty() {
            break;
        }
        let batch = folders.split_off(folders.len().saturating_sub(FOLDERS_AT_ONCE));
        level = children_of_all(batch).await?;
        reading.go_on()?;
    }
    finish(folder).await
}

/// Takes what a folder input holds. Tells how many files it has so far.
///
/// # Errors
/// See [`FolderError`].
pub async fn chosen(
    handles: Vec<File>,
    reading: Reading,
    told: impl Fn(usize),
) -> Result<Folder, FolderError> {
    let (name, listed) = by_path(handles);
    // The browser lists all files, so what is to be left out is known before the first is counted.
    let ignore = Sieve::FILES.into_iter().find_map(|name| {
        let (_, file) = listed.iter().find(|(path, _)| path == name)?;
        Some((name, file.clone()))
    });
    let sieve = match ignore {
        Some((name, file)) => sieve_of(name, Some(&file)).await?,
        None => Sieve::default(),
    };
    take_listed(name, listed, &sieve, reading, told).await
}

/// The name of a folder that was chosen, and its files by their paths below it.
pub(super) fn by_path(handles: Vec<File>) -> (String, Vec<(String, File)>) {
    let mut folder = String::new();
    let mut listed: Vec<(String, File)> = Vec::with_capacity(handles.len());
    for handle in handles {
        let relative = Reflect::get(&handle, &"webkitRelativePath".into())
            .ok()
            .and_then(|path| path.as_string());
        let relative = relative
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| handle.name());
        let (name, path) = relative.split_once('/').unwrap_or((".", &relative));
        if folder.is_empty() {
            folder = name.to_owned();
        }
        listed.push((path.to_owned(), handle));
    }
    (folder, listed)
}

/// Takes what the sieve lets through of the files that were chosen.
pub(super) async fn take_listed(
    name: String,
    listed: Vec<(String, File)>,
    sieve: &Sieve,
    reading: Reading,
    told: impl Fn(usize),
) -> Result<Folder, FolderError> {
    let mut folder = Folder {
        name,
        ..Folder::default()
    };
    for (path, handle) in listed {
        if !sieve.takes(&path) {
            folder.left_out += 1;
            continue;
        }
        // The browser looks on the disk for each file's size: 20,000 of them in one go freeze the page for seconds.
        if folder.files.len().is_multiple_of(FILES_AT_ONCE) {
            told(folder.files.len());
            breathe().await;
            reading.go_on()?;
        }
        add(&mut folder, path, handle)?;
    }
    if folder.files.is_empty() {
        return Err(FolderError::Unreadable);
    }
    finish(folder).await
}

async fn sieve_of(name: &'static str, file: Option<&File>) -> Result<Sieve, FolderError> {
    // Taken for empty, a file that can't be read would let out what it was to keep in.
    let file = file.ok_or(FolderError::Unreadable)?;
    let text = text(file).await.ok_or(FolderError::Unreadable)?;
    Sieve::read(name, &text).map_err(FolderError::Ignore)
}

/// Puts the files in order, so that the same folder always makes the same archive, and reads the Dockerfile.
async fn finish(mut folder: Folder) -> Result<Folder, FolderError> {
    let mut both: Vec<(ContextFile, File)> = folder.files.into_iter().zip(folder.handles).collect();
    both.sort_by(|(left, _), (right, _)| left.path.cmp(&right.path));
    (folder.files, folder.handles) = both.into_iter().unzip();
    let place = folder.files.iter().position(|file| file.path == DOCKERFILE);
    if let Some(handle) = place.and_then(|place| folder.handles.get(place)) {
        folder.dockerfile = text(handle).await;
    }
    Ok(folder)
}

/// A file's content as text; bytes that are not UTF-8 become U+FFFD.
pub async fn text(file: &Blob) -> Option<String> {
    JsFuture::from(file.text()).await.ok()?.as_string()
}

/// Joins an archive's parts; the files stay on disk until they are sent.
pub fn join(parts: &[Part], handles: &[File]) -> Option<Blob> {
    let pieces = Array::new();
    for part in parts {
        match part {
            Part::Bytes(bytes) => pieces.push(&Uint8Array::from(bytes.as_slice())),
            Part::File(index) => pieces.push(handles.get(*index)?),
        };
    }
    Blob::new_with_blob_sequence(&pieces).ok()
}

fn add(folder: &mut Folder, path: String, handle: File) -> Result<(), FolderError> {
    if folder.files.len() == FILES_MAX {
        return Err(FolderError::TooMany);
    }
    folder.files.push(ContextFile {
        path,
        size_bytes: handle.size() as u64,
        modified: (handle.last_modified() / 1_000.0).max(0.0) as u64,
    });
    folder.handles.push(handle);
    Ok(())
}

/// Asks for the files of entries, and adds them.
async fn take(
    folder: &mut Folder,
    batch: Vec<(String, FileSystemFileEntry)>,
) -> Result<(), FolderError> {
    let (paths, entries): (Vec<String>, Vec<FileSystemFileEntry>) = batch.into_iter().unzip();
    for (path, handle) in paths.into_iter().zip(files(&entries).await?) {
        add(folder, path, handle)?;
    }
    Ok(())
}

/// The files of entries, asked for at once.
async fn files(entries: &[FileSystemFileEntry]) -> Result<Vec<File>, FolderError> {
    let asked: Array = entries
        .iter()
        .map(|entry| {
            Promise::new(&mut |resolve, reject| {
                entry.file_with_callback_and_callback(&resolve, &reject)
            })
        })
        .collect();
    let files: Array = all(&asked).await?;
    Ok(files.iter().map(JsCast::unchecked_into).collect())
}

/// What is in folders, read at once; each with its path and a slash.
async fn children_of_all(
    folders: Vec<(String, FileSystemDirectoryEntry)>,
) -> Result<Vec<(String, Vec<FileSystemEntry>)>, FolderError> {
    let (paths, folders): (Vec<String>, Vec<FileSystemDirectoryEntry>) =
        folders.into_iter().unzip();
    let asked: Array = folders
        .into_iter()
        .map(|folder| {
            future_to_promise(async move {
                match children(&folder).await {
                    Ok(entries) => Ok(entries.iter().collect::<Array>().into()),
                    Err(FolderError::TooMany) => Ok(JsValue::NULL),
                    Err(_) => Err(JsValue::UNDEFINED),
                }
            })
        })
        .collect();
    let lists = all(&asked).await?;
    let lists = lists.iter().map(|list| match list.dyn_into::<Array>() {
        Ok(list) => Ok(list.iter().map(JsCast::unchecked_into).collect()),
        Err(_) => Err(FolderError::TooMany),
    });
    paths
        .into_iter()
        .zip(lists)
        .map(|(path, list)| Ok((format!("{path}/"), list?)))
        .collect()
}

/// Waits for all of them.
async fn all(promises: &Array) -> Result<Array, FolderError> {
    let answers = JsFuture::from(Promise::all(promises)).await;
    answers
        .map(JsCast::unchecked_into)
        .map_err(|_| FolderError::Unreadable)
}

/// All entries of a folder. The browser gives them a hundred at a time, and an empty list at the end.
pub(super) async fn children(
    folder: &FileSystemDirectoryEntry,
) -> Result<Vec<FileSystemEntry>, FolderError> {
    let reader = folder.create_reader();
    let mut entries: Vec<FileSystemEntry> = Vec::new();
    loop {
        let promise = Promise::new(&mut |resolve, reject| {
            let _ = reader.read_entries_with_callback_and_callback(&resolve, &reject);
        });
        let batch: Array = JsFuture::from(promise)
            .await
            .map_err(|_| FolderError::Unreadable)?
            .unchecked_into();
        if batch.length() == 0 {
            return Ok(entries);
        }
        if entries.len() > FILES_MAX {
            return Err(FolderError::TooMany);
        }
        entries.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}

//! What was read of layers, kept by the browser for the next time (File System Standard, "Origin private file system"): an image
//! that was opened before, or shares layers with one, opens at once.
//!
//! Names of files are digests; each file says by its checksum whether it is whole, so that one that was cut while it was written is
//! none. Where the browser keeps nothing (a private window, a page that is not secure), nothing is kept, and nothing is said.

use estiva_shared::image::LayerRead;
use js_sys::{ArrayBuffer, AsyncIterator, IteratorNext, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemSyncAccessHandle, StorageManager,
};

/// The folder of the origin's private file system.
const FOLDER: &str = "layers";

/// Most bytes that are kept: some hundred layers of a hundred thousand files each.
const KEPT_BYTES_MAX: f64 = (512 << 20) as f64;

/// The folder that layers are kept in.
pub(super) struct Shelf(FileSystemDirectoryHandle);

impl Shelf {
    /// The shelf of this origin; none where the browser keeps nothing.
    pub(super) async fn open() -> Option<Self> {
        let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
        let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
        let can = Reflect::get(&storage, &"getDirectory".into()).ok()?;
        if !can.is_function() {
            return None;
        }
        let storage: StorageManager = storage.unchecked_into();
        let root: FileSystemDirectoryHandle = done(storage.get_directory()).await?;
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(true);
        let folder = root.get_directory_handle_with_options(FOLDER, &options);
        done(folder).await.map(Self)
    }

    /// What is kept under a key.
    pub(super) async fn get(&self, key: &str) -> Option<LayerRead> {
        let handle: FileSystemFileHandle = done(self.0.get_file_handle(key)).await?;
        let file: File = done(handle.get_file()).await?;
        let bytes: ArrayBuffer = done(file.array_buffer()).await?;
        let bytes = Uint8Array::new(&bytes).to_vec();
        let read = LayerRead::from_bytes(&bytes);
        if read.is_none() {
            // Damaged, or of a version of this program that wrote another form.
            self.remove(key).await;
        }
        read
    }

    /// Keeps a layer's bytes under a key, and of the others what there is room for, the newest first.
    pub(super) async fn put(&self, key: &str, bytes: &[u8]) {
        if self.write(key, bytes).await.is_none() {
            // A full disk, or another tab that writes the same.
            self.remove(key).await;
        }
    }

    async fn write(&self, key: &str, bytes: &[u8]) -> Option<()> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let handle = self.0.get_file_handle_with_options(key, &options);
        let handle: FileSystemFileHandle = done(handle).await?;
        let access: FileSystemSyncAccessHandle = done(handle.create_sync_access_handle()).await?;
        let written = access
            .truncate_with_u32(0)
            .and_then(|()| access.write_with_u8_array(bytes))
            .and_then(|count| access.flush().map(|()| count));
        access.close();
        (written.ok()? == bytes.len() as f64).then_some(())
    }

    /// Removes the oldest until the rest is no more than may be kept.
    pub(super) async fn tidy(&self) {
        let mut files = self.files().await;
        // Times are whole milliseconds; of equal ones any will do.
        files.sort_by(|one, other| other.last_modified().total_cmp(&one.last_modified()));
        let mut kept = 0.0;
        for file in files {
            kept += file.size();
            if kept > KEPT_BYTES_MAX {
                self.remove(&file.name()).await;
            }
        }
    }

    /// Removes all; answers how many layers there were.
    pub(super) async fn clear(&self) -> usize {
        let files = self.files().await;
        for file in &files {
            self.remove(&file.name()).await;
        }
        files.len()
    }

    async fn files(&self) -> Vec<File> {
        let (handles, mut files): (AsyncIterator, _) = (self.0.values(), Vec::new());
        while let Ok(next) = handles.next() {
            let Some(next) = done::<IteratorNext>(next).await else {
                break;
            };
            if next.done() {
                break;
            }
            if let Ok(handle) = next.value().dyn_into::<FileSystemFileHandle>()
                && let Some(file) = done(handle.get_file()).await
            {
                files.push(file);
            }
        }
        files
    }

    async fn remove(&self, key: &str) {
        // What is not there any more is removed already.
        let _ = JsFuture::from(self.0.remove_entry(key)).await;
    }
}

/// What a promise comes to; none where it is broken.
async fn done<T: JsCast>(promise: Promise) -> Option<T> {
    JsFuture::from(promise)
        .await
        .ok()
        .map(JsCast::unchecked_into)
}

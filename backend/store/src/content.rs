//! An image's files, copied out: what a new volume begins with.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use estiva_shared::image::DiffId;
use rustix::io::Errno;

use crate::error::{IoFault, StoreError};
use crate::overlay::mount_detached;
use crate::store::Store;
use crate::tree::copy::{copy_folder, open_folder};
use crate::tree::root::Root;

impl Store {
    /// Copies a folder of an image, wherever its links lead within it, into the empty folder `to`, which also gets its
    /// owner and mode; and brings the copy to the disk. Answers whether the image has a folder there.
    ///
    /// # Errors
    /// [`StoreError::UnknownLayer`], a mount that the kernel refuses, and the first file that can't be copied: `to` is
    /// then a part of it.
    pub fn copy_folder_of(
        &self,
        layers: &[DiffId],
        folder: &Path,
        to: &Path,
    ) -> Result<bool, StoreError> {
        let _hold = self.hold();
        let Some(root) = self.files_of(layers)? else {
            return Ok(false);
        };
        let folder = folder.strip_prefix("/").unwrap_or(folder);
        let from = match Root::of(root).follow_to_folder(folder.as_os_str().as_bytes()) {
            Ok(from) => from,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
            Err(error) => return Err(IoFault::at("open", folder)(error).into()),
        };
        let made = open_folder(to).map_err(IoFault::at("open", to))?;
        copy_folder(from, made).map_err(IoFault::at("copy the image's files into", to))?;
        let made = File::open(to).map_err(IoFault::at("open", to))?;
        rustix::fs::syncfs(&made).map_err(IoFault::at("flush the filesystem of", to))?;
        Ok(true)
    }

    /// The merged files of some layers, to read from; none of no layers.
    fn files_of(&self, layers: &[DiffId]) -> Result<Option<OwnedFd>, StoreError> {
        let lowers = self.lowers(layers)?;
        match lowers.names.as_slice() {
            [] => Ok(None),
            // One layer is its folder: there is nothing to stack, and overlayfs wouldn't take it alone.
            [only] => {
                let folder = lowers.base.join(only);
                let opened = open_folder(&folder).map_err(IoFault::at("open", folder))?;
                Ok(Some(opened))
            }
            _ => Ok(Some(mount_detached(&lowers, None)?)),
        }
    }
}

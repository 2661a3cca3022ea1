//! Image archives, in and out: docker-archive and OCI layout as tar, the whole and its layers plain or
//! compressed with gzip or zstd.

mod docker;
mod error;
mod load;
mod members;
mod oci;
mod save;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use estiva_shared::image::{Digest, Reference};

pub use error::ArchiveError;

use crate::error::{IoFault, StoreError};
use crate::images::ImageRecord;
use crate::store::Store;

/// An image that an archive brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The image.
    pub id: Digest,
    /// The names it was given; none where the archive has none.
    pub names: Vec<Reference>,
}

impl Store {
    /// Keeps every image of an archive, with the names it has there: all of them, or on a fault none. Every digest is
    /// checked. When this returns, images and names survive a loss of power.
    ///
    /// # Errors
    /// [`ArchiveError`] for what is damaged or isn't what its digests say, and faults of the store.
    pub fn load_file(&self, path: &Path) -> Result<Vec<Loaded>, StoreError> {
        let file = File::open(path).map_err(IoFault::at("open", path))?;
        let is_file = file
            .metadata()
            .map_err(IoFault::at("stat", path))?
            .is_file();
        if is_file {
            self.load_or_clean(file)
        } else {
            self.load_stream(&mut { file })
        }
    }

    /// As [`Store::load_file`], from a stream, which is first written down.
    ///
    /// # Errors
    /// As [`Store::load_file`].
    pub fn load_stream(&self, stream: &mut dyn Read) -> Result<Vec<Loaded>, StoreError> {
        let scratch = load::spool(self, stream)?;
        let file = File::open(scratch.path()).map_err(IoFault::at("open", scratch.path()))?;
        self.load_or_clean(file)
    }

    /// Writes one tar that is both an OCI layout and a docker-archive. The same images give the same bytes. An image is
    /// named in it as its record says: narrow [`ImageRecord::names`] to leave names out.
    ///
    /// # Errors
    /// Faults of files, those of `out` among them.
    pub fn save(&self, images: &[ImageRecord], out: &mut dyn Write) -> Result<(), StoreError> {
        let _hold = self.hold();
        save::save(self, images, out)
    }

    fn load_or_clean(&self, archive: File) -> Result<Vec<Loaded>, StoreError> {
        let loaded = {
            // Layers have no image until the end.
            let _hold = self.hold();
            load::load(self, archive)
        };
        let loaded = self.note_full(loaded);
        if let Err(error) = &loaded {
            // The layers that came before the fault. The fault is what is told.
            let _ = if error.is_full() {
                self.tidy_cache()
            } else {
                self.collect_unreachable()
            };
        }
        loaded
    }
}

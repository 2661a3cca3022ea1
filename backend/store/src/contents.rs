//! What is in an image's files, read where its layers lie: no layer is unpacked, and none is mounted.
//!
//! Layers of the store are plain tars, so a file is found by its header. The headers are gone through once for each image that
//! is looked into; whoever keeps an [`ImageContents`] keeps that, and its layers' files open: what is removed from the store
//! meanwhile stays readable.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use estiva_shared::image::{
    AccessError, ContentIndex, Download, Folder, FolderError, ImageAnalysis, OpenFile, ReadAt,
    Subject,
};

use crate::error::{IoFault, StoreError};
use crate::images::ImageRecord;
use crate::store::Store;

/// The contents of one image's files.
#[derive(Debug)]
pub struct ImageContents {
    analysis: ImageAnalysis,
    layers: Layers,
    index: ContentIndex,
}

impl Store {
    /// The way to what is in an image's files.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlob`], and faults of files.
    pub fn contents(&self, image: &ImageRecord) -> Result<ImageContents, StoreError> {
        let analysis = self.analysis(image)?;
        let _hold = self.hold();
        let (mut layers, mut names) = (Layers::default(), Vec::new());
        for diff_id in &image.diff_ids {
            let path = self.layout.blob(diff_id.digest());
            let file = self.open_blob(diff_id.digest())?;
            let size = file.metadata().map_err(IoFault::at("stat", &path))?.len();
            names.push(diff_id.hex());
            layers.0.push((diff_id.hex(), Tar { file, size }));
        }
        let index = ContentIndex::of_plain(&layers, &names).map_err(|error| {
            IoFault::at("read", self.layout.blobs())(io::Error::other(error.to_string()))
        })?;
        Ok(ImageContents {
            analysis,
            layers,
            index,
        })
    }
}

impl ImageContents {
    /// Opens a file, as it is after `layer` or in the finished image. Symbolic links are not followed.
    ///
    /// # Errors
    /// An [`AccessError`].
    pub fn open(&self, layer: Option<usize>, path: &str) -> Result<OpenFile<'_>, AccessError> {
        let subject = Subject::Folder(&self.layers);
        self.index.open(subject, (0, &self.analysis), layer, path)
    }

    /// Whether a folder is meant, which [`Self::download`] writes as a tar.
    #[must_use]
    pub fn is_folder(&self, layer: Option<usize>, path: &str) -> bool {
        self.all_of(layer, path).is_folder()
    }

    /// Writes a file's bytes, or a folder as a tar.
    ///
    /// # Errors
    /// An [`AccessError`]; what was written until then is incomplete.
    pub fn download(
        &self,
        layer: Option<usize>,
        path: &str,
        out: &mut dyn Write,
    ) -> Result<(), AccessError> {
        let subject = Subject::Folder(&self.layers);
        self.index.download(subject, self.all_of(layer, path), out)
    }

    fn all_of<'a>(&'a self, layer: Option<usize>, path: &'a str) -> Download<'a> {
        Download {
            image: 0,
            analysis: &self.analysis,
            layer,
            path,
        }
    }
}

/// A layer's tar, open.
#[derive(Debug)]
struct Tar {
    file: File,
    size: u64,
}

impl ReadAt for Tar {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

/// The layers' tars by their diff IDs' digits, as a folder of files.
#[derive(Debug, Default)]
struct Layers(Vec<(String, Tar)>);

impl Folder for Layers {
    fn open(&self, path: &str) -> Result<Option<Box<dyn ReadAt + '_>>, FolderError> {
        let found = self.0.iter().find(|(name, _)| name == path);
        Ok(found.map(|(_, tar)| Box::new(tar) as Box<dyn ReadAt + '_>))
    }

    fn describe(&self) -> String {
        "the layers of an image of the store".to_owned()
    }
}

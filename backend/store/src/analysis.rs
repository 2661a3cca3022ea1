//! The analysis of an image of the store, by the same indexer that the page runs.
//!
//! A layer is indexed once: its index is kept as a file under its diff id. The files are a cache and no more: one that
//! is missing, damaged or of another version is made again.

use std::fs;
use std::sync::Arc;

use estiva_shared::image::{
    DOCUMENTS_BYTES_MAX, DiffId, ImageAnalysis, ImageParts, LayerError, LayerIndex, LayerPart,
    Limits, RawDocument, Reference, analyse,
};

use crate::blobs::ScratchFile;
use crate::error::{IoFault, StoreError};
use crate::images::ImageRecord;
use crate::limits::MANIFEST_BYTES_MAX;
use crate::store::Store;

impl Store {
    /// All that is known of an image: layers, merged tree, waste. Each layer is indexed once and its index kept.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlob`], and faults of files.
    pub fn analysis(&self, image: &ImageRecord) -> Result<ImageAnalysis, StoreError> {
        let _hold = self.hold();
        let mut layers = Vec::with_capacity(image.diff_ids.len());
        for diff_id in &image.diff_ids {
            let index = self.layer_index(diff_id)?;
            layers.push(LayerPart {
                digest: Some(*diff_id.digest()),
                size_bytes: Some(index.size_bytes),
                index: Ok(Arc::new(index)),
            });
        }
        let parts = ImageParts {
            format: "store".to_owned(),
            names: image.names.iter().map(Reference::familiar).collect(),
            manifest_digest: Some(image.manifest_digest),
            config_digest: image.id,
            config: self.config_bytes(&image.id)?,
            referrers: Vec::new(),
            problems: Vec::new(),
        };
        Ok(analyse(parts, &layers))
    }

    /// The JSON documents that an image is described by, its manifest and its config, laid out for the eye.
    ///
    /// # Errors
    /// [`StoreError::UnknownBlob`], and faults of files.
    pub fn documents(&self, image: &ImageRecord) -> Result<Vec<RawDocument>, StoreError> {
        let _hold = self.hold();
        let mut left = DOCUMENTS_BYTES_MAX;
        let (manifest, config) = (&image.manifest_digest, &image.id);
        let bytes = self.read_blob(manifest, "a manifest", MANIFEST_BYTES_MAX)?;
        let manifest = RawDocument::of("manifest", &manifest.to_string(), &bytes, &mut left);
        let bytes = self.config_bytes(config)?;
        let config = RawDocument::of("config", &config.to_string(), &bytes, &mut left);
        Ok(vec![manifest, config])
    }

    fn layer_index(&self, diff_id: &DiffId) -> Result<LayerIndex, StoreError> {
        let path = self.layout.layer_index(diff_id);
        let kept = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<LayerIndex>(&bytes).ok())
            .filter(|index| index.digest == *diff_id.digest() && index.facts.is_current());
        if let Some(index) = kept {
            return Ok(index);
        }
        let blob = self.open_blob(diff_id.digest())?;
        let index = LayerIndex::read(blob, &Limits::default()).map_err(|error| {
            let LayerError::Io { source, .. } = error;
            IoFault::at("read", self.layout.blob(diff_id.digest()))(source)
        })?;
        // Without it, the next analysis takes as long as this one: a full disk is no reason to fail.
        let _ = self.keep_layer_index(diff_id, &index);
        Ok(index)
    }

    fn keep_layer_index(&self, diff_id: &DiffId, index: &LayerIndex) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(index).map_err(|source| StoreError::Json {
            what: "a layer's index",
            source,
        })?;
        let scratch = ScratchFile::create(self.ingest_path())?;
        fs::write(&scratch.path, bytes).map_err(IoFault::at("write", &scratch.path))?;
        let path = self.layout.layer_index(diff_id);
        fs::rename(&scratch.path, &path).map_err(IoFault::at("rename to", &path))?;
        Ok(())
    }
}

//! The OCI layout (OCI image specification, "OCI Image Layout"): `index.json` leads to manifests, and they to blobs.

use std::collections::{BTreeMap, HashMap};

use estiva_shared::image::{Digest, Reference, media_type};
use oci_spec::image::Arch;
use serde::Deserialize;

use super::ArchiveError;
use super::load::{LayerFile, PlannedImage, check_layers};
use super::members::{Members, blob_path, parse};
use crate::limits::{ARCHIVE_IMAGES_MAX, CONFIG_BYTES_MAX, MANIFEST_BYTES_MAX};

/// The file that lists the images.
pub(super) const INDEX: &str = "index.json";

/// How deep an index may list indexes. Tools make two levels; nothing needs more.
const INDEX_DEPTH_MAX: usize = 4;

/// An index or a manifest: which of them, the fields tell, as not every tool writes the media type.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

impl Descriptor {
    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    fn digest(&self, path: &str) -> Result<Digest, ArchiveError> {
        self.digest.parse().map_err(|_| ArchiveError::Text {
            path: path.to_owned(),
            expected: "a digest",
            found: self.digest.clone(),
        })
    }

    /// The image's whole name, where an annotation has it. A tag alone (`latest`) names nothing.
    fn name(&self) -> Option<Reference> {
        [
            media_type::ANNOTATION_CONTAINERD_NAME,
            media_type::ANNOTATION_REF_NAME,
        ]
        .into_iter()
        .filter_map(|key| self.annotation(key))
        .filter(|name| name.contains([':', '/']))
        .find_map(|name| name.parse().ok())
    }

    fn is_for_this_host(&self) -> bool {
        self.platform.as_ref().is_none_or(|platform| {
            platform.os == "linux" && platform.architecture == Arch::default().to_string()
        })
    }
}

/// The images that the layout lists; of one that is made for several platforms, this host's.
pub(super) fn images(members: &Members) -> Result<Vec<PlannedImage>, ArchiveError> {
    let mut walk = Walk {
        members,
        images: Vec::new(),
        by_config: HashMap::new(),
        seen: 0,
        skipped: Vec::new(),
    };
    let index: Document = members.json(INDEX, "an index")?;
    walk.index(index.manifests.unwrap_or_default(), None, 0)?;
    if walk.images.is_empty() {
        let found = match walk.skipped.as_slice() {
            [] => "none at all".to_owned(),
            skipped => skipped.join(", "),
        };
        return Err(ArchiveError::NoImage {
            platform: format!("linux/{}", Arch::default()),
            found,
        });
    }
    Ok(walk.images)
}

struct Walk<'a> {
    members: &'a Members,
    images: Vec<PlannedImage>,
    /// Where in `images` the one of a config is.
    by_config: HashMap<Digest, usize>,
    seen: usize,
    /// What was passed over, for a message.
    skipped: Vec<String>,
}

impl Walk<'_> {
    fn index(
        &mut self,
        manifests: Vec<Descriptor>,
        name: Option<&Reference>,
        depth: usize,
    ) -> Result<(), ArchiveError> {
        for descriptor in manifests {
            self.seen += 1;
            if self.seen > ARCHIVE_IMAGES_MAX || depth > INDEX_DEPTH_MAX {
                return Err(ArchiveError::TooManyImages);
            }
            let is_attestation = descriptor
                .annotation(media_type::ANNOTATION_REFERENCE_TYPE)
                .is_some();
            if is_attestation {
                self.skipped.push("an attestation".to_owned());
            } else if !descriptor.is_for_this_host() {
                let platform = descriptor.platform.as_ref();
                self.skipped.extend(
                    platform.map(|platform| format!("{}/{}", platform.os, platform.architecture)),
                );
            } else {
                let own = descriptor.name();
                self.descriptor(&descriptor, own.as_ref().or(name), depth)?;
            }
        }
        Ok(())
    }

    fn descriptor(
        &mut self,
        descriptor: &Descriptor,
        name: Option<&Reference>,
        depth: usize,
    ) -> Result<(), ArchiveError> {
        let digest = descriptor.digest(INDEX)?;
        let path = blob_path(&digest);
        let bytes = self.members.blob(&digest, MANIFEST_BYTES_MAX)?;
        let document: Document = parse(&bytes, &path, "an index or a manifest")?;
        if let Some(manifests) = document.manifests {
            return self.index(manifests, name, depth + 1);
        }
        let Some(config) = document.config else {
            self.skipped.push("a manifest without a config".to_owned());
            return Ok(());
        };
        let is_image = config
            .media_type
            .as_deref()
            .is_none_or(media_type::is_config);
        if !is_image {
            self.skipped.push("an artifact".to_owned());
            return Ok(());
        }
        let id = config.digest(&path)?;
        // One manifest may be listed once for each of its names.
        if let Some(&same) = self.by_config.get(&id) {
            self.images[same].names.extend(name.cloned());
            return Ok(());
        }
        let listed = document.layers.unwrap_or_default();
        check_layers(&path, listed.len())?;
        let mut layers = Vec::with_capacity(listed.len());
        for layer in listed {
            let digest = layer.digest(&path)?;
            layers.push(LayerFile {
                path: blob_path(&digest),
                digest: Some(digest),
            });
        }
        let config = self.members.blob(&id, CONFIG_BYTES_MAX)?;
        self.by_config.insert(id, self.images.len());
        self.images.push(PlannedImage {
            source: path,
            config,
            layers,
            names: name.cloned().into_iter().collect(),
        });
        Ok(())
    }
}

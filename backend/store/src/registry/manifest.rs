//! A registry's documents: which of an index's manifests is wanted, and what a manifest lists.
//!
//! OCI image specification, "Image Manifest" and "Image Index"; Docker's "Image Manifest Version 2, Schema 2".

use std::collections::BTreeMap;

use estiva_shared::image::{DiffId, Digest, Referrer, media_type};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::RegistryError;
use super::platform::Platform;
use super::said::shorten;
use crate::limits::{LAYER_BYTES_MAX, LAYERS_MAX};

/// What is asked for, the wanted first.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The most platforms that an error names.
const PLATFORMS_SHOWN_MAX: usize = 20;

/// An index or a manifest: the fields tell which, as not every registry writes the media type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    pub(super) manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

/// What another document or a blob is, and where.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    media_type: Option<String>,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Plain => media_type::LAYER,
            Self::Gzip => media_type::LAYER_GZIP,
            Self::Zstd => media_type::LAYER_ZSTD,
        }
    }
}

/// A layer as a manifest lists it, and what it is unpacked.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    pub(super) packing: Packing,
    pub(super) diff_id: DiffId,
}

/// What a manifest lists, before the config is known.
pub(super) struct Manifest {
    pub(super) config: Descriptor,
    layers: Vec<(Digest, u64, Packing)>,
}

/// What of a config is needed to pull.
#[derive(Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<DiffId>,
}

impl Config {
    /// Shown it stays short, whatever a registry wrote there.
    pub(super) fn platform(&self) -> Platform {
        let variant = self.variant.as_deref().map(shorten);
        Platform::new(
            &shorten(&self.os),
            &shorten(&self.architecture),
            variant.as_deref(),
        )
    }
}

/// Reads a document.
pub(super) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    url: &dyn std::fmt::Display,
    expected: &str,
) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|error| RegistryError::Answer {
        url: url.to_string(),
        expected: expected.to_owned(),
        found: shorten(&error.to_string()),
    })
}

impl Document {
    /// The manifest that an index has for a machine.
    pub(super) fn choose(
        manifests: &[Descriptor],
        wanted: &Platform,
        name: &str,
    ) -> Result<Descriptor, RegistryError> {
        let images = manifests.iter().filter(|each| !each.is_attestation());
        let ranked = images.clone().filter_map(|each| {
            let platform = each.platform.as_ref()?;
            Some((wanted.rank(platform)?, each))
        });
        // Of several that serve as well, the first one listed, as others do.
        if let Some((_, best)) = ranked.min_by_key(|(rank, _)| *rank) {
            return Ok(best.clone());
        }
        // One without a platform is for all, or its config says more.
        if let Some(any) = images.clone().find(|each| each.platform.is_none()) {
            return Ok(any.clone());
        }
        let mut found: Vec<String> = images
            .filter_map(|each| each.platform.as_ref())
            .map(|platform| shorten(&platform.to_string()))
            .take(PLATFORMS_SHOWN_MAX)
            .collect();
        found.dedup();
        Err(RegistryError::Platform {
            wanted: wanted.to_string(),
            name: name.to_owned(),
            found: match found.is_empty() {
                true => "none at all".to_owned(),
                false => found.join(", "),
            },
        })
    }

    /// What an image's manifest lists.
    pub(super) fn into_manifest(
        self,
        url: &dyn std::fmt::Display,
    ) -> Result<Manifest, RegistryError> {
        if self.schema_version == Some(1) {
            return Err(schema_1(url));
        }
        let fault = |found: String| RegistryError::Answer {
            url: url.to_string(),
            expected: "an image's manifest".to_owned(),
            found,
        };
        let config = self
            .config
            .ok_or_else(|| fault("a document without a config".to_owned()))?;
        if let Some(kind) = config.media_type.as_deref()
            && !media_type::is_config(kind)
        {
            return Err(RegistryError::Unsupported(format!(
                "expected an image, but found an artifact: its config is {}",
                shorten(kind)
            )));
        }
        let listed = self.layers.unwrap_or_default();
        if listed.len() > LAYERS_MAX {
            return Err(fault(format!(
                "{} layers, above {LAYERS_MAX}",
                listed.len()
            )));
        }
        let layers = listed.iter().map(Descriptor::layer);
        Ok(Manifest {
            config,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }
}

impl Descriptor {
    /// What an index of referrers says of one.
    pub(super) fn into_referrer(self) -> Referrer {
        let kind = self.artifact_type.or(self.media_type);
        Referrer {
            digest: self.digest.to_string(),
            artifact_type: kind.as_deref().map(shorten).unwrap_or_default(),
            size_bytes: self.size,
            annotations: self.annotations.unwrap_or_default(),
        }
    }

    fn is_attestation(&self) -> bool {
        let key = media_type::ANNOTATION_REFERENCE_TYPE;
        self.annotations
            .as_ref()
            .is_some_and(|annotations| annotations.contains_key(key))
    }

    fn layer(&self) -> Result<(Digest, u64, Packing), RegistryError> {
        let kind = self.media_type.as_deref().unwrap_or(media_type::LAYER_GZIP);
        let packing = match kind {
            media_type::LAYER | media_type::DOCKER_LAYER => Packing::Plain,
            media_type::LAYER_GZIP | media_type::DOCKER_LAYER_GZIP => Packing::Gzip,
            media_type::LAYER_ZSTD => Packing::Zstd,
            kind if kind.contains(".foreign.") || kind.contains("nondistributable") => {
                return Err(RegistryError::Unsupported(format!(
                    "layer {} lies elsewhere and may not be passed on ({kind}): such layers are not pulled",
                    self.digest
                )));
            }
            kind => {
                return Err(RegistryError::Unsupported(format!(
                    "expected a layer as a tar, plain or with gzip or zstd, but found {}",
                    shorten(kind)
                )));
            }
        };
        if self.size > LAYER_BYTES_MAX {
            return Err(RegistryError::Unsupported(format!(
                "expected layers of at most {LAYER_BYTES_MAX} bytes, but found {}",
                self.size
            )));
        }
        Ok((self.digest, self.size, packing))
    }
}

impl Manifest {
    /// The layers with what they are unpacked, lowest first.
    pub(super) fn layers(
        &self,
        config: &Config,
        url: &dyn std::fmt::Display,
    ) -> Result<Vec<Layer>, RegistryError> {
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != self.layers.len() {
            return Err(RegistryError::Answer {
                url: url.to_string(),
                expected: format!("{} layers, as the config says", diff_ids.len()),
                found: self.layers.len().to_string(),
            });
        }
        let layers = self.layers.iter().zip(diff_ids);
        let layers = layers.map(|((digest, bytes, packing), diff_id)| Layer {
            digest: *digest,
            bytes: *bytes,
            packing: *packing,
            diff_id: *diff_id,
        });
        Ok(layers.collect())
    }
}

/// The refusal of what Docker wrote before 2016.
pub(super) fn schema_1(url: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Unsupported(format!(
        "{url}: expected an OCI manifest or Docker's schema 2, but found Docker's schema 1, which nobody writes any more; push the image again with a newer program"
    ))
}

/// Whether a media type says that a manifest is of schema 1.
pub(super) fn is_schema_1(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

//! The docker-archive: `manifest.json` lists images, each with its config, its names and its layers' files.

use estiva_shared::image::{Digest, Reference};
use serde::Deserialize;

use super::ArchiveError;
use super::load::{LayerFile, PlannedImage, check_layers};
use super::members::{Members, blob_path};
use crate::limits::{ARCHIVE_IMAGES_MAX, CONFIG_BYTES_MAX};

/// The file that lists the images.
pub(super) const MANIFEST: &str = "manifest.json";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// The images that the archive lists.
pub(super) fn images(members: &Members) -> Result<Vec<PlannedImage>, ArchiveError> {
    let items: Vec<Item> = members.json(MANIFEST, "a list of images")?;
    if items.is_empty() {
        return Err(ArchiveError::Empty { path: MANIFEST });
    }
    if items.len() > ARCHIVE_IMAGES_MAX {
        return Err(ArchiveError::TooManyImages);
    }
    items.into_iter().map(|item| image(members, item)).collect()
}

fn image(members: &Members, item: Item) -> Result<PlannedImage, ArchiveError> {
    check_layers(MANIFEST, item.layers.as_ref().map_or(0, Vec::len))?;
    let config = members.read(&item.config, CONFIG_BYTES_MAX)?;
    if let Some(expected) = digest_in(&item.config) {
        let found = Digest::of(&config);
        if found != expected {
            return Err(ArchiveError::Digest {
                path: item.config,
                expected,
                found,
            });
        }
    }
    let mut names = Vec::new();
    for name in item.repo_tags.unwrap_or_default() {
        names.push(name.parse::<Reference>().map_err(|_| ArchiveError::Text {
            path: MANIFEST.to_owned(),
            expected: "an image's name",
            found: name,
        })?);
    }
    let layers = item.layers.unwrap_or_default().into_iter().map(|path| {
        // Since Docker 25 a layer's file is a blob of an OCI layout, named by its digest; before, by an id of no meaning.
        let digest = digest_in(&path).filter(|digest| path == blob_path(digest));
        LayerFile { path, digest }
    });
    Ok(PlannedImage {
        source: MANIFEST.to_owned(),
        layers: layers.collect(),
        config,
        names,
    })
}

/// The digest that a file's name is, without `.json`.
fn digest_in(path: &str) -> Option<Digest> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    Digest::from_hex(name.strip_suffix(".json").unwrap_or(name)).ok()
}

//! The docker-archive: `manifest.json` names each image's config, names and layers by their paths in the archive.
//!
//! Until Docker 24 a layer lies in `HEX/layer.tar`, or there is a symbolic link to the one of another image; since Docker 25
//! the same document points into an OCI layout's `blobs/`.

use serde::Deserialize;

use super::super::{Digest, ImageParts, Problem, Reference};
use super::catalogue::Catalogue;
use super::{Found, FoundLayer, IMAGES_MAX, NAMES_MAX, cut_layers, note};

/// One image of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Adds the images of `manifest.json`; those that the index of the same archive led to get their names from it.
pub(super) fn add_images(
    catalogue: &mut Catalogue<'_, '_>,
    found: &mut Vec<Found>,
    notes: &mut Vec<Problem>,
) {
    let listed: Result<Vec<Image>, Problem> = catalogue.json("manifest.json").and_then(|bytes| {
        let wrong = |error| {
            note(
                "bad-json",
                format!(
                    "expected a list of images in manifest.json, but found other JSON: {error}"
                ),
            )
        };
        serde_json::from_slice(&bytes).map_err(wrong)
    });
    let images = match listed {
        Ok(images) => images,
        Err(reason) => return notes.push(reason),
    };
    if images.len() > IMAGES_MAX {
        let message = format!(
            "expected at most {IMAGES_MAX} images in manifest.json, but found {}; the others are not read",
            images.len()
        );
        notes.push(note("limit", message));
    }
    for image in images.into_iter().take(IMAGES_MAX) {
        match image_of(catalogue, image) {
            Ok(image) => match found.iter_mut().find(|known| is_same(known, &image)) {
                Some(known) => join(known, image),
                None => found.push(image),
            },
            Err(reason) => notes.push(reason),
        }
    }
}

/// Whether two lists tell of one image: the config alone does not say so, since it may promise other layers than these.
fn is_same(known: &Found, image: &Found) -> bool {
    let mut layers = known.layers.iter().zip(&image.layers);
    known.parts.config_digest == image.parts.config_digest
        && known.layers.len() == image.layers.len()
        && layers.all(|(one, other)| one.member == other.member)
}

fn image_of(catalogue: &mut Catalogue<'_, '_>, image: Image) -> Result<Found, Problem> {
    let config = catalogue.json(&image.config)?;
    let config_digest = Digest::of(&config);
    let mut problems = Vec::new();
    if let Some(expected) =
        digest_in_name(&image.config).filter(|expected| *expected != config_digest)
    {
        let message = format!("expected the config digest {expected}, but found {config_digest}");
        problems.push(note("digest-mismatch", message));
    }
    let mut members = image.layers.unwrap_or_default();
    cut_layers(&mut members, &mut problems);
    let layers = members.into_iter().map(|member| {
        // `HEX/layer.tar` is named by a made-up id; only a blob's name is its digest.
        let digest = member
            .strip_prefix("blobs/sha256/")
            .and_then(|hex| Digest::from_hex(hex).ok());
        FoundLayer {
            member: catalogue.place_of(&member),
            digest,
            size_bytes: None,
        }
    });
    let names = image
        .repo_tags
        .unwrap_or_default()
        .into_iter()
        .take(NAMES_MAX)
        .map(|name| familiar(&name));
    Ok(Found {
        layers: layers.collect(),
        config: image.config,
        parts: ImageParts {
            format: "docker-archive".to_owned(),
            names: names.collect(),
            manifest_digest: None,
            config_digest,
            config: Vec::new(),
            referrers: Vec::new(),
            problems,
        },
    })
}

/// The digest in `HEX.json` or `blobs/sha256/HEX`.
fn digest_in_name(path: &str) -> Option<Digest> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Digest::from_hex(name.strip_suffix(".json").unwrap_or(name)).ok()
}

/// A name as people write it; one that is none as it stands.
pub(super) fn familiar(name: &str) -> String {
    name.parse().map_or_else(
        |_| name.to_owned(),
        |reference: Reference| reference.familiar(),
    )
}

/// One image told of twice: the index knows its manifest, `manifest.json` its names.
fn join(known: &mut Found, image: Found) {
    known.parts.format = image.parts.format;
    // An index's annotation may hold the tag alone, which says less than the whole name.
    let says_less = |short: &String| {
        image
            .parts
            .names
            .iter()
            .any(|name| name.ends_with(&format!(":{short}")))
    };
    known.parts.names.retain(|name| !says_less(name));
    for name in image.parts.names {
        let is_room = known.parts.names.len() < NAMES_MAX;
        if is_room && !known.parts.names.contains(&name) {
            known.parts.names.push(name);
        }
    }
}

//! Takes an archive of images apart where it lies: docker-archive (`docker save` of any age) and OCI layout, as a tar that
//! may itself be gzipped.
//!
//! Nothing is extracted and nothing is believed: a catalogue of the archive's files is made, manifests are read with a limit,
//! layers are streamed once each ([`LayerIndex::read`]), and what is wrong becomes a [`Problem`] beside what could be read.
//!
//! Specification: OCI image layout 1.1; Docker's image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".

mod budget;
mod catalogue;
mod docker;
mod meter;
mod oci;

use std::io;
use std::sync::Arc;

use super::{
    ImageAnalysis, ImageParts, LayerIndex, LayerPart, Limits, Problem, ReadAt, analyse_while,
};
use budget::{Budget, cost_of_config};
use catalogue::{Catalogue, Layer};
use meter::Meter;

/// Longest JSON document (manifest, index, config) that is read, in bytes: registries refuse manifests beyond this size.
const JSON_BYTES_MAX: u64 = 4 << 20;

/// Most files of an archive that are catalogued: a `docker save` of a hundred large images has some 10,000.
const MEMBERS_MAX: usize = 100_000;

/// Most bytes of their paths and of what links lead to: [`MEMBERS_MAX`] of 640 bytes each, where usual ones have 80.
const MEMBER_NAME_BYTES_MAX: usize = 64 << 20;

/// Most images of one archive that are shown.
const IMAGES_MAX: usize = 256;

/// Most layers of one image that are read: overlayfs mounts at most 500.
const LAYERS_MAX: usize = 512;

/// Most names of one image that are shown.
const NAMES_MAX: usize = 1000;

/// How far a reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the archive that were dealt with; never more than `total_bytes`, and equal to it at the end.
    pub done_bytes: u64,
    /// The archive's bytes.
    pub total_bytes: u64,
}

/// Why an archive shows no image.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The progress function asked to stop.
    #[error("the reading was cancelled")]
    Cancelled,
    /// The file itself could not be read.
    #[error("reading the archive: {0}")]
    Io(#[source] io::Error),
    /// It is no tar, plain or gzipped.
    #[error("expected a tar archive of images, plain or gzipped, but found {found}")]
    NotAnArchive {
        /// What its first bytes look like.
        found: String,
    },
    /// It is a tar without an image.
    #[error(
        "expected an image archive with manifest.json or index.json, but found {found}{}",
        first(problems)
    )]
    NotAnImage {
        /// What was found instead.
        found: String,
        /// What is wrong with the archive: often the reason.
        problems: Vec<Problem>,
    },
}

/// The first of the problems, for the end of a message.
fn first(problems: &[Problem]) -> String {
    problems
        .first()
        .map(|problem| format!(": {}", problem.message))
        .unwrap_or_default()
}

/// An image as its manifest describes it, before its layers are read.
struct Found {
    /// All but the config's bytes, of which an archive may name 4 MiB for each of its images.
    parts: ImageParts,
    /// The archive's file that holds the config.
    config: String,
    layers: Vec<FoundLayer>,
}

/// A layer as a manifest names it.
struct FoundLayer {
    /// The archive's file that holds it, links followed.
    member: String,
    digest: Option<super::Digest>,
    size_bytes: Option<u64>,
}

/// Takes apart every image of an archive; `progress` is called often, and stops the reading by answering `false`.
///
/// # Errors
/// An [`InspectError`] where no image can be shown. A damaged image is shown as far as it goes.
pub fn inspect(
    archive: &dyn ReadAt,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<ImageAnalysis>, InspectError> {
    inspect_within(archive, &Limits::default(), progress)
}

/// As [`inspect`], with limits of the caller's choice; they hold for the whole archive.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_within(
    archive: &dyn ReadAt,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<ImageAnalysis>, InspectError> {
    let meter = Meter::new(progress, archive.size());
    let result = inspect_metered(archive, limits, &meter);
    if meter.is_cancelled() {
        return Err(InspectError::Cancelled);
    }
    meter.finish();
    result
}

fn inspect_metered(
    archive: &dyn ReadAt,
    limits: &Limits,
    meter: &Meter<'_>,
) -> Result<Vec<ImageAnalysis>, InspectError> {
    let mut catalogue = Catalogue::read(archive, limits, meter)?;
    let mut notes = Vec::new();
    let mut found = Vec::new();
    if catalogue.has("index.json") {
        found = oci::images(&mut catalogue, &mut notes);
    }
    if catalogue.has("manifest.json") {
        docker::add_images(&mut catalogue, &mut found, &mut notes);
    }
    notes.append(&mut catalogue.problems);
    if found.is_empty() {
        return Err(InspectError::NotAnImage {
            found: catalogue.describe(),
            problems: notes,
        });
    }
    if found.len() > IMAGES_MAX {
        let message = format!(
            "expected at most {IMAGES_MAX} images in an archive, but found {}",
            found.len()
        );
        notes.push(note("limit", message));
        found.truncate(IMAGES_MAX);
    }
    let mut budget = Budget::new(limits.shown_bytes);
    let mut images = Vec::with_capacity(found.len());
    for mut image in found {
        image.parts.problems.extend(notes.iter().cloned());
        read_config(&mut catalogue, &mut image, &mut budget);
        let layers = read_layers(&mut catalogue, &image, &mut budget)?;
        let analysis = analyse_while(image.parts, &layers, &mut || meter.goes_on());
        images.push(analysis.ok_or(InspectError::Cancelled)?);
        if meter.is_cancelled() {
            return Err(InspectError::Cancelled);
        }
    }
    Ok(images)
}

/// Reads an image's config, where what it tells still fits.
fn read_config(catalogue: &mut Catalogue<'_, '_>, image: &mut Found, budget: &mut Budget) {
    match catalogue.json(&image.config) {
        Ok(config) if budget.pay(cost_of_config(config.len())) => {
            image.parts.config = config.to_vec();
        }
        Ok(_) => {
            image.parts.config = b"{}".to_vec();
            let message = "expected less in the configs of all images, but found more than is shown; this one is left out";
            image.parts.problems.push(note("limit", message.to_owned()));
        }
        Err(reason) => image.parts.problems.push(reason),
    }
}

/// Cuts a list of layers to what is read.
fn cut_layers<T>(layers: &mut Vec<T>, problems: &mut Vec<Problem>) {
    if layers.len() > LAYERS_MAX {
        let message = format!(
            "expected at most {LAYERS_MAX} layers, but found {}; the others are not read",
            layers.len()
        );
        problems.push(note("limit", message));
        layers.truncate(LAYERS_MAX);
    }
}

/// Reads an image's layers, each of the archive's files once.
fn read_layers(
    catalogue: &mut Catalogue<'_, '_>,
    image: &Found,
    budget: &mut Budget,
) -> Result<Vec<LayerPart>, InspectError> {
    let mut parts = Vec::with_capacity(image.layers.len());
    for layer in &image.layers {
        let index = catalogue
            .layer(&layer.member)?
            .and_then(|layer| paid(layer, budget));
        parts.push(LayerPart {
            digest: layer.digest,
            size_bytes: layer.size_bytes,
            index,
        });
    }
    Ok(parts)
}

/// The layer, where what it lists still fits.
fn paid(layer: Layer, budget: &mut Budget) -> Result<Arc<LayerIndex>, Problem> {
    if budget.pay(layer.cost) {
        return Ok(layer.index);
    }
    let message = "expected fewer entries with shorter names over all images, but found more than are shown; this layer is left out";
    Err(note("limit", message.to_owned()))
}

/// A problem of the archive or the image, not of a layer.
fn note(code: &str, message: String) -> Problem {
    Problem {
        code: code.to_owned(),
        message,
        layer: None,
        entry: None,
        offset: None,
    }
}

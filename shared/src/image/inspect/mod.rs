//! Takes an archive of images apart where it lies: docker-archive (`docker save` of any age) and OCI layout, as a tar that
//! may itself be compressed with gzip or zstd, or as a folder.
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
mod start;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::config::RawConfig;
use super::documents::{DOCUMENTS_BYTES_MAX, RawDocument};
use super::{
    Compression, ContentIndex, Folder, ImageAnalysis, ImageParts, LayerIndex, LayerPart, LayerRead,
    LayerSpan, Limits, Listed, Problem, ReadAt, analyse_while,
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

/// What is taken apart.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// A file.
    Archive(&'a dyn ReadAt),
    /// A folder, of which only the files that manifests name are opened.
    Folder(&'a dyn Folder),
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
    /// It is no tar, plain or compressed with gzip or zstd.
    #[error("expected a tar archive of images, plain or with gzip or zstd, but found {found}")]
    NotAnArchive {
        /// What its first bytes look like.
        found: String,
    },
    /// It is a tar or a folder without an image.
    #[error(
        "expected an image's manifest.json or index.json, but found {found}{}",
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

/// An image taken apart, and the documents that it is described by.
pub type Documented = (ImageAnalysis, Vec<RawDocument>);

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

/// As [`inspect`], of a folder that holds an OCI layout or an unpacked docker-archive.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_folder(
    folder: &dyn Folder,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<ImageAnalysis>, InspectError> {
    let subject = Subject::Folder(folder);
    inspect_some(subject, &Limits::default(), &mut all, progress)
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
    inspect_some(Subject::Archive(archive), limits, &mut all, progress)
}

/// Takes apart those images that `choose` answers, by their places in the list that it is given; their order is the list's.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_some(
    subject: Subject<'_>,
    limits: &Limits,
    choose: &mut dyn FnMut(&[Listed]) -> Vec<usize>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<ImageAnalysis>, InspectError> {
    let (images, _) = inspect_with_meter(subject, limits, choose, Keep::default(), None, progress)?;
    Ok(images.into_iter().map(|(analysis, _)| analysis).collect())
}

/// As [`inspect_within`], of a file or a folder; with each image come the documents that it is described by.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_documented(
    subject: Subject<'_>,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Documented>, InspectError> {
    let keep = Keep {
        documents: true,
        ..Keep::default()
    };
    let (images, _) = inspect_with_meter(subject, limits, &mut all, keep, None, progress)?;
    Ok(images)
}

/// As [`inspect_documented`]; with the images comes the index by which their files can be read.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_opened(
    subject: Subject<'_>,
    limits: &Limits,
    choose: &mut dyn FnMut(&[Listed]) -> Vec<usize>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(Vec<Documented>, ContentIndex), InspectError> {
    let keep = Keep {
        documents: true,
        contents: true,
        ..Keep::default()
    };
    inspect_with_meter(subject, limits, choose, keep, None, progress)
}

/// Reads layers before the pass over an archive or a folder comes to them, each by itself and at once if that is faster. It gets
/// their places and a way to tell that so many bytes more were dealt with, which answers whether to go on. It gives for each
/// place what was read, or none where the pass is to read it.
pub type ReadAhead<'a> =
    dyn FnMut(&[LayerSpan], &mut dyn FnMut(u64) -> bool) -> Vec<Option<LayerRead>> + 'a;

/// As [`inspect_opened`], with layers that are read ahead. Of an archive that is compressed none are.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_ahead(
    subject: Subject<'_>,
    limits: &Limits,
    choose: &mut dyn FnMut(&[Listed]) -> Vec<usize>,
    ahead: &mut ReadAhead<'_>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(Vec<Documented>, ContentIndex), InspectError> {
    let keep = Keep {
        documents: true,
        contents: true,
        ..Keep::default()
    };
    inspect_with_meter(subject, limits, choose, keep, Some(ahead), progress)
}

/// As [`inspect_ahead`], of those layers alone that `given` has: of the others is told what the manifests and the history say, and
/// that they are not read yet ([`Problem::NOT_READ`]). Of an archive that is compressed all are read.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_given(
    subject: Subject<'_>,
    limits: &Limits,
    given: &mut dyn FnMut(&LayerSpan) -> Option<LayerRead>,
) -> Result<(Vec<Documented>, ContentIndex), InspectError> {
    let keep = Keep {
        documents: true,
        contents: true,
        given_alone: true,
    };
    let mut ahead = |spans: &[LayerSpan], _: &mut dyn FnMut(u64) -> bool| {
        spans.iter().map(&mut *given).collect::<Vec<_>>()
    };
    inspect_with_meter(
        subject,
        limits,
        &mut all,
        keep,
        Some(&mut ahead),
        &mut |_| true,
    )
}

/// The layers of all images of an archive or a folder that [`inspect_ahead`] would have read ahead, each once.
///
/// # Errors
/// As [`inspect`].
pub fn layers_of(subject: Subject<'_>, limits: &Limits) -> Result<Vec<LayerSpan>, InspectError> {
    if let Subject::Archive(archive) = subject {
        // It would have to be read to its end.
        let mut start = [0; 6];
        let length = start::read_start(archive, &mut start).map_err(InspectError::Io)?;
        if Compression::sniff(&start[..length]) != Compression::None {
            return Ok(Vec::new());
        }
    }
    let mut progress = |_| true;
    let meter = Meter::new(&mut progress, 0);
    let mut catalogue = Catalogue::read(subject, limits, None, &meter)?;
    let (found, _) = find(&mut catalogue)?;
    Ok(places(&mut catalogue, &found))
}

/// Where the layers lie that are read for themselves, in the order in which they are read.
fn places(catalogue: &mut Catalogue<'_, '_>, found: &[Found]) -> Vec<LayerSpan> {
    let (mut seen, mut places) = (HashSet::new(), Vec::new());
    for image in found {
        let config = catalogue.json(&image.config);
        let diff_ids = config.map_or_else(
            |_| Vec::new(),
            |bytes| RawConfig::read(&bytes).0.rootfs.diff_ids,
        );
        for (number, layer) in image.layers.iter().enumerate() {
            let Some((member, offset, size_bytes)) = catalogue.layer_place(&layer.member) else {
                continue;
            };
            if seen.insert(member.clone()) {
                places.push(LayerSpan {
                    member,
                    offset,
                    size_bytes,
                    digest: layer.digest,
                    diff_id: diff_ids.get(number).and_then(|id| id.parse().ok()),
                });
            }
        }
    }
    places
}

/// What is kept beside the analyses.
#[derive(Clone, Copy, Default)]
struct Keep {
    documents: bool,
    contents: bool,
    /// Layers that were not read ahead stay unread.
    given_alone: bool,
}

/// Makes the meter of a reading.
fn inspect_with_meter(
    subject: Subject<'_>,
    limits: &Limits,
    choose: &mut dyn FnMut(&[Listed]) -> Vec<usize>,
    keep: Keep,
    ahead: Option<&mut ReadAhead<'_>>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(Vec<Documented>, ContentIndex), InspectError> {
    let total_bytes = match subject {
        Subject::Archive(archive) => archive.size(),
        Subject::Folder(_) => 0,
    };
    let meter = Meter::new(progress, total_bytes);
    let result = inspect_metered(subject, limits, choose, keep, ahead, &meter);
    if meter.is_cancelled() {
        return Err(InspectError::Cancelled);
    }
    meter.finish();
    result
}

fn all(images: &[Listed]) -> Vec<usize> {
    (0..images.len()).collect()
}

fn inspect_metered(
    subject: Subject<'_>,
    limits: &Limits,
    choose: &mut dyn FnMut(&[Listed]) -> Vec<usize>,
    keep: Keep,
    ahead: Option<&mut ReadAhead<'_>>,
    meter: &Meter<'_>,
) -> Result<(Vec<Documented>, ContentIndex), InspectError> {
    let contents = keep.contents.then(ContentIndex::default);
    let mut kept_bytes = DOCUMENTS_BYTES_MAX;
    let mut catalogue = Catalogue::read(subject, limits, contents, meter)?;
    catalogue.reads = !keep.given_alone;
    let (mut found, notes) = find(&mut catalogue)?;
    let listed: Vec<_> = found
        .iter()
        .map(|image| list(&mut catalogue, image))
        .collect();
    let chosen = choose(&listed);
    let mut place = 0..;
    found.retain(|_| place.next().is_some_and(|place| chosen.contains(&place)));
    if matches!(subject, Subject::Folder(_)) {
        let members: HashSet<_> = found
            .iter()
            .flat_map(|image| &image.layers)
            .map(|layer| layer.member.as_str())
            .collect();
        let sizes = members
            .into_iter()
            .filter_map(|path| catalogue.size_of(path));
        meter.expect(sizes.fold(0, u64::saturating_add));
    }
    if let Some(ahead) = ahead {
        let places = places(&mut catalogue, &found);
        let read = ahead(&places, &mut |bytes| meter.count(bytes));
        if meter.is_cancelled() {
            return Err(InspectError::Cancelled);
        }
        // In one order, whoever read them: it decides what fits the limits.
        for (place, read) in places.iter().zip(read) {
            let Some(read) = read else {
                // What is wrong with it is told where the image is read.
                drop(catalogue.layer(&place.member)?);
                continue;
            };
            if !catalogue.give(place, read) {
                break;
            }
        }
    }
    let mut budget = Budget::new(limits.shown_bytes);
    let mut images = Vec::with_capacity(found.len());
    for mut image in found {
        let documents = match keep.documents {
            true => documents_of(&mut catalogue, &image, &mut kept_bytes),
            false => Vec::new(),
        };
        image.parts.problems.extend(notes.iter().cloned());
        read_config(&mut catalogue, &mut image, &mut budget);
        let layers = read_layers(&mut catalogue, &image, &mut budget)?;
        let analysis = analyse_while(image.parts, &layers, &mut || meter.goes_on());
        images.push((analysis.ok_or(InspectError::Cancelled)?, documents));
        if meter.is_cancelled() {
            return Err(InspectError::Cancelled);
        }
    }
    Ok((images, catalogue.contents.take().unwrap_or_default()))
}

/// All images that the lists lead to, and what else is to be said of the whole.
fn find(catalogue: &mut Catalogue<'_, '_>) -> Result<(Vec<Found>, Vec<Problem>), InspectError> {
    let mut notes = Vec::new();
    let mut found = Vec::new();
    if catalogue.has("index.json") {
        found = oci::images(catalogue, &mut notes);
    }
    if catalogue.has("manifest.json") {
        docker::add_images(catalogue, &mut found, &mut notes);
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
    Ok((found, notes))
}

/// What is known of an image before its layers are read.
fn list(catalogue: &mut Catalogue<'_, '_>, image: &Found) -> Listed {
    let config = catalogue.json(&image.config);
    let sizes = image.layers.iter().map(|layer| {
        layer
            .size_bytes
            .or_else(|| catalogue.size_of(&layer.member))
            .unwrap_or(0)
    });
    Listed {
        size_bytes: sizes.fold(0, u64::saturating_add),
        names: image.parts.names.clone(),
        platform: config
            .map(|bytes| RawConfig::read(&bytes).0.platform())
            .unwrap_or_default(),
        manifest_digest: image.parts.manifest_digest.map(|digest| digest.to_string()),
        config_digest: image.parts.config_digest.to_string(),
        layers: image.layers.len(),
    }
}

/// The documents that led to an image, and its own. One that can't be read is a problem elsewhere.
fn documents_of(
    catalogue: &mut Catalogue<'_, '_>,
    image: &Found,
    kept_bytes: &mut usize,
) -> Vec<RawDocument> {
    let manifest = image.parts.manifest_digest;
    let manifest = manifest.map(|digest| format!("blobs/sha256/{}", digest.hex()));
    let places = [
        ("index", Some("index.json")),
        ("index", Some("manifest.json")),
        ("manifest", manifest.as_deref()),
        ("config", Some(image.config.as_str())),
    ];
    let mut documents = Vec::new();
    for (kind, place) in places {
        if let Some(place) = place.filter(|place| catalogue.has(place))
            && let Ok(bytes) = catalogue.json(place)
        {
            documents.push(RawDocument::of(kind, place, &bytes, kept_bytes));
        }
    }
    documents
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
    let mut blobs = Vec::with_capacity(image.layers.len());
    for layer in &image.layers {
        let read = catalogue.layer(&layer.member)?;
        blobs.push(read.as_ref().ok().and_then(|layer| layer.blob));
        let index = read.and_then(|layer| paid(layer, budget));
        parts.push(LayerPart {
            digest: layer.digest,
            size_bytes: layer.size_bytes,
            index,
        });
    }
    if let Some(contents) = &mut catalogue.contents {
        contents.add_image(blobs);
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

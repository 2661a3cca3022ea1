//! From an image's config and its layers' indexes to the analysis. Pure: archives and the store both end here.

use std::collections::HashSet;
use std::sync::Arc;

use super::config::RawConfig;
use super::holdings::{Seen, settle};
use super::merge::Merge;
use super::problems::Problems;
use super::waste::waste_of;
use super::{
    ANALYSIS_VERSION, ConfigView, DiffId, Digest, HistoryView, ImageAnalysis, ImageView,
    LayerIndex, LayerView, Problem, Referrer,
};

/// What is known of an image before its layers are looked at.
#[derive(Clone, Debug)]
pub struct ImageParts {
    /// `docker-archive`, `oci-layout` or `store`.
    pub format: String,
    /// Its names.
    pub names: Vec<String>,
    /// The manifest's digest, where there is one.
    pub manifest_digest: Option<Digest>,
    /// The config's digest, as its bytes give it.
    pub config_digest: Digest,
    /// The config's bytes, JSON.
    pub config: Vec<u8>,
    /// What else is about it.
    pub referrers: Vec<Referrer>,
    /// What was found wrong on the way to here.
    pub problems: Vec<Problem>,
}

/// One layer as the manifest names it, with its index.
#[derive(Clone, Debug)]
pub struct LayerPart {
    /// The blob's digest as the manifest gives it; none where nothing names it (docker-archive).
    pub digest: Option<Digest>,
    /// The blob's bytes as the manifest gives them, shown where the blob could not be read.
    pub size_bytes: Option<u64>,
    /// What was read, or why nothing could be.
    pub index: Result<Arc<LayerIndex>, Problem>,
}

/// Makes the analysis of an image.
#[must_use]
pub fn analyse(parts: ImageParts, layers: &[LayerPart]) -> ImageAnalysis {
    analyse_while(parts, layers, &mut || true).expect("nobody asked to stop")
}

/// As [`analyse`]; none where `goes_on`, which is asked every few thousand entries, answered `false`.
#[must_use]
pub fn analyse_while(
    parts: ImageParts,
    layers: &[LayerPart],
    goes_on: &mut dyn FnMut() -> bool,
) -> Option<ImageAnalysis> {
    let mut problems = Problems::default();
    problems.extend(parts.problems);
    let config = read_config(&parts.config, &mut problems);
    let diff_ids = read_diff_ids(&config, layers.len(), &mut problems);
    let history = read_history(&config, layers.len(), &mut problems);
    let mut merge = Merge::default();
    let mut told = HashSet::new();
    let mut views = Vec::with_capacity(layers.len());
    for (number, part) in layers.iter().enumerate() {
        let mut view = verify(
            number,
            part,
            diff_ids.get(number).copied().flatten(),
            &mut problems,
        );
        view.created_by = history
            .iter()
            .find(|line| line.layer == Some(number))
            .map(|line| line.created_by.clone());
        if let Ok(index) = &part.index {
            // What is wrong with a layer is told once, however often the image names it.
            if told.insert(Arc::as_ptr(index)) {
                problems.extend(index.problems.iter().map(|reason| Problem {
                    layer: Some(number),
                    ..reason.clone()
                }));
            }
            let changes = merge.apply(number, index, goes_on)?;
            (view.added, view.changed, view.removed) =
                (changes.added, changes.changed, changes.removed);
            view.entries = changes.entries;
        }
        views.push(view);
    }
    // What a layer leads to may be in one that was not read.
    let is_whole = layers.iter().all(|part| match &part.index {
        Ok(_) => true,
        Err(reason) => reason.code != Problem::NOT_READ,
    });
    if is_whole {
        problems.extend(merge.problems.drain(..));
    }
    let (waste, unnamed) = waste_of(&merge, &views, config.working_dir());
    if unnamed > 0 {
        let message = format!(
            "expected shorter paths of content that is there twice, but found so long ones that {unnamed} files don't name their other copy"
        );
        problems.push(problem("limit", message, None));
    }
    let image = ImageView {
        format: parts.format,
        names: parts.names,
        manifest_digest: parts.manifest_digest.map(|digest| digest.to_string()),
        config_digest: parts.config_digest.to_string(),
        platform: config.platform(),
        created: config.created.clone(),
        history,
        size_bytes: views
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.size_bytes)),
        uncompressed_bytes: views
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.uncompressed_bytes)),
        layers: views,
        referrers: parts.referrers,
        config: ConfigView::default(),
    };
    let image = ImageView {
        config: config.into_view(),
        ..image
    };
    let tree = merge.tree();
    let holdings = settle(&Seen {
        tree: &tree,
        layers,
        copies: &merge.copies,
        config: &image.config,
        history: &image.history,
    });
    Some(ImageAnalysis {
        version: ANALYSIS_VERSION,
        image,
        tree,
        waste,
        holdings,
        problems: problems.finish(),
    })
}

/// The config; as much as can be read, with a problem, where that is not all.
fn read_config(bytes: &[u8], problems: &mut Problems) -> RawConfig {
    let (config, error) = RawConfig::read(bytes);
    if let Some(error) = error {
        let message = format!("expected an image's config, but found other JSON: {error}");
        problems.push(problem("bad-config", message, None));
    }
    config
}

/// The diff IDs, one for each layer where the config has it.
fn read_diff_ids(
    config: &RawConfig,
    layers: usize,
    problems: &mut Problems,
) -> Vec<Option<DiffId>> {
    let listed = &config.rootfs.diff_ids;
    if listed.len() != layers {
        let message = format!(
            "expected a diff ID for each of {layers} layers in the config, but found {}",
            listed.len()
        );
        problems.push(problem("bad-config", message, None));
    }
    let parsed = listed.iter().take(layers).enumerate().map(|(layer, text)| {
        let parsed: Result<DiffId, _> = text.parse();
        parsed
            .map_err(|error| problems.push(problem("bad-config", error.to_string(), Some(layer))))
            .ok()
    });
    parsed.collect()
}

/// The history; its lines that made a layer are counted off against the layers.
fn read_history(config: &RawConfig, layers: usize, problems: &mut Problems) -> Vec<HistoryView> {
    let made = config
        .history
        .iter()
        .filter(|line| !line.empty_layer)
        .count();
    if !config.history.is_empty() && made != layers {
        let message =
            format!("expected a line of the history for each of {layers} layers, but found {made}");
        problems.push(problem("history-mismatch", message, None));
    }
    let mut next = 0;
    let lines = config.history.iter().map(|line| {
        let layer = (!line.empty_layer && next < layers).then_some(next);
        next += usize::from(!line.empty_layer);
        let (created_by, created) = (line.created_by.clone(), line.created.clone());
        HistoryView {
            created_by,
            created,
            comment: (!line.comment.is_empty()).then(|| line.comment.clone()),
            empty_layer: line.empty_layer,
            layer,
        }
    });
    lines.collect()
}

/// A layer's view without its changes: both digests compared with what the manifest and the config say.
fn verify(
    number: usize,
    part: &LayerPart,
    expected: Option<DiffId>,
    problems: &mut Problems,
) -> LayerView {
    let mut view = LayerView {
        index: number,
        digest: part
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default(),
        diff_id: expected
            .map(|diff_id| diff_id.to_string())
            .unwrap_or_default(),
        verified: false,
        compression: "none".to_owned(),
        size_bytes: part.size_bytes.unwrap_or(0),
        uncompressed_bytes: 0,
        created_by: None,
        added: 0,
        changed: 0,
        removed: 0,
        entries: Vec::new(),
    };
    let index = match &part.index {
        Ok(index) => index,
        Err(reason) => {
            problems.push(Problem {
                layer: Some(number),
                ..reason.clone()
            });
            return view;
        }
    };
    view.digest = index.digest.to_string();
    view.compression = index.compression.name().to_owned();
    view.size_bytes = index.size_bytes;
    view.uncompressed_bytes = index.uncompressed_bytes;
    let mut mismatch = |what: &str, expected: String, found: String| {
        let message = format!("expected the {what} {expected}, but found {found}");
        problems.push(problem("digest-mismatch", message, Some(number)));
    };
    let blob_is_right = part.digest.is_none_or(|digest| digest == index.digest);
    if !blob_is_right {
        mismatch(
            "blob digest",
            part.digest
                .map(|digest| digest.to_string())
                .unwrap_or_default(),
            view.digest.clone(),
        );
    }
    if let Some(found) = index.diff_id {
        view.diff_id = found.to_string();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            mismatch("diff ID", expected.to_string(), found.to_string());
        }
    }
    view.verified = blob_is_right && expected.is_some() && expected == index.diff_id;
    view
}

fn problem(code: &str, message: String, layer: Option<usize>) -> Problem {
    Problem {
        code: code.to_owned(),
        message,
        layer,
        entry: None,
        offset: None,
    }
}

//! Two images compared: layers, files, packages, configuration, history, and what a host that has one must download for the other.
//!
//! Pure, and the same for the command line and the page: both analyses are there already. Time grows with the number of
//! paths of both; memory with how many of them differ.

mod align;
mod document;
mod files;
mod folders;
mod history;
mod layers;
mod packages;
mod settings;
mod versions;

pub use document::*;
pub use packages::{PackageChange, PackageDifference, PackageSide};

use super::{ImageAnalysis, Problem};

/// Compares two images. What B has and A lacks is "added".
#[must_use]
pub fn compare(a: &ImageAnalysis, b: &ImageAnalysis, options: CompareOptions) -> Comparison {
    let semantic = options.semantic;
    let (one, two) = (&a.image, &b.image);
    let layers = layers::rows(one, two);
    let files = files::compare(&a.tree, &b.tree, semantic);
    let mut config = settings::compare(one, two, semantic);
    let history = history::compare(&one.history, &two.history, semantic);
    let layers_are_same = layers.iter().all(|row| row.place == LayerPlace::Shared);
    let mut same = files.changes.is_empty() && config.is_empty() && history.is_empty();
    if !semantic {
        same &= layers_are_same;
        if same && one.config_digest != two.config_digest {
            config.push(ConfigChange {
                field: ConfigField::ConfigDigest,
                key: None,
                difference: ValueDifference::Changed,
                a: Some(one.config_digest.clone()),
                b: Some(two.config_digest.clone()),
            });
            same = false;
        }
    }
    Comparison {
        version: COMPARISON_VERSION,
        semantic,
        same,
        complete: is_whole(a) && is_whole(b),
        a: side(a),
        b: side(b),
        layers,
        download: layers::download(one, two),
        totals: files.totals,
        files: files.changes,
        folders: files.folders,
        folders_left_out: files.folders_left_out,
        packages: packages::compare(a, b),
        config,
        history,
    }
}

/// Problems that hide nothing of an image: all that is in it was read.
const HARMLESS: [&str; 4] = [
    "digest-mismatch",
    "history-mismatch",
    "stray-whiteout",
    "unsafe-path",
];

fn is_whole(analysis: &ImageAnalysis) -> bool {
    let hides = |problem: &Problem| !problem.is_note() && !HARMLESS.contains(&&*problem.code);
    !analysis.problems.iter().any(hides)
}

fn side(analysis: &ImageAnalysis) -> Side {
    let image = &analysis.image;
    let problems = analysis.problems.iter().filter(|each| !each.is_note());
    Side {
        names: image.names.clone(),
        format: image.format.clone(),
        config_digest: image.config_digest.clone(),
        manifest_digest: image.manifest_digest.clone(),
        platform: image.platform.clone(),
        created: image.created.clone(),
        layers: image.layers.len(),
        entries: analysis.tree.len() as u64,
        size_bytes: image.size_bytes,
        uncompressed_bytes: image.uncompressed_bytes,
        problems: problems.count() as u64,
    }
}

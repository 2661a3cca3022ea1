//! An image without its long lists: what the page holds of it. The lists stay in the worker, which makes a tree of one when
//! it is asked for.

use estiva_shared::image::holdings::{DangerGroup, Holdings};
use estiva_shared::image::{ImageAnalysis, ImageView, LayerView, Problem, Waste, WasteCause};
use estiva_shared::suggest::Savings;
use serde::{Deserialize, Serialize};

/// Files kept of a cause of waste; the whole list is in the command line's JSON.
const WASTED_FILES_MAX: usize = 50;

/// Packages kept, the largest first chosen: the largest desktop image has as many. All are in a bill of materials.
const PACKAGES_MAX: usize = 5_000;

/// Dangers kept of one kind.
const DANGERS_MAX: usize = 200;

/// Problems kept; a hostile archive can have one for each entry.
const PROBLEMS_MAX: usize = 30;

/// An image without its long lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The image; its layers' entries are left out.
    pub image: ImageView,
    /// How many paths the merged tree has.
    pub entries: u64,
    /// What could be saved, with the largest files of each cause.
    pub waste: Waste,
    /// How many files each cause has, in the same order.
    pub wasted_files: Vec<u64>,
    /// What there is to say about all of it.
    pub savings: Savings,
    /// What it holds, with the largest packages and the first dangers of each kind.
    pub holdings: Holdings,
    /// The first things that are wrong.
    pub problems: Vec<Problem>,
    /// Layers that are not read yet: nothing of what they hold is counted above.
    #[serde(default)]
    pub unread: Vec<usize>,
}

impl Summary {
    /// What the page holds of an image.
    pub fn of(analysis: &ImageAnalysis) -> Summary {
        let image = &analysis.image;
        let causes = &analysis.waste.by_cause;
        Summary {
            image: ImageView {
                format: image.format.clone(),
                names: image.names.clone(),
                manifest_digest: image.manifest_digest.clone(),
                config_digest: image.config_digest.clone(),
                platform: image.platform.clone(),
                created: image.created.clone(),
                config: image.config.clone(),
                history: image.history.clone(),
                layers: image.layers.iter().map(without_entries).collect(),
                referrers: image.referrers.clone(),
                size_bytes: image.size_bytes,
                uncompressed_bytes: image.uncompressed_bytes,
            },
            entries: analysis.tree.len() as u64,
            waste: Waste {
                reclaimable_bytes: analysis.waste.reclaimable_bytes,
                compressed_estimate_bytes: analysis.waste.compressed_estimate_bytes,
                by_cause: causes.iter().map(largest).collect(),
                dive: analysis.waste.dive,
            },
            wasted_files: causes
                .iter()
                .map(|cause| cause.files.len() as u64)
                .collect(),
            savings: Savings::of(analysis),
            holdings: shortened(&analysis.holdings),
            problems: analysis
                .problems
                .iter()
                .filter(|problem| problem.code != Problem::NOT_READ)
                .take(PROBLEMS_MAX)
                .cloned()
                .collect(),
            unread: analysis
                .problems
                .iter()
                .filter(|problem| problem.code == Problem::NOT_READ)
                .filter_map(|problem| problem.layer)
                .collect(),
        }
    }
}

fn shortened(holdings: &Holdings) -> Holdings {
    let mut packages: Vec<_> = holdings.packages.iter().collect();
    packages.sort_by_key(|package| std::cmp::Reverse(package.size_bytes));
    let dangers = holdings.dangers.iter().map(|group| DangerGroup {
        kind: group.kind,
        count: group.count,
        found: group.found.iter().take(DANGERS_MAX).cloned().collect(),
    });
    Holdings {
        distribution: holdings.distribution.clone(),
        user: holdings.user.clone(),
        by_kind: holdings.by_kind.clone(),
        packages: packages.into_iter().take(PACKAGES_MAX).cloned().collect(),
        dangers: dangers.collect(),
        shells: holdings.shells.clone(),
        unread: holdings.unread.clone(),
    }
}

fn without_entries(layer: &LayerView) -> LayerView {
    LayerView {
        index: layer.index,
        digest: layer.digest.clone(),
        diff_id: layer.diff_id.clone(),
        verified: layer.verified,
        compression: layer.compression.clone(),
        size_bytes: layer.size_bytes,
        uncompressed_bytes: layer.uncompressed_bytes,
        created_by: layer.created_by.clone(),
        added: layer.added,
        changed: layer.changed,
        removed: layer.removed,
        entries: Vec::new(),
    }
}

fn largest(cause: &WasteCause) -> WasteCause {
    WasteCause {
        cause: cause.cause.clone(),
        reclaimable_bytes: cause.reclaimable_bytes,
        compressed_estimate_bytes: cause.compressed_estimate_bytes,
        files: cause.files.iter().take(WASTED_FILES_MAX).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::holdings::{Danger, DangerKind, Package, PackageKind};
    use estiva_shared::image::{ANALYSIS_VERSION, ConfigView, DiveFigures, WastedFile};

    fn package(size_bytes: u64) -> Package {
        Package {
            kind: PackageKind::Npm,
            name: String::new(),
            version: String::new(),
            architecture: None,
            license: None,
            purl: String::new(),
            layer: 0,
            path: String::new(),
            size_bytes,
        }
    }

    #[test]
    fn keeps_counts_and_leaves_long_lists_behind() {
        let wasted = WastedFile {
            path: "a".into(),
            size_bytes: 1,
            layer: 0,
            hidden_by: Some(1),
            same_as: None,
        };
        let problem = Problem {
            code: "limit".into(),
            message: String::new(),
            layer: None,
            entry: None,
            offset: None,
        };
        let analysis = ImageAnalysis {
            version: ANALYSIS_VERSION,
            image: ImageView {
                format: "store".into(),
                names: Vec::new(),
                manifest_digest: None,
                config_digest: String::new(),
                platform: String::new(),
                created: None,
                config: ConfigView::default(),
                history: Vec::new(),
                layers: Vec::new(),
                referrers: Vec::new(),
                size_bytes: 1,
                uncompressed_bytes: 2,
            },
            tree: Vec::new(),
            waste: Waste {
                reclaimable_bytes: 70,
                compressed_estimate_bytes: 7,
                by_cause: vec![WasteCause {
                    cause: "overwritten".into(),
                    reclaimable_bytes: 70,
                    compressed_estimate_bytes: 7,
                    files: vec![wasted; 70],
                }],
                dive: DiveFigures::default(),
            },
            holdings: Holdings {
                packages: (0..6_000).map(package).collect(),
                dangers: vec![DangerGroup {
                    kind: DangerKind::Setuid,
                    count: 900,
                    found: vec![Danger::default(); 900],
                }],
                ..Holdings::default()
            },
            problems: vec![problem; 200],
        };
        let summary = Summary::of(&analysis);
        assert_eq!(summary.wasted_files, [70]);
        assert_eq!(summary.savings, Savings::of(&analysis));
        assert_eq!(summary.waste.by_cause[0].files.len(), WASTED_FILES_MAX);
        assert_eq!(summary.problems.len(), PROBLEMS_MAX);
        let packages = &summary.holdings.packages;
        assert_eq!(
            (packages.len(), packages[0].size_bytes),
            (PACKAGES_MAX, 5_999)
        );
        let setuid = &summary.holdings.dangers[0];
        assert_eq!((setuid.count, setuid.found.len()), (900, DANGERS_MAX));
    }
}

//! Two images compared, without the long list of files: what the page holds of it. The list stays in the worker, which makes a
//! tree of what is wanted of it.

use estiva_shared::image::{Change, Comparison, EntryKind, FileChange, FileDifference, FileSide};
use serde::{Deserialize, Serialize};

use super::difference_tree::{DifferencePath, DifferenceTree};

/// Values and lines that are kept of the configuration and the history each: more than a person reads.
const KEPT_MAX: usize = 200;

/// Packages kept: from one release of Debian to the next, all of a large image's differ.
const PACKAGES_MAX: usize = 1000;

/// Folders kept.
const FOLDERS_MAX: usize = 20;

/// One of the two images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first.
    A,
    /// The second.
    B,
}

impl Which {
    /// Its place in a pair.
    pub fn index(self) -> usize {
        match self {
            Which::A => 0,
            Which::B => 1,
        }
    }

    /// The other one.
    pub fn other(self) -> Which {
        match self {
            Which::A => Which::B,
            Which::B => Which::A,
        }
    }
}

/// What the page holds of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The comparison; its files are left out, its other lists cut.
    pub comparison: Comparison,
    /// How many packages were cut off.
    pub packages_cut: u64,
    /// How many values of the configuration were cut off.
    pub config_cut: u64,
    /// How many lines of the history were cut off.
    pub history_cut: u64,
}

impl Compared {
    /// What the page holds of a comparison.
    pub fn of(whole: &Comparison) -> Compared {
        let cut = |count: usize| count.saturating_sub(KEPT_MAX) as u64;
        let comparison = Comparison {
            version: whole.version,
            semantic: whole.semantic,
            same: whole.same,
            complete: whole.complete,
            a: whole.a.clone(),
            b: whole.b.clone(),
            layers: whole.layers.clone(),
            download: whole.download.clone(),
            totals: whole.totals,
            files: Vec::new(),
            folders: whole.folders.iter().take(FOLDERS_MAX).cloned().collect(),
            folders_left_out: whole.folders_left_out,
            packages: whole.packages.iter().take(PACKAGES_MAX).cloned().collect(),
            config: whole.config.iter().take(KEPT_MAX).cloned().collect(),
            history: whole.history.iter().take(KEPT_MAX).cloned().collect(),
        };
        Compared {
            comparison,
            packages_cut: whole.packages.len().saturating_sub(PACKAGES_MAX) as u64,
            config_cut: cut(whole.config.len()),
            history_cut: cut(whole.history.len()),
        }
    }
}

/// Which differences are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What B has and A not.
    pub added: bool,
    /// What A has and B not.
    pub removed: bool,
    /// Other contents and kinds.
    pub content: bool,
    /// Other modes, owners, times and links.
    pub metadata: bool,
}

impl Wanted {
    /// All of them.
    pub const ALL: Wanted = Wanted {
        added: true,
        removed: true,
        content: true,
        metadata: true,
    };

    fn has(self, difference: FileDifference) -> bool {
        match difference {
            FileDifference::Added => self.added,
            FileDifference::Removed => self.removed,
            FileDifference::Kind | FileDifference::Content => self.content,
            FileDifference::Metadata => self.metadata,
        }
    }
}

/// The tree of what differs.
pub fn tree(files: &[FileChange], wanted: Wanted) -> DifferenceTree {
    let wanted = files.iter().filter(|change| wanted.has(change.difference));
    DifferenceTree::of_paths(wanted.filter_map(path))
}

/// A path of the tree: as B has it, else as A had it.
fn path(change: &FileChange) -> Option<DifferencePath<'_>> {
    let side: &FileSide = change.b.as_deref().or(change.a.as_deref())?;
    Some(DifferencePath {
        path: &change.path,
        kind: side.kind,
        change: match change.difference {
            FileDifference::Added => Change::Added,
            FileDifference::Removed => Change::Removed,
            _ => Change::Changed,
        },
        size_bytes: match side.kind {
            EntryKind::Directory => 0,
            _ => side.size_bytes,
        },
        mode: side.mode,
        owner: (side.uid, side.gid),
        link: side.link.as_deref(),
        aspects: change.aspects,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiva_shared::image::{Aspect, CompareOptions, compare};

    fn analysis(files: &[(&str, u32)]) -> estiva_shared::image::ImageAnalysis {
        let tree: Vec<_> = files
            .iter()
            .map(|(path, crc)| {
                serde_json::json!({
                    "path": path, "kind": "file", "size_bytes": 5, "mode": 0o644, "uid": 0, "gid": 0, "mtime": 0, "crc": crc,
                    "layer": 0, "change": "added",
                })
            })
            .collect();
        let config = serde_json::json!({
            "user": null, "exposed_ports": [], "env": (0..300).map(|at| format!("A{at}={}", files.len())).collect::<Vec<_>>(),
            "entrypoint": [], "cmd": [], "working_dir": null, "volumes": [], "labels": [], "stop_signal": null,
        });
        serde_json::from_value(serde_json::json!({
            "version": 2, "tree": tree, "problems": [],
            "waste": {"reclaimable_bytes": 0, "by_cause": [], "dive": {"score": 1.0, "wasted_bytes": 0}},
            "image": {
                "format": "store", "names": [], "manifest_digest": null, "config_digest": "", "platform": "", "created": null,
                "config": config, "history": [], "layers": [], "size_bytes": 0, "uncompressed_bytes": 0,
            },
        }))
        .unwrap()
    }

    #[test]
    fn long_lists_stay_behind_and_the_tree_has_what_is_wanted() {
        let (a, b) = (
            analysis(&[("d/gone", 1), ("d/same", 1), ("other", 1)]),
            analysis(&[("d/same", 1), ("other", 2)]),
        );
        let whole = compare(&a, &b, CompareOptions::default());
        let compared = Compared::of(&whole);
        assert!(compared.comparison.files.is_empty());
        assert_eq!(
            (compared.comparison.config.len(), compared.config_cut),
            (KEPT_MAX, 100)
        );
        let paths = |wanted| {
            let tree = tree(&whole.files, wanted);
            (0..tree.len()).map(|at| tree.path(at)).collect::<Vec<_>>()
        };
        assert_eq!(paths(Wanted::ALL), ["d", "d/gone", "other"]);
        let no_removed = Wanted {
            removed: false,
            ..Wanted::ALL
        };
        assert_eq!(paths(no_removed), ["other"]);
        let all = tree(&whole.files, Wanted::ALL);
        assert!(all.node(2).aspects.has(Aspect::Content));
        assert_eq!(DifferenceTree::unpack(&all.pack()), Some(all));
    }
}

//! Bytes that ship and that nobody needs, by cause.
//!
//! First the copies that no path of the merged tree leads to, as the merge found them; then, of those that can be seen, second
//! copies of the same content, what package managers leave, and archives that were unpacked. Every copy is counted under
//! one cause, so that the sum is what a rebuild could save. Nothing here reads content: size, CRC-32, name and place decide.

mod duplicates;
mod leftovers;

use std::collections::BTreeMap;

use super::merge::{FileCopy, Merge};
use super::{LayerView, SameContent, Waste, WasteCause, WastedFile};

use duplicates::Duplicates;
pub(super) use duplicates::NAMED_BYTES_OF_COPY;
pub use leftovers::{PACKAGE_CACHES, PackageCache, is_archive, is_leftover_archive, package_cache};

/// Why a copy is wasted; the order is that in which causes are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    DeletedFolder,
    OpaqueFolder,
    DeletedFile,
    MetadataOnly,
    Overwritten,
    DuplicateContent,
    PackageCache,
    LeftoverArchive,
}

/// The names of all causes in the analysis, in the order in which they are tried.
pub const WASTE_CAUSES: [&str; 8] = [
    "deleted_folder",
    "opaque_folder",
    "deleted_file",
    "metadata_only",
    "overwritten",
    "duplicate_content",
    "package_cache",
    "leftover_archive",
];

impl Cause {
    /// The name in the analysis.
    fn name(self) -> &'static str {
        WASTE_CAUSES[self as usize]
    }
}

/// A copy that can be seen.
struct Seen<'m> {
    copy: &'m FileCopy<'m>,
    /// The first of its names that can be seen.
    path: &'m str,
    /// What every name of it says: a cache, an archive; none where one of them says nothing.
    leftover: Option<Cause>,
}

/// The waste of a merged image, and how many of its files don't say which copy is the same, because that would take too much
/// memory. `working_dir` is the config's.
pub(super) fn waste_of(
    merge: &Merge<'_>,
    layers: &[LayerView],
    working_dir: Option<&str>,
) -> (Waste, usize) {
    let mut by_cause: BTreeMap<Cause, Vec<WastedFile>> = BTreeMap::new();
    let mut add = |cause, path: &str, copy: &FileCopy<'_>, hidden_by, same_as| {
        by_cause.entry(cause).or_default().push(WastedFile {
            path: path.to_owned(),
            size_bytes: copy.entry.size_bytes,
            layer: copy.layer,
            hidden_by,
            same_as,
        });
    };
    for copy in merge.copies.iter().filter(|copy| copy.entry.size_bytes > 0) {
        if let Some((layer, cause)) = copy.hidden() {
            add(cause, &copy.entry.path, copy, Some(layer), None);
        }
    }
    let seen = seen(merge, working_dir);
    let mut duplicates = Duplicates::of(&seen, merge.copies.len());
    for (number, one) in seen.iter().enumerate() {
        if let Some(kept) = duplicates.kept_instead_of(number) {
            let same_as = duplicates.name(kept.path).then(|| SameContent {
                path: kept.path.to_owned(),
                layer: kept.copy.layer,
            });
            add(Cause::DuplicateContent, one.path, one.copy, None, same_as);
        } else if let Some(cause) = one.leftover {
            add(cause, one.path, one.copy, None, None);
        }
    }
    (sum(by_cause, layers, merge), duplicates.unnamed)
}

/// The copies with content that can be seen, in the order of the layers.
fn seen<'m>(merge: &'m Merge<'m>, working_dir: Option<&str>) -> Vec<Seen<'m>> {
    let mut names: Vec<Option<(&str, Option<Cause>)>> = vec![None; merge.copies.len()];
    for (path, copy) in merge.names() {
        let leftover = if package_cache(path).is_some() {
            Some(Cause::PackageCache)
        } else if is_leftover_archive(path, working_dir) {
            Some(Cause::LeftoverArchive)
        } else {
            None
        };
        match &mut names[copy] {
            // Content that has a name elsewhere too is needed there. pnpm links a project's files to those of its store.
            Some((_, first)) => *first = first.zip(leftover).map(|(one, other)| one.min(other)),
            unnamed => *unnamed = Some((path, leftover)),
        }
    }
    let copies = merge.copies.iter().zip(names);
    copies
        .filter(|(copy, _)| copy.entry.size_bytes > 0)
        .filter_map(|(copy, name)| {
            let (path, leftover) = name?;
            Some(Seen {
                copy,
                path,
                leftover,
            })
        })
        .collect()
}

/// The causes with their files, largest first, and what they come to.
fn sum(
    by_cause: BTreeMap<Cause, Vec<WastedFile>>,
    layers: &[LayerView],
    merge: &Merge<'_>,
) -> Waste {
    let mut waste = Waste {
        dive: merge.dive.figures(),
        ..Waste::default()
    };
    for (cause, mut files) in by_cause {
        files.sort_by(|one, other| {
            (other.size_bytes, &one.path, one.layer).cmp(&(
                one.size_bytes,
                &other.path,
                other.layer,
            ))
        });
        let mut found = WasteCause {
            cause: cause.name().to_owned(),
            reclaimable_bytes: 0,
            compressed_estimate_bytes: 0,
            files: Vec::new(),
        };
        for file in &files {
            let compressed = layers
                .get(file.layer)
                .map_or(0, |layer| compressed_bytes(file.size_bytes, layer));
            add_to(&mut found.reclaimable_bytes, file.size_bytes);
            add_to(&mut found.compressed_estimate_bytes, compressed);
        }
        add_to(&mut waste.reclaimable_bytes, found.reclaimable_bytes);
        add_to(
            &mut waste.compressed_estimate_bytes,
            found.compressed_estimate_bytes,
        );
        found.files = files;
        waste.by_cause.push(found);
    }
    waste
}

fn add_to(sum: &mut u64, bytes: u64) {
    *sum = sum.saturating_add(bytes);
}

/// What so many bytes of a layer take at rest, if they pack as well as the whole layer does: rounded down, and never more
/// than they are.
fn compressed_bytes(bytes: u64, layer: &LayerView) -> u64 {
    let tar = u128::from(layer.uncompressed_bytes.max(1));
    let at_rest = u128::from(bytes) * u128::from(layer.size_bytes) / tar;
    u64::try_from(at_rest).map_or(bytes, |at_rest| at_rest.min(bytes))
}

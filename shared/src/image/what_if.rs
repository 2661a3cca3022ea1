//! What an image would weigh without some of its files, folders, layers or waste, before anyone builds it again.
//!
//! What is left out is counted as if it had never been written: every copy of it in every layer goes. Sizes are of tars: an entry
//! takes a header of 512 bytes and its content in blocks of 512 (POSIX pax, "ustar Interchange Format"). Extended headers, which
//! long names need, and whiteouts of what is left out stay counted, so that a rebuild saves at least what is said here. What an
//! instruction does beside these files (a database of packages that names them) is not known.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Change, EntryKind, ImageAnalysis, LayerEntry, WasteCause};

/// Bytes of a tar's header, and of the blocks that content is written in.
const BLOCK_BYTES: u64 = 512;

/// Something that is left out. Their order is that in which bytes are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// A layer, by index, with all that it holds.
    Layer(usize),
    /// A path, relative to the image's root, with all that lies below it; the empty one is all.
    Path(String),
    /// All that is wasted by a cause, by its name in the analysis.
    Waste(String),
}

/// What an image would weigh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// The layers' tars as they are, in bytes.
    pub uncompressed_bytes: u64,
    /// The layers as they lie, in bytes.
    pub size_bytes: u64,
    /// What goes of the tars, at least.
    pub saved_bytes: u64,
    /// What goes of the layers as they lie: of a whole layer all, else by its ratio of bytes at rest to those of its tar, rounded
    /// down.
    pub saved_compressed_estimate_bytes: u64,
    /// What each part saves. Each byte counts once, by the first part that it belongs to, so that the sum is the whole.
    pub parts: Vec<WhatIfPart>,
    /// Every layer of the image.
    pub layers: Vec<WhatIfLayer>,
}

/// One thing that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfPart {
    /// Which.
    pub left_out: LeftOut,
    /// Entries of layers' tars that go; none where the image has nothing of the kind.
    pub entries: u64,
    /// Their bytes in the tars.
    pub saved_bytes: u64,
}

/// A layer without what is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfLayer {
    /// Its place, from 0.
    pub index: usize,
    /// Entries that go.
    pub entries: u64,
    /// What goes of its tar, in bytes.
    pub saved_bytes: u64,
    /// What goes of it as it lies, estimated.
    pub saved_compressed_estimate_bytes: u64,
}

/// What an image would weigh without these. What the image does not have saves nothing.
#[must_use]
pub fn what_if(analysis: &ImageAnalysis, left_out: &[LeftOut]) -> WhatIf {
    let mut left_out = left_out.to_vec();
    left_out.sort();
    left_out.dedup();
    let image = &analysis.image;
    let part = |left_out| WhatIfPart {
        left_out,
        entries: 0,
        saved_bytes: 0,
    };
    let layer = |index| WhatIfLayer {
        index,
        ..WhatIfLayer::default()
    };
    let mut count = Count {
        parts: left_out.iter().cloned().map(part).collect(),
        layers: (0..image.layers.len()).map(layer).collect(),
    };
    let asked = Asked::of(&left_out, analysis);
    for (number, left_out) in left_out.iter().enumerate() {
        if let LeftOut::Layer(index) = left_out
            && let Some(layer) = image.layers.get(*index)
        {
            let held = layer.entries.iter();
            let held = held.filter(|entry| entry.change != Change::Removed).count();
            count.add(number, *index, held as u64, layer.uncompressed_bytes);
        }
    }
    count_paths(&asked, analysis, &mut count);
    for (number, left_out) in left_out.iter().enumerate() {
        let mut causes = analysis.waste.by_cause.iter();
        if let LeftOut::Waste(name) = left_out
            && let Some(cause) = causes.find(|cause| cause.cause == *name)
        {
            count_cause(number, cause, &asked, analysis, &mut count);
        }
    }
    count.finish(analysis)
}

/// What goes, while it is counted.
struct Count {
    parts: Vec<WhatIfPart>,
    layers: Vec<WhatIfLayer>,
}

impl Count {
    fn add(&mut self, part: usize, layer: usize, entries: u64, bytes: u64) {
        let (part, layer) = (&mut self.parts[part], &mut self.layers[layer]);
        part.entries += entries;
        part.saved_bytes = part.saved_bytes.saturating_add(bytes);
        layer.entries += entries;
        layer.saved_bytes = layer.saved_bytes.saturating_add(bytes);
    }

    fn finish(mut self, analysis: &ImageAnalysis) -> WhatIf {
        let image = &analysis.image;
        for (layer, view) in self.layers.iter_mut().zip(&image.layers) {
            // A header may claim more than there is, and a layer may be truncated.
            layer.saved_bytes = layer.saved_bytes.min(view.uncompressed_bytes);
            let share = u128::from(layer.saved_bytes) * u128::from(view.size_bytes)
                / u128::from(view.uncompressed_bytes.max(1));
            layer.saved_compressed_estimate_bytes = u64::try_from(share).unwrap_or(view.size_bytes);
        }
        let sum = |of: fn(&WhatIfLayer) -> u64| {
            let bytes = self.layers.iter().map(of);
            bytes.fold(0_u64, u64::saturating_add)
        };
        WhatIf {
            uncompressed_bytes: image.uncompressed_bytes,
            size_bytes: image.size_bytes,
            saved_bytes: sum(|layer| layer.saved_bytes),
            saved_compressed_estimate_bytes: sum(|layer| layer.saved_compressed_estimate_bytes),
            parts: self.parts,
            layers: self.layers,
        }
    }
}

/// What was asked for, to be looked up.
struct Asked<'a> {
    layers: HashSet<usize>,
    /// The number of each path's part.
    paths: HashMap<&'a str, usize>,
    /// Paths that are left out and whose content ships all the same, because a hard link that stays leads to it.
    needed: HashSet<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(left_out: &'a [LeftOut], analysis: &'a ImageAnalysis) -> Self {
        let layers = left_out.iter().filter_map(|one| match one {
            LeftOut::Layer(index) => Some(*index),
            _ => None,
        });
        let paths = left_out.iter().enumerate();
        let paths = paths.filter_map(|(number, one)| match one {
            LeftOut::Path(path) => Some((path.as_str(), number)),
            _ => None,
        });
        let mut asked = Self {
            layers: layers.collect(),
            paths: paths.collect(),
            needed: HashSet::new(),
        };
        if !asked.paths.is_empty() {
            asked.needed = asked.needed_of(analysis);
        }
        asked
    }

    /// The part that a path belongs to: that of the highest folder above it that is left out, or its own.
    fn part_of(&self, path: &str) -> Option<usize> {
        if self.paths.is_empty() {
            return None;
        }
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        std::iter::once("")
            .chain(above)
            .chain(std::iter::once(path))
            .find_map(|path| self.paths.get(path).copied())
    }

    /// Whether the content of a file goes with its path.
    fn content_goes(&self, path: &str) -> bool {
        self.part_of(path).is_some() && !self.needed.contains(path)
    }

    fn needed_of(&self, analysis: &'a ImageAnalysis) -> HashSet<&'a str> {
        let layers = analysis.image.layers.iter();
        let layers = layers.filter(|layer| !self.layers.contains(&layer.index));
        let links = layers
            .flat_map(|layer| &layer.entries)
            .filter(|entry| entry.kind == EntryKind::Hardlink && entry.change != Change::Removed);
        let mut needed = HashSet::new();
        // Links that go themselves, which another may lead through.
        let mut gone: HashMap<&str, &str> = HashMap::new();
        for link in links {
            let Some(target) = link.link.as_deref() else {
                continue;
            };
            if self.part_of(&link.path).is_some() {
                gone.insert(&link.path, target);
            } else if self.part_of(target).is_some() {
                needed.insert(target);
            }
        }
        let mut open: Vec<&str> = needed.iter().copied().collect();
        while let Some(path) = open.pop() {
            if let Some(target) = gone.get(path)
                && needed.insert(target)
            {
                open.push(target);
            }
        }
        needed
    }
}

/// Counts what lies at or below the paths that are left out.
fn count_paths(asked: &Asked<'_>, analysis: &ImageAnalysis, count: &mut Count) {
    if asked.paths.is_empty() {
        return;
    }
    for layer in &analysis.image.layers {
        if asked.layers.contains(&layer.index) {
            continue;
        }
        for entry in &layer.entries {
            if entry.change == Change::Removed {
                continue;
            }
            let Some(part) = asked.part_of(&entry.path) else {
                continue;
            };
            let content = match entry.kind {
                EntryKind::File if !asked.needed.contains(entry.path.as_str()) => entry.size_bytes,
                _ => 0,
            };
            count.add(part, layer.index, 1, tar_bytes(content));
        }
    }
    // Copies that their own layer wrote over are no entries of it any more, and ship.
    for cause in &analysis.waste.by_cause {
        for file in &cause.files {
            let is_inside = file.hidden_by == Some(file.layer);
            if is_inside
                && !asked.layers.contains(&file.layer)
                && let Some(part) = asked.part_of(&file.path)
            {
                count.add(part, file.layer, 1, tar_bytes(file.size_bytes));
            }
        }
    }
}

/// Counts what is wasted by a cause and was not left out by a path or a layer.
fn count_cause(
    part: usize,
    cause: &WasteCause,
    asked: &Asked<'_>,
    analysis: &ImageAnalysis,
    count: &mut Count,
) {
    // Of content whose kept copy goes, one of the others has to stay.
    let mut kept_instead = HashSet::new();
    for file in &cause.files {
        let Some(layer) = analysis.image.layers.get(file.layer) else {
            continue;
        };
        if asked.layers.contains(&file.layer) {
            continue;
        }
        let path = file_of(&layer.entries, &file.path);
        if asked.content_goes(path) {
            continue;
        }
        let Some(same) = &file.same_as else {
            count.add(part, file.layer, 1, tar_bytes(file.size_bytes));
            continue;
        };
        let is_gone = asked.layers.contains(&same.layer) || asked.content_goes(&same.path);
        if is_gone && kept_instead.insert((same.layer, same.path.as_str())) {
            continue;
        }
        // A second copy becomes a link, which has a header too.
        let content = tar_bytes(file.size_bytes) - BLOCK_BYTES;
        count.add(part, file.layer, 1, content);
    }
}

/// The path of the file whose content a layer's path leads to.
fn file_of<'a>(entries: &'a [LayerEntry], path: &'a str) -> &'a str {
    let found = entries.binary_search_by(|entry| entry.path.as_str().cmp(path));
    match found.ok().map(|at| &entries[at]) {
        Some(entry) if entry.kind == EntryKind::Hardlink => entry.link.as_deref().unwrap_or(path),
        _ => path,
    }
}

/// What a file of so many bytes takes in a tar.
fn tar_bytes(content: u64) -> u64 {
    content
        .checked_next_multiple_of(BLOCK_BYTES)
        .and_then(|blocks| blocks.checked_add(BLOCK_BYTES))
        .unwrap_or(u64::MAX)
}

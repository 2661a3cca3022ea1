//! The merged trees side by side: both are sorted by path, so one walk over both finds what differs.

use std::cmp::Ordering;

use super::super::{EntryKind, TreeEntry};
use super::folders::Folders;
use super::{Aspect, Aspects, FileChange, FileDifference, FileSide, FileTotals, FolderChange};

/// What the walk found.
#[derive(Default)]
pub(super) struct Files {
    pub(super) totals: FileTotals,
    pub(super) changes: Vec<FileChange>,
    pub(super) folders: Vec<FolderChange>,
    pub(super) folders_left_out: u64,
}

/// Walks over both trees.
pub(super) fn compare(a: &[TreeEntry], b: &[TreeEntry], semantic: bool) -> Files {
    let (a, b) = (in_order(a), in_order(b));
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    let mut files = Files::default();
    let mut folders = Folders::default();
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(one), Some(two)) => one.path.cmp(&two.path),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let one = a.next_if(|_| order != Ordering::Greater);
        let two = b.next_if(|_| order != Ordering::Less);
        let change = change(one, two, semantic);
        let Some(path) = two.or(one).map(|entry| entry.path.as_str()) else {
            break;
        };
        let bytes = |entry: Option<&TreeEntry>| entry.map_or(0, |entry| entry.size_bytes);
        folders.add(path, bytes(one), bytes(two), change.is_some());
        files.count(change.as_ref());
        files.changes.extend(change);
    }
    (files.folders, files.folders_left_out) = folders.finish();
    files
}

/// The entries by path. They are sorted already unless the document was made by hand.
fn in_order(tree: &[TreeEntry]) -> Vec<&TreeEntry> {
    let mut entries: Vec<&TreeEntry> = tree.iter().collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    entries
}

/// How a path differs; none where it doesn't.
fn change(a: Option<&TreeEntry>, b: Option<&TreeEntry>, semantic: bool) -> Option<FileChange> {
    let (difference, aspects) = match (a, b) {
        (Some(one), Some(two)) => {
            let aspects = aspects(one, two, semantic);
            let difference = if aspects.has(Aspect::Kind) {
                FileDifference::Kind
            } else if aspects.has(Aspect::Content) {
                FileDifference::Content
            } else {
                FileDifference::Metadata
            };
            if aspects.is_empty() {
                return None;
            }
            (difference, aspects)
        }
        (None, _) => (FileDifference::Added, Aspects::default()),
        (_, None) => (FileDifference::Removed, Aspects::default()),
    };
    Some(FileChange {
        path: b.or(a)?.path.as_str().into(),
        difference,
        aspects,
        a: a.map(side),
        b: b.map(side),
    })
}

/// What of a path differs. Of two kinds, content and link say nothing more.
fn aspects(a: &TreeEntry, b: &TreeEntry, semantic: bool) -> Aspects {
    let mut differs = Aspects::default();
    let is_file = |entry: &TreeEntry| matches!(entry.kind, EntryKind::File | EntryKind::Hardlink);
    match (is_file(a), is_file(b)) {
        (true, true) => {
            differs.note(Aspect::Content, !has_same_content(a, b));
            differs.note(Aspect::Link, a.link != b.link);
        }
        (false, false) if a.kind == b.kind => differs.note(Aspect::Link, a.link != b.link),
        _ => differs.note(Aspect::Kind, true),
    }
    differs.note(Aspect::Mode, a.mode != b.mode);
    differs.note(Aspect::Owner, (a.uid, a.gid) != (b.uid, b.gid));
    differs.note(Aspect::Mtime, !semantic && a.mtime != b.mtime);
    differs
}

/// Whether two files hold the same. A hard link's own size is not known, and its checksum is that of what it leads to.
fn has_same_content(a: &TreeEntry, b: &TreeEntry) -> bool {
    let sizes_are_known = a.kind == EntryKind::File && b.kind == EntryKind::File;
    a.crc == b.crc && (!sizes_are_known || whole_bytes(a) == whole_bytes(b))
}

/// A file's bytes, with the zeros that a layer leaves out of a sparse one.
fn whole_bytes(entry: &TreeEntry) -> u64 {
    entry.apparent_bytes.unwrap_or(entry.size_bytes)
}

fn side(entry: &TreeEntry) -> Box<FileSide> {
    Box::new(FileSide {
        kind: entry.kind,
        size_bytes: entry.size_bytes,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime,
        link: entry.link.as_deref().map(Box::from),
        layer: entry.layer,
    })
}

impl Files {
    fn count(&mut self, change: Option<&FileChange>) {
        let totals = &mut self.totals;
        let Some(change) = change else {
            totals.unchanged += 1;
            return;
        };
        let bytes = change.weight_bytes();
        let (number, sum) = match change.difference {
            FileDifference::Added => (&mut totals.added, Some(&mut totals.added_bytes)),
            FileDifference::Removed => (&mut totals.removed, Some(&mut totals.removed_bytes)),
            FileDifference::Kind => (&mut totals.kind, Some(&mut totals.content_bytes)),
            FileDifference::Content => (&mut totals.content, Some(&mut totals.content_bytes)),
            FileDifference::Metadata => (&mut totals.metadata, None),
        };
        *number += 1;
        if let Some(sum) = sum {
            *sum = sum.saturating_add(bytes);
        }
    }
}

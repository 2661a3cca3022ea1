//! What is dangerous in an image, by kind.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::facts::Fact;
use super::super::{Danger, DangerGroup, DangerKind, RunsAs};
use super::{Seen, config};
use crate::image::{EntryKind, TreeEntry};

/// Most dangers of one kind that are listed: with `chmod -R 777` each file is one.
const LISTED_MAX: usize = 1000;

/// What was found so far.
#[derive(Default)]
pub(super) struct Dangers {
    groups: BTreeMap<DangerKind, DangerGroup>,
}

impl Dangers {
    /// Lists a danger, or counts it where there are very many of its kind.
    pub(super) fn add(&mut self, kind: DangerKind, danger: Danger) {
        let group = self.groups.entry(kind).or_insert_with(|| DangerGroup {
            kind,
            count: 0,
            found: Vec::new(),
        });
        group.count += 1;
        if group.found.len() < LISTED_MAX {
            group.found.push(danger);
        }
    }
}

/// All dangers.
pub(super) fn dangers(seen: &Seen<'_, '_>, user: &RunsAs) -> Vec<DangerGroup> {
    let mut found = Dangers::default();
    secret_files(seen, &mut found);
    config::secrets(seen, &mut found);
    if user.is_root {
        let (detail, line) = (user.configured.clone(), config::user_line(seen.history));
        found.add(
            DangerKind::RootUser,
            Danger {
                detail,
                line,
                ..Danger::default()
            },
        );
    }
    for entry in seen.tree {
        by_mode(entry, &mut found);
    }
    let capable = seen.visible(|fact| match fact {
        Fact::Capabilities(text) => Some(text),
        _ => None,
    });
    let mut capable: Vec<_> = capable.into_iter().collect();
    capable.sort_unstable_by_key(|(path, _)| *path);
    for (path, (layer, text)) in capable {
        found.add(
            DangerKind::Capabilities,
            Danger {
                path: Some(path.to_owned()),
                layer: Some(layer),
                detail: text.to_string(),
                ..Danger::default()
            },
        );
    }
    found.groups.into_values().collect()
}

/// What an entry's mode allows.
fn by_mode(entry: &TreeEntry, found: &mut Dangers) {
    let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Hardlink);
    let is_program = is_file && entry.mode & 0o111 != 0;
    let kinds = [
        (is_program && entry.mode & 0o4000 != 0, DangerKind::Setuid),
        // Without the group's x bit it means a lock (fcntl(2), "Mandatory locking").
        (is_file && entry.mode & 0o2010 == 0o2010, DangerKind::Setgid),
        (
            is_file && entry.mode & 0o002 != 0,
            DangerKind::WorldWritableFile,
        ),
        (
            entry.kind == EntryKind::Directory && entry.mode & 0o1002 == 0o002,
            DangerKind::WorldWritableFolder,
        ),
    ];
    for (_, kind) in kinds.into_iter().filter(|(applies, _)| *applies) {
        found.add(
            kind,
            Danger {
                path: Some(entry.path.clone()),
                layer: Some(entry.layer),
                detail: format!("{:04o} {}:{}", entry.mode, entry.uid, entry.gid),
                ..Danger::default()
            },
        );
    }
}

/// Files that look like secrets, those included that a later layer hides.
fn secret_files(seen: &Seen<'_, '_>, found: &mut Dangers) {
    let mut secrets = Vec::new();
    let mut places = HashSet::new();
    for (layer, fact) in seen.facts() {
        if let Fact::Secret { kind, excerpt } = &fact.fact {
            // A second copy in the same layer is the same finding.
            if places.insert((layer, &*fact.path)) {
                secrets.push((&*fact.path, layer, *kind, excerpt));
            }
        }
    }
    if secrets.is_empty() {
        return;
    }
    let mut hidden: HashMap<(usize, &str), Option<usize>> = HashMap::new();
    for copy in seen.copies {
        let place = (copy.layer, &*copy.entry.path);
        if places.contains(&place) {
            let by = copy.hidden().map(|(layer, _)| layer);
            let known = hidden.entry(place).or_insert(by);
            // Of two copies in a layer, one that can be seen decides.
            *known = known.and(by);
        }
    }
    secrets.sort_unstable_by_key(|(path, layer, ..)| (*path, *layer));
    for (path, layer, kind, excerpt) in secrets {
        found.add(
            kind,
            Danger {
                path: Some(path.to_owned()),
                layer: Some(layer),
                hidden_by: hidden.get(&(layer, path)).copied().flatten(),
                line: seen
                    .history
                    .iter()
                    .position(|line| line.layer == Some(layer)),
                detail: excerpt.to_string(),
            },
        );
    }
}

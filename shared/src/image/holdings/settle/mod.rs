//! From the facts of all layers to what the image holds: only what is visible in the merged tree counts as installed, while a
//! secret counts wherever it ships.

mod config;
mod dangers;
mod packages;

use std::collections::HashMap;
use std::sync::Arc;

use super::facts::{Fact, FileFact, UserFact};
use super::{Distribution, Holdings, RunsAs, Shell, Unread, UnreadReason};
use crate::image::merge::FileCopy;
use crate::image::path::{normalise, parent};
use crate::image::{ConfigView, EntryKind, HistoryView, LayerIndex, LayerPart, TreeEntry};

/// Most files that are listed as not read.
const UNREAD_MAX: usize = 200;

/// Links that are followed from a shell's name.
const LINKS_MAX: usize = 8;

/// Where shells are.
const SHELL_FOLDERS: [&str; 5] = ["bin", "usr/bin", "sbin", "usr/sbin", "usr/local/bin"];

/// What they are called.
const SHELL_NAMES: [&str; 11] = [
    "sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "tcsh", "zsh",
];

/// What is known of an image when its layers are merged.
pub(in crate::image) struct Seen<'a, 'c> {
    pub(in crate::image) tree: &'a [TreeEntry],
    pub(in crate::image) layers: &'a [LayerPart],
    pub(in crate::image) copies: &'a [FileCopy<'c>],
    pub(in crate::image) config: &'a ConfigView,
    pub(in crate::image) history: &'a [HistoryView],
}

impl<'a> Seen<'a, '_> {
    /// The place of a path in the tree.
    fn place(&self, path: &str) -> Option<usize> {
        self.tree
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .ok()
    }

    /// The layers' indexes, by number.
    fn indexes(&self) -> impl Iterator<Item = (usize, &'a Arc<LayerIndex>)> {
        let indexes = self.layers.iter().enumerate();
        indexes.filter_map(|(number, part)| Some((number, part.index.as_ref().ok()?)))
    }

    /// All facts, lowest layer first.
    fn facts(&self) -> impl Iterator<Item = (usize, &'a FileFact)> {
        let of_layer = |(number, index): (usize, &'a Arc<LayerIndex>)| {
            index.facts.files.iter().map(move |fact| (number, fact))
        };
        self.indexes().flat_map(of_layer)
    }

    /// Whether what this layer has at the path is what the tree has there.
    fn is_visible(&self, layer: usize, path: &str) -> bool {
        self.place(path)
            .is_some_and(|place| self.tree[place].layer == layer)
    }

    /// The facts of what is visible, by path; where a layer has several copies, those of the last.
    fn visible<T>(&self, of: impl Fn(&'a Fact) -> Option<T>) -> HashMap<&'a str, (usize, T)> {
        let mut found = HashMap::new();
        for (layer, fact) in self.facts() {
            if let Some(kept) = of(&fact.fact)
                && self.is_visible(layer, &fact.path)
            {
                found.insert(&*fact.path, (layer, kept));
            }
        }
        found
    }
}

/// What an image holds.
pub(in crate::image) fn settle(seen: &Seen<'_, '_>) -> Holdings {
    let distribution = distribution(seen);
    let user = runs_as(seen);
    let (by_kind, packages) = packages::packages(seen, distribution.as_ref());
    Holdings {
        dangers: dangers::dangers(seen, &user),
        distribution,
        user,
        by_kind,
        packages,
        shells: shells(seen),
        unread: unread(seen),
    }
}

/// `etc/os-release` is before `usr/lib/os-release` (os-release(5)).
fn distribution(seen: &Seen<'_, '_>) -> Option<Distribution> {
    let mut found = seen.visible(|fact| match fact {
        Fact::Release(release) => Some(release),
        _ => None,
    });
    let first = found
        .remove("etc/os-release")
        .or_else(|| found.remove("usr/lib/os-release"));
    first.map(|(_, release)| release.clone())
}

/// The config's user, with what the image's `etc/passwd` knows of it.
fn runs_as(seen: &Seen<'_, '_>) -> RunsAs {
    let configured = seen.config.user.clone().unwrap_or_default();
    let users = seen.visible(|fact| match fact {
        Fact::Users(users) => Some(users),
        _ => None,
    });
    let users: &[UserFact] = users
        .get("etc/passwd")
        .map_or(&[], |(_, users)| users.as_slice());
    let user = configured.split(':').next().unwrap_or_default();
    let (name, uid) = match user.parse::<u64>() {
        Ok(uid) => {
            let named = users.iter().find(|known| known.uid == uid);
            (named.map(|known| known.name.to_string()), Some(uid))
        }
        Err(_) if user.is_empty() => (Some("root".to_owned()), Some(0)),
        Err(_) => {
            let known = users
                .iter()
                .find(|known| &*known.name == user)
                .map(|known| known.uid);
            (
                Some(user.to_owned()),
                known.or((user == "root").then_some(0)),
            )
        }
    };
    RunsAs {
        is_root: uid == Some(0),
        configured,
        name,
        uid,
    }
}

/// Programs with a shell's name where shells are; links count where they lead to something.
fn shells(seen: &Seen<'_, '_>) -> Vec<Shell> {
    let mut found = Vec::new();
    for folder in SHELL_FOLDERS {
        for name in SHELL_NAMES {
            let path = format!("{folder}/{name}");
            let Some(place) = seen.place(&path) else {
                continue;
            };
            if leads_to_program(seen, place) {
                let layer = seen.tree[place].layer;
                found.push(Shell { path, layer });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn leads_to_program(seen: &Seen<'_, '_>, mut place: usize) -> bool {
    for _ in 0..LINKS_MAX {
        let entry = &seen.tree[place];
        let target = match (entry.kind, entry.link.as_deref()) {
            (EntryKind::File | EntryKind::Hardlink, _) => return entry.mode & 0o111 != 0,
            (EntryKind::Symlink, Some(target)) => target,
            _ => return false,
        };
        let full = match target.starts_with('/') {
            true => target.to_owned(),
            false => format!("{}/{target}", parent(&entry.path)),
        };
        let path = normalise(full.as_bytes()).path;
        // Where `bin` is a link itself, its files lie in `usr/bin`.
        let next = seen
            .place(&path)
            .or_else(|| seen.place(&format!("usr/{path}")));
        match next {
            Some(next) => place = next,
            None => return false,
        }
    }
    false
}

/// What was not read of what is visible, and where a layer's limit was reached.
fn unread(seen: &Seen<'_, '_>) -> Vec<Unread> {
    let mut found: Vec<_> = seen
        .visible(|fact| match fact {
            Fact::Unread(reason) => Some(*reason),
            _ => None,
        })
        .into_iter()
        .map(|(path, (layer, reason))| Unread {
            path: Some(path.to_owned()),
            layer,
            reason,
        })
        .collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found.truncate(UNREAD_MAX);
    let over = seen.indexes().filter(|(_, index)| index.facts.left_out > 0);
    found.extend(over.map(|(layer, _)| Unread {
        path: None,
        layer,
        reason: UnreadReason::Limit,
    }));
    found
}

//! All containers in memory: the one place where names are unique and states change.
//!
//! The lock is held for moments and never across an await; what takes time (a start, a removal) holds the container's
//! own gate instead.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use estiva_runtime::Started;
use estiva_shared::{
    image::Digest,
    protocol::{ContainerStatus, PublishedPort},
};
use tokio::sync::watch;

use crate::{
    ContainerId, EngineError,
    entry::Entry,
    name::ContainerName,
    similar::similar,
    status::{can_follow, is_final},
};

/// How many containers that are no more are remembered, for who asks for their end a moment too late. More than start
/// and end in a second.
const DEPARTED_MAX: usize = 256;

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<ContainerId, Arc<Entry>>,
    names: HashMap<ContainerName, ContainerId>,
    /// The images of containers that are being made.
    reserved: HashMap<ContainerId, Digest>,
    /// How containers ended that are no more, oldest first.
    departed: VecDeque<(ContainerId, ContainerStatus)>,
}

/// All containers.
#[derive(Debug, Default)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    revision: watch::Sender<u64>,
}

/// A name that is taken for a container that is being made. Dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    table: &'a Table,
    id: ContainerId,
    name: ContainerName,
}

impl Reservation<'_> {
    /// The name.
    pub(crate) fn name(&self) -> &ContainerName {
        &self.name
    }

    /// The container exists now.
    pub(crate) fn fulfil(self, entry: Arc<Entry>) {
        {
            let mut inner = self.table.lock();
            inner.names.insert(self.name.clone(), self.id.clone());
            inner.entries.insert(self.id.clone(), entry);
        }
        self.table.announce();
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut inner = self.table.lock();
        inner.reserved.remove(&self.id);
        if !inner.entries.contains_key(&self.id) && inner.names.get(&self.name) == Some(&self.id) {
            inner.names.remove(&self.name);
        }
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under the lock can leave the maps half changed, so that a panic elsewhere is no reason to stop.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Fires at each change of the list.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Takes the name, or one of our own where none is asked for, for the container with this id.
    ///
    /// # Errors
    /// [`EngineError::NameTaken`].
    pub(crate) fn reserve(
        &self,
        id: &ContainerId,
        name: Option<ContainerName>,
        image_id: Digest,
    ) -> Result<Reservation<'_>, EngineError> {
        let mut inner = self.lock();
        let name = match name {
            Some(name) => match inner.names.get(&name) {
                Some(owner) => {
                    return Err(EngineError::NameTaken {
                        name: name.to_string(),
                        id: owner.to_string(),
                    });
                }
                None => name,
            },
            None => free_name(&inner.names)?,
        };
        inner.names.insert(name.clone(), id.clone());
        inner.reserved.insert(id.clone(), image_id);
        Ok(Reservation {
            table: self,
            id: id.clone(),
            name,
        })
    }

    /// Adds a container that was found again.
    pub(crate) fn adopt(&self, entry: Arc<Entry>) {
        {
            let mut inner = self.lock();
            let id = entry.record.id.clone();
            // Two folders with one name can only come from a copy made by hand; the first has it, the other its id.
            inner
                .names
                .entry(entry.record.name.clone())
                .or_insert_with(|| id.clone());
            inner.entries.insert(id, entry);
        }
        self.announce();
    }

    /// The container is no more.
    pub(crate) fn remove(&self, entry: &Entry) {
        {
            let mut inner = self.lock();
            if inner.departed.len() == DEPARTED_MAX {
                inner.departed.pop_front();
            }
            inner
                .departed
                .push_back((entry.record.id.clone(), entry.state().status));
            inner.entries.remove(&entry.record.id);
            if inner.names.get(&entry.record.name) == Some(&entry.record.id) {
                inner.names.remove(&entry.record.name);
            }
        }
        self.announce();
    }

    /// Moves a container on to its next status, where the rules allow it; tells whether they did.
    pub(crate) fn advance(
        &self,
        entry: &Entry,
        status: ContainerStatus,
        started: Option<Started>,
    ) -> bool {
        let moved = entry.state.send_if_modified(|state| {
            let allowed = can_follow(&state.status, &status);
            if allowed {
                state.status = status;
                state.started = started.or(state.started);
            }
            allowed
        });
        if moved {
            self.announce();
        }
        moved
    }

    /// All that belonged to the container's run is gone.
    pub(crate) fn settle(&self, entry: &Entry) {
        entry.state.send_modify(|state| state.settled = true);
    }

    /// All containers, newest first.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> = self.lock().entries.values().cloned().collect();
        entries.sort_by(|one, other| {
            (other.record.created_ms, &other.record.id)
                .cmp(&(one.record.created_ms, &one.record.id))
        });
        entries
    }

    /// Whether the container is there and has not ended.
    pub(crate) fn is_live(&self, id: &ContainerId) -> bool {
        let inner = self.lock();
        inner
            .entries
            .get(id)
            .is_some_and(|entry| !is_final(&entry.state().status))
    }

    /// The container with this name, this id, or an id that alone begins so.
    ///
    /// # Errors
    /// [`EngineError::UnknownContainer`], [`EngineError::AmbiguousId`].
    pub(crate) fn find(&self, asked: &str) -> Result<Arc<Entry>, EngineError> {
        let inner = self.lock();
        let named = asked
            .parse::<ContainerName>()
            .ok()
            .and_then(|name| inner.names.get(&name));
        if let Some(entry) = named.and_then(|id| inner.entries.get(id)) {
            return Ok(Arc::clone(entry));
        }
        let mut fitting: Vec<_> = inner
            .entries
            .values()
            .filter(|entry| !asked.is_empty() && entry.record.id.as_str().starts_with(asked))
            .collect();
        match (fitting.pop(), fitting.is_empty()) {
            (Some(entry), true) => Ok(Arc::clone(entry)),
            (Some(entry), false) => {
                fitting.push(entry);
                let mut matches: Vec<_> = fitting
                    .iter()
                    .map(|entry| entry.name().to_owned())
                    .collect();
                matches.sort();
                Err(EngineError::AmbiguousId {
                    prefix: asked.to_owned(),
                    matches,
                })
            }
            (None, _) => Err(EngineError::UnknownContainer {
                name: asked.to_owned(),
                similar: similar(asked, inner.entries.values().map(|entry| entry.name())),
            }),
        }
    }

    /// The name of the running container that publishes a port which is the one meant.
    pub(crate) fn publisher(&self, is_it: &dyn Fn(&PublishedPort) -> bool) -> Option<String> {
        let entries = self.entries();
        let publishes = |entry: &&Arc<Entry>| {
            let ports = entry.attachment.iter().flat_map(|held| &held.ports);
            entry.state().status == ContainerStatus::Running && ports.into_iter().any(is_it)
        };
        entries
            .iter()
            .find(publishes)
            .map(|entry| entry.name().to_owned())
    }

    /// How a container ended that is no more, by its whole id.
    pub(crate) fn departed(&self, id: &str) -> Option<ContainerStatus> {
        let inner = self.lock();
        let found = inner
            .departed
            .iter()
            .rev()
            .find(|(departed, _)| departed.as_str() == id);
        found.map(|(_, status)| status.clone())
    }

    /// The names of the containers that are made, or being made, from this image, sorted.
    pub(crate) fn in_use(&self, image_id: &Digest) -> Vec<String> {
        let inner = self.lock();
        let mut names: Vec<_> = inner
            .names
            .iter()
            .filter(|(_, id)| {
                inner.reserved.get(*id) == Some(image_id)
                    || inner
                        .entries
                        .get(*id)
                        .is_some_and(|entry| entry.record.image_id == *image_id)
            })
            .map(|(name, _)| name.to_string())
            .collect();
        names.sort();
        names
    }
}

/// A name of our own that no container has.
fn free_name(names: &HashMap<ContainerName, ContainerId>) -> Result<ContainerName, EngineError> {
    // With a number it is one of two hundred million; only a broken random source would go on.
    (0..u32::MAX)
        .map(ContainerName::random)
        .find(|name| !name.as_ref().is_ok_and(|name| names.contains_key(name)))
        .and_then(Result::ok)
        .ok_or_else(|| EngineError::Internal {
            reason: "no random bytes for a name".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use estiva_shared::protocol::{Limits, NetworkMode};

    use super::*;
    use crate::{
        entry::State,
        folder::ContainerFolder,
        record::{ContainerRecord, RECORD_VERSION},
    };

    fn id(start: &str) -> ContainerId {
        format!("{start}{}", "0".repeat(64 - start.len()))
            .parse()
            .unwrap()
    }

    fn add(table: &Table, start: &str, name: &str) -> Arc<Entry> {
        let id = id(start);
        let reservation = table
            .reserve(&id, Some(name.parse().unwrap()), Digest::of(b"image"))
            .unwrap();
        let record = ContainerRecord {
            version: RECORD_VERSION,
            name: reservation.name().clone(),
            image: "busybox".to_owned(),
            image_id: Digest::of(b"image"),
            command: Vec::new(),
            env: Vec::new(),
            workdir: "/".to_owned(),
            user: None,
            hostname: String::new(),
            stop_signal: 15,
            limits: Limits::default(),
            network: NetworkMode::None,
            remove: false,
            no_new_privileges: false,
            interactive: false,
            terminal: false,
            terminal_size: None,
            mounts: Vec::new(),
            anonymous: Vec::new(),
            read_only: false,
            host_ca: None,
            created_ms: 0,
            failure: None,
            id,
        };
        let folder = ContainerFolder::of(Path::new("/nowhere"), &record.id);
        let state = State {
            status: ContainerStatus::Created,
            started: None,
            settled: false,
        };
        let entry = Entry::new(record, folder, state);
        reservation.fulfil(Arc::clone(&entry));
        entry
    }

    #[test]
    fn finds_by_name_id_and_unique_start() {
        let table = Table::default();
        add(&table, "abc1", "web");
        add(&table, "abc2", "worker");
        // A name wins over the start of an id.
        add(&table, "f00d", "abc1");
        let found = |asked: &str| table.find(asked).map(|entry| entry.name().to_owned());
        assert_eq!(found("web").unwrap(), "web");
        assert_eq!(found("abc2").unwrap(), "worker");
        assert_eq!(found("abc1").unwrap(), "abc1");
        assert_eq!(found(id("abc1").as_str()).unwrap(), "web");
        let ambiguous = found("abc").unwrap_err();
        assert_eq!(ambiguous.hint().unwrap(), "it fits: web, worker");
        assert_eq!(found("").unwrap_err().code(), "unknown-container");
        assert_eq!(
            found("wep").unwrap_err().hint().unwrap(),
            "names like it: web"
        );
    }

    #[test]
    fn a_reservation_holds_name_and_image_until_it_is_dropped() {
        let table = Table::default();
        let (one, other, image) = (id("1"), id("2"), Digest::of(b"image"));
        let name = || Some("web".parse().unwrap());
        let reservation = table.reserve(&one, name(), image).unwrap();
        assert_eq!(
            table.reserve(&other, name(), image).unwrap_err().code(),
            "name-taken"
        );
        assert_eq!(table.in_use(&image), ["web"]);
        assert_eq!(
            table.find("web").unwrap_err().code(),
            "unknown-container",
            "it is none yet"
        );
        drop(reservation);
        assert_eq!(table.in_use(&image), Vec::<String>::new());
        assert!(table.reserve(&other, name(), image).is_ok());
    }

    #[test]
    fn removal_frees_the_name_and_every_change_is_announced() {
        let table = Table::default();
        let mut changes = table.changes();
        let entry = add(&table, "1", "web");
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert!(table.advance(
            &entry,
            ContainerStatus::Failed {
                message: "m".into()
            },
            None
        ));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert!(
            !table.advance(&entry, ContainerStatus::Running, None),
            "nothing follows a final state"
        );
        assert!(!changes.has_changed().unwrap());
        table.remove(&entry);
        assert!(changes.has_changed().unwrap());
        add(&table, "2", "web");
    }
}

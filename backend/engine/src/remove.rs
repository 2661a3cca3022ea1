//! `rm` and `reset`: containers and all that they wrote are taken away.

use std::{fs, path::Path, sync::Arc};

use estiva_shared::protocol::ContainerStatus;

use crate::{
    ContainerId, EngineError, cgroups,
    engine::{Shared, blocking},
    entry::Entry,
    folder::{REMOVING_PREFIX, remove_folder},
    follow,
    mounts::uses,
    record::ContainerRecord,
    status::{Verb, is_final},
    stop,
    volume::remove_anonymous,
};

/// In the folder of a container that is being removed: its volumes that nobody named go with it.
const WITH_VOLUMES: &str = "with-volumes";

/// Removes a container; with `force` one that runs is killed first. One that someone else removed meanwhile is unknown.
/// The volumes that nobody named go with a container of `--rm`.
pub(crate) async fn remove(
    shared: &Arc<Shared>,
    entry: &Arc<Entry>,
    force: bool,
) -> Result<(), EngineError> {
    remove_with(shared, entry, force, entry.record.remove).await
}

/// The same; says whether the volumes that nobody named go with it.
pub(crate) async fn remove_with(
    shared: &Arc<Shared>,
    entry: &Arc<Entry>,
    force: bool,
    volumes: bool,
) -> Result<(), EngineError> {
    let mut gate = entry.gate.lock().await;
    if gate.0 {
        return Err(EngineError::UnknownContainer {
            name: entry.name().to_owned(),
            similar: Vec::new(),
        });
    }
    let status = entry.state().status;
    if !force {
        Verb::Remove.check(entry.name(), &status)?;
    }
    match status {
        ContainerStatus::Running => stop::kill_now(shared, entry).await?,
        // Its start holds the gate; one that is created and not starting waits for the start's first step.
        ContainerStatus::Created => {
            let message = "removed before it was started".to_owned();
            shared
                .table
                .advance(entry, ContainerStatus::Failed { message }, None);
        }
        ContainerStatus::Exited { .. } | ContainerStatus::Failed { .. } => {}
    }
    debug_assert!(
        is_final(&entry.state().status),
        "the state after a kill is a final one"
    );
    // The monitor writes into the folder until it ends.
    follow::clean_up(shared, entry, entry.state().started).await;
    let folder = entry.folder.clone();
    let with_volumes = volumes && !entry.record.anonymous.is_empty();
    let retired = blocking(move || {
        if with_volumes {
            let mark = folder.path().join(WITH_VOLUMES);
            fs::write(&mark, "").map_err(EngineError::file("write", &mark))?;
        }
        folder.retire()
    })
    .await?;
    gate.0 = true;
    shared.table.remove(entry);
    shared.table.settle(entry);
    let (shared, entry) = (Arc::clone(shared), Arc::clone(entry));
    blocking(move || {
        let is_used = |name: &str| is_used(&shared, name);
        let removed = if with_volumes {
            remove_anonymous(&shared, &entry.record.anonymous, &is_used)
        } else {
            Ok(())
        };
        remove_folder(&retired).and(removed)
    })
    .await
}

fn is_used(shared: &Shared, volume: &str) -> bool {
    let entries = shared.table.entries();
    entries
        .iter()
        .any(|entry| uses(&entry.record.mounts, volume))
}

/// Removes every container, every cgroup and the network of this world.
pub(crate) async fn destroy_all(shared: &Arc<Shared>) -> Result<(), EngineError> {
    let mut outcome = Ok(());
    for entry in shared.table.entries() {
        match remove(shared, &entry, true).await {
            // Someone else was faster.
            Ok(()) | Err(EngineError::UnknownContainer { .. }) => {}
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    let shared = Arc::clone(shared);
    let swept = blocking(move || {
        cgroups::sweep(&shared.world, &|_| false)?;
        shared.network.remove_all().map_err(EngineError::Network)?;
        remove_leftovers(&shared, &|_| false, &|volume| is_used(&shared, volume))
    })
    .await;
    outcome.and(swept)
}

/// Removes the folders of containers that are no more: retired ones, and those that are not `kept`. What is not a
/// container's folder is not ours. The volumes that were to go with one go, unless another container uses them.
///
/// # Errors
/// [`EngineError::File`].
pub(crate) fn remove_leftovers(
    shared: &Shared,
    kept: &dyn Fn(&ContainerId) -> bool,
    is_used: &dyn Fn(&str) -> bool,
) -> Result<(), EngineError> {
    let containers = &shared.containers;
    for dir in fs::read_dir(containers).map_err(EngineError::file("read", containers))? {
        let dir = dir.map_err(EngineError::file("read", containers))?;
        let name = dir.file_name();
        let Some(name) = name.to_str() else { continue };
        let id = name
            .strip_prefix(REMOVING_PREFIX)
            .unwrap_or(name)
            .parse::<ContainerId>();
        let is_retired = name.starts_with(REMOVING_PREFIX);
        if id.as_ref().is_ok_and(|id| is_retired || !kept(id)) {
            if let Ok(id) = &id
                && is_retired
            {
                // What can't be removed now is a volume that nobody uses, which `volume prune` takes.
                let _ = remove_anonymous(shared, &volumes_to_go(&dir.path(), id), is_used);
            }
            remove_folder(&dir.path())?;
        }
    }
    Ok(())
}

/// The volumes that were to go with a container whose removal a kill interrupted.
fn volumes_to_go(retired: &Path, id: &ContainerId) -> Vec<String> {
    if !retired.join(WITH_VOLUMES).exists() {
        return Vec::new();
    }
    ContainerRecord::read(&retired.join("container.json"), id)
        .map(|record| record.anonymous)
        .unwrap_or_default()
}

//! What happens when a container ends: its end is made known, what belonged to its run is cleaned up, and with `--rm`
//! it is removed. One task a running container.

use std::{fs, path::Path, sync::Arc, time::Duration};

use estiva_runtime::{Exit, Started, launch::reap_monitors, monitor::protocol::exit_path};
use estiva_shared::protocol::ContainerStatus;
use tokio::time::{Instant, sleep};

use crate::{
    attachment, cgroups,
    engine::{Shared, blocking},
    entry::Entry,
    monitor,
    process::KnownProcess,
    proxy,
    record::ContainerRecord,
    remove, session, status,
};

/// How often a monitor that lives but does not answer is asked again.
const RETRY: Duration = Duration::from_millis(200);

/// How long a monitor has to end after its container has. It has only to send the rest of the log to its clients and
/// to remove a cgroup; one that takes longer is killed.
const MONITOR_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const MONITOR_LOOKED_AT: Duration = Duration::from_millis(5);

/// How often it is looked whether a client has read the rest of a container's output.
const READING_LOOKED_AT: Duration = Duration::from_secs(1);

/// What is said of a container whose monitor was killed.
pub(crate) const MONITOR_LOST: &str = "its monitor was killed (or the host restarted), so that nobody knows how it ended; it does not run any more";

/// Follows a running container to its end.
pub(crate) async fn follow(shared: &Arc<Shared>, entry: &Arc<Entry>) {
    let Some(started) = entry.state().started else {
        return;
    };
    match await_end(entry.folder.path(), started).await {
        Some(exit) => {
            shared.table.advance(entry, status::exited(&exit), None);
        }
        None => lost(shared, entry).await,
    }
    clean_up(shared, entry, Some(started)).await;
    if entry.record.remove {
        if !entry.linger.is_zero() {
            shared.table.settle(entry);
            sleep(entry.linger).await;
        }
        remove_when_read(shared, entry).await;
    }
    shared.table.settle(entry);
}

/// Removes a container that has ended and was to be removed then, when no client reads its output any more: one whose
/// own reader is slow (a pager) may need longer than the container did.
pub(crate) async fn remove_when_read(shared: &Arc<Shared>, entry: &Arc<Entry>) {
    if entry.folder.is_being_read() {
        shared.table.settle(entry);
    }
    while entry.folder.is_being_read() {
        sleep(READING_LOOKED_AT).await;
    }
    // What can't be removed now is removed by the next engine, or by hand.
    let _ = remove::remove(shared, entry, false).await;
}

/// How the container ended; `None` where its monitor was killed and nobody knows.
pub(crate) async fn await_end(state_dir: &Path, started: Started) -> Option<Exit> {
    loop {
        if let Ok(exit) = monitor::wait(state_dir).await {
            return Some(exit);
        }
        // Asked before the file is read: a monitor that is gone has written all that it ever will.
        let is_alive = monitor_of(started).is_alive();
        if let Some(exit) = read_exit(state_dir) {
            return Some(exit);
        }
        if !is_alive {
            return None;
        }
        sleep(RETRY).await;
    }
}

/// How the container ended, as its monitor wrote it down.
pub(crate) fn read_exit(state_dir: &Path) -> Option<Exit> {
    serde_json::from_slice(&fs::read(exit_path(state_dir)).ok()?).ok()
}

/// The monitor of a container that was started so.
pub(crate) fn monitor_of(started: Started) -> KnownProcess {
    KnownProcess {
        pid: started.monitor_pid,
        start_ticks: started.monitor_start_ticks,
    }
}

/// The monitor is gone. What it watched may still run; a container that nobody can stop or hear must not.
async fn lost(shared: &Arc<Shared>, entry: &Arc<Entry>) {
    let record = ContainerRecord {
        failure: Some(MONITOR_LOST.to_owned()),
        ..entry.record.clone()
    };
    let path = entry.folder.record();
    // The sweep first: who reads "failed" may rely on it.
    sweep(shared, entry).await;
    // Where this can't be written, the next engine comes to the same conclusion.
    let _ = blocking(move || record.write(&path)).await;
    shared.table.advance(
        entry,
        ContainerStatus::Failed {
            message: MONITOR_LOST.to_owned(),
        },
        None,
    );
}

/// Sees to it that neither monitor nor cgroup, proxy nor network is left of a container that has ended.
pub(crate) async fn clean_up(shared: &Arc<Shared>, entry: &Arc<Entry>, started: Option<Started>) {
    if let Some(monitor) = started.map(monitor_of)
        && !ends(monitor).await
    {
        monitor.kill();
        // A kernel that does not even end it then has a fault that no program can mend.
        ends(monitor).await;
    }
    // Those of its execs end with it, and write into its folder until they do.
    for monitor in session::monitors(&entry.folder) {
        if !ends(monitor).await {
            monitor.kill();
            ends(monitor).await;
        }
    }
    sweep(shared, entry).await;
    // It was this process's child, if this process started it.
    reap_monitors();
    // It passes on what the container said last; until then, the network is there.
    proxy::end(shared, entry).await;
    let (network, id) = (Arc::clone(&shared.network), entry.record.id.to_string());
    let folder = entry.folder.clone();
    // What can't be given back now is given back when the engine opens again, with all that nobody holds.
    let _ = blocking(move || {
        let _ = attachment::detach(&network, &id, &folder);
        Ok(())
    })
    .await;
}

/// Whether the process ends within [`MONITOR_ENDS_WITHIN`].
async fn ends(process: KnownProcess) -> bool {
    let deadline = Instant::now() + MONITOR_ENDS_WITHIN;
    while process.is_alive() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(MONITOR_LOOKED_AT).await;
    }
    true
}

/// Kills what is left in the container's cgroup and removes it, as its monitor does where it lives to.
async fn sweep(shared: &Arc<Shared>, entry: &Entry) {
    let (world, id) = (shared.world.clone(), entry.record.id.clone());
    // The engine's next start sweeps again; there is no one to tell here.
    let _ = blocking(move || cgroups::sweep_one(&world, &id)).await;
}

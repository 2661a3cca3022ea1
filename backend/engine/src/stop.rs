//! `kill`, `stop` and `wait`: all three end by watching the container's state, which its follower changes.

use std::{sync::Arc, time::Duration};

use estiva_shared::protocol::ContainerStatus;
use tokio::time::timeout;

use crate::{
    EngineError, cgroups,
    engine::{Shared, blocking},
    entry::Entry,
    monitor, parse_signal, signal,
    status::{Verb, is_final},
};

/// How long the kernel may take to end what was killed: a process in uninterruptible sleep, gigabytes to give back.
const KILLED_WITHIN: Duration = Duration::from_secs(10);

/// How long a follower may take to know of an end that the monitor knows of.
const END_KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// Sends a signal.
pub(crate) async fn kill(shared: &Shared, name: &str, signal: &str) -> Result<(), EngineError> {
    let number = parse_signal(signal)?;
    let entry = shared.table.find(name)?;
    Verb::Kill.check(entry.name(), &entry.state().status)?;
    send(&entry, number).await
}

/// Signals, waits, kills.
pub(crate) async fn stop(
    shared: &Shared,
    name: &str,
    wait: Duration,
) -> Result<ContainerStatus, EngineError> {
    let entry = shared.table.find(name)?;
    let status = entry.state().status;
    Verb::Stop.check(entry.name(), &status)?;
    if is_final(&status) {
        return Ok(status);
    }
    if !wait.is_zero() {
        send(&entry, entry.record.stop_signal).await?;
    }
    if timeout(wait, entry.ended()).await.is_err() {
        kill_now(shared, &entry).await?;
    }
    settled(&entry).await
}

/// Waits for the end and the cleaning up after it.
pub(crate) async fn wait(shared: &Shared, name: &str) -> Result<ContainerStatus, EngineError> {
    match shared.table.find(name) {
        Ok(entry) => settled(&entry).await,
        // With --rm it may be gone before its end was asked for.
        Err(error) => shared.table.departed(name).ok_or(error),
    }
}

async fn settled(entry: &Entry) -> Result<ContainerStatus, EngineError> {
    let mut watch = entry.watch();
    let state = watch.wait_for(|state| state.settled).await;
    let state = state.map_err(|_| EngineError::Internal {
        reason: "the container's entry is gone".to_owned(),
    })?;
    Ok(state.status.clone())
}

/// Kills a container, and returns when its end is known: by its monitor, and where that does not help, by its cgroup.
///
/// # Errors
/// [`EngineError::Internal`] where the kernel did not end it.
pub(crate) async fn kill_now(shared: &Shared, entry: &Arc<Entry>) -> Result<(), EngineError> {
    // A monitor that does not answer is what the second way is for.
    let asked = send(entry, signal::KILL).await;
    if asked.is_ok() && timeout(KILLED_WITHIN, entry.ended()).await.is_ok() {
        return Ok(());
    }
    let (world, id) = (shared.world.clone(), entry.record.id.clone());
    blocking(move || cgroups::sweep_one(&world, &id)).await?;
    let ended = timeout(KILLED_WITHIN, entry.ended()).await;
    ended.map_err(|_| EngineError::Internal {
        reason: format!(
            "container {} was killed, but its end is not known after 10 s",
            entry.name()
        ),
    })
}

/// A container that ends at this very moment has what was wanted of it, or no use for it any more: its monitor
/// refuses, or is gone, a moment before its follower knows.
async fn send(entry: &Arc<Entry>, number: i32) -> Result<(), EngineError> {
    match monitor::kill(entry.folder.path(), number).await {
        Ok(()) => Ok(()),
        Err(_) if timeout(END_KNOWN_WITHIN, entry.ended()).await.is_ok() => Ok(()),
        Err(source) => Err(EngineError::Monitor {
            name: entry.name().to_owned(),
            source,
        }),
    }
}

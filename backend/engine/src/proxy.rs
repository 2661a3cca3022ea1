//! The proxy beside a container that publishes ports: started, watched, started again when it is found dead, and waited for
//! when the container has ended.
//!
//! `proxy.json` in the container's folder says which process it is. It is written before the process is told what to do:
//! one that nobody wrote down has no sockets, and ends.

use std::{
    fs,
    fs::File,
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use estiva_proxy::{
    DRAINS_WITHIN,
    order::{self, Listener, Order, Target},
};
use estiva_runtime::{Started, cgroup::remove_monitors_group};
use estiva_shared::protocol::ContainerStatus;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio::{
    io::unix::AsyncFd,
    time::{Instant, sleep},
};

use crate::{
    EngineError,
    attachment::Attachment,
    engine::{Shared, blocking},
    entry::Entry,
    folder::ContainerFolder,
    follow::monitor_of,
    ports::{Reserved, reserve_again, transport},
    process::KnownProcess,
};

/// How long a proxy has to end after its container: what it takes by itself, and a busy host's moment.
const ENDS_WITHIN: Duration = DRAINS_WITHIN.saturating_add(Duration::from_secs(3));

/// How often it is looked at meanwhile.
const LOOKED_AT: Duration = Duration::from_millis(2);

/// How long the first wait is before a proxy that died is started again, and the longest: somebody may kill them as they
/// come, or have taken the port.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
const AGAIN_LONGEST: Duration = Duration::from_secs(60);

/// One that has lived so long did not die of its start.
const LIVED: Duration = Duration::from_secs(60);

/// A proxy that is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ProxyRecord {
    pid: i32,
    start_ticks: u64,
}

impl ProxyRecord {
    fn read(folder: &ContainerFolder) -> Option<KnownProcess> {
        let json = fs::read(folder.proxy()).ok()?;
        let Self { pid, start_ticks } = serde_json::from_slice(&json).ok()?;
        Some(KnownProcess { pid, start_ticks })
    }
}

/// Starts the proxy of a container that runs; `None` where it has ended already, and nobody can be led to it any more. Blocks
/// for a moment.
///
/// # Errors
/// [`EngineError::NotStarted`].
pub(crate) fn start(
    shared: &Shared,
    entry: &Entry,
    started: Started,
    namespace: OwnedFd,
    reserved: &[Reserved],
) -> Result<Option<Child>, EngineError> {
    let failed = |source: io::Error| EngineError::NotStarted {
        reason: format!("the proxy of its ports could not be started: {source}"),
    };
    let attachment = entry.attachment.as_ref();
    let attachment = attachment.ok_or_else(|| failed(io::ErrorKind::NotConnected.into()))?;
    let init = KnownProcess {
        pid: started.init_pid,
        start_ticks: started.init_start_ticks,
    };
    // Before a proxy is started: a program as short as `true` is often gone by now.
    let living = || Ok(living(monitor_of(started))?.zip(living(init)?));
    let Some((monitor, init)) = living().map_err(failed)? else {
        return Ok(None);
    };
    let ends = [monitor, init, namespace];
    let child = spawn(shared, entry, attachment, &ends, reserved);
    child.map(Some).map_err(failed)
}

/// A descriptor of a process, or `None` where it has ended.
fn living(process: KnownProcess) -> io::Result<Option<OwnedFd>> {
    match process.open() {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn spawn(
    shared: &Shared,
    entry: &Entry,
    attachment: &Attachment,
    ends: &[OwnedFd; order::ENDS],
    reserved: &[Reserved],
) -> io::Result<Child> {
    let (near, far) = UnixStream::pair()?;
    let mut command = shared.proxy.command();
    command
        .arg(entry.name())
        .stdin(Stdio::from(OwnedFd::from(far)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn()?;
    // It holds the far end of the socket.
    drop(command);
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let told = write_down(&entry.folder, pid).and_then(|()| {
        let order = Order {
            world: shared.world.clone(),
            target: Target {
                ipv4: attachment.endpoint.ipv4,
                ipv6: attachment.endpoint.ipv6,
            },
            listeners: reserved.iter().map(listener).collect(),
        };
        let sockets = reserved.iter().map(|reserved| reserved.socket.as_fd());
        let ends = ends.iter().map(OwnedFd::as_fd);
        let descriptors: Vec<BorrowedFd<'_>> = ends.chain(sockets).collect();
        order::send(&near, &order, &descriptors)
    });
    if let Err(error) = told {
        // Without an order it ends by itself, as soon as its socket closes.
        drop(near);
        let mut child = child;
        let _ = child.wait();
        return Err(error);
    }
    Ok(child)
}

fn listener(reserved: &Reserved) -> Listener {
    Listener {
        transport: transport(reserved.port.protocol),
        container_port: reserved.port.container_port,
    }
}

fn write_down(folder: &ContainerFolder, pid: i32) -> io::Result<()> {
    let process = KnownProcess::now(pid).ok_or(io::ErrorKind::NotFound)?;
    let record = ProxyRecord {
        pid,
        start_ticks: process.start_ticks,
    };
    let beside = folder.proxy().with_extension("json.new");
    fs::write(&beside, serde_json::to_vec(&record)?)?;
    fs::rename(&beside, folder.proxy())
}

/// Watches the proxy of a running container, and starts another where it died before the container did. `child` is the
/// process where this engine started it.
pub(crate) async fn keep(shared: &Arc<Shared>, entry: &Arc<Entry>, mut child: Option<Child>) {
    let mut pause = AGAIN_FIRST;
    loop {
        let seen = Instant::now();
        if let Some(process) = ProxyRecord::read(&entry.folder) {
            ended(process).await;
        }
        if let Some(mut child) = child.take() {
            // It has ended, or there is none: nothing is waited for.
            let _ = child.try_wait();
        }
        if entry.state().status != ContainerStatus::Running {
            return;
        }
        pause = if seen.elapsed() >= LIVED {
            AGAIN_FIRST
        } else {
            (pause * 2).min(AGAIN_LONGEST)
        };
        // A proxy that ends first and a container whose end is a moment away look alike.
        if tokio::time::timeout(pause, entry.ended()).await.is_ok() {
            return;
        }
        // Where somebody else has the port now, it is tried again; the kernel still leads what comes from elsewhere.
        child = again(shared, entry).await.ok().flatten();
    }
}

/// Waits for a process's end.
#[allow(
    deprecated,
    reason = "it is so for descriptors that others may close; this one is owned, and `unsafe` is the runtime's alone"
)]
async fn ended(process: KnownProcess) {
    let Ok(watched) = process.open().and_then(AsyncFd::new) else {
        return;
    };
    // A descriptor of a process becomes readable at its end (pidfd_open(2)); what can't be waited for has ended.
    let _ = watched.readable().await;
}

/// Starts a proxy for a container that has none any more.
async fn again(shared: &Arc<Shared>, entry: &Arc<Entry>) -> Result<Option<Child>, EngineError> {
    let (shared, entry) = (Arc::clone(shared), Arc::clone(entry));
    blocking(move || {
        let failed = |source: io::Error| EngineError::NotStarted {
            reason: format!("the proxy of its ports could not be started again: {source}"),
        };
        let gone = || failed(io::ErrorKind::NotFound.into());
        let started = entry.state().started.ok_or_else(gone)?;
        let ports = entry.attachment.iter().flat_map(|held| &held.ports);
        let reserved = ports.copied().map(reserve_again);
        let reserved: Vec<_> = reserved.collect::<io::Result<_>>().map_err(failed)?;
        let namespace = File::open(format!("/proc/{}/ns/net", started.init_pid));
        let namespace = namespace.map_err(failed)?.into();
        start(&shared, &entry, started, namespace, &reserved)
    })
    .await
}

/// Waits for the end of the proxy of a container that has ended; kills one that does not end by itself.
pub(crate) async fn end(shared: &Arc<Shared>, entry: &Entry) {
    let Some(process) = ProxyRecord::read(&entry.folder) else {
        return;
    };
    let deadline = Instant::now() + ENDS_WITHIN;
    while process.is_alive() {
        if Instant::now() >= deadline {
            process.kill();
            break;
        }
        sleep(LOOKED_AT).await;
    }
    crate::attachment::forget(&entry.folder.proxy());
    let world = shared.world.clone();
    // One that was killed has not removed the group that it shared; where it can't be removed, the next start sweeps.
    let _ = blocking(move || {
        let _ = remove_monitors_group(&world);
        Ok(())
    })
    .await;
}

//! `run`: from a request to a container whose program has been executed.

use std::{process::Child, sync::Arc, thread, time::Duration};

use estiva_runtime::{monitor::protocol::socket_path, spawn_attended_container, spawn_container};
use estiva_shared::protocol::{ContainerStatus, NetworkMode, PortRequest, RunRequest, RunResponse};
use estiva_store::{ImageRecord, StoreError};

use crate::{
    ContainerId, Engine, EngineError,
    attachment::{self, Attachment, Networked},
    engine::{Shared, blocking},
    entry::{Entry, State},
    folder::{ContainerFolder, remove_folder},
    follow,
    limits::{check_limits, host_cpus},
    mounts,
    name::ContainerName,
    plan::{self, Made},
    ports::{self, Reserved},
    proxy,
    record::ContainerRecord,
    remove,
};

/// Makes a container and starts it; with `--rm` it is kept for `linger` after its end.
pub(crate) async fn run(
    engine: &Engine,
    request: RunRequest,
    linger: Duration,
) -> Result<RunResponse, EngineError> {
    check_limits(&request.limits, host_cpus())?;
    let name = request.name.as_deref().map(parse_name).transpose()?;
    let image = resolve(&engine.shared, &request.image).await?;
    let (entry, networked) = make(&engine.shared, request, image.clone(), name, linger).await?;
    let response = RunResponse {
        id: entry.record.id.to_string(),
        name: entry.record.name.to_string(),
        monitor_socket: socket_path(entry.folder.path())
            .into_os_string()
            .into_string()
            .ok(),
    };
    match start(&engine.shared, &entry, image, networked).await {
        Ok(proxy) => {
            if proxy.is_some() {
                engine.keep_proxy(Arc::clone(&entry), proxy);
            }
            engine.follow(entry);
            Ok(response)
        }
        Err(error) => {
            fail(&engine.shared, &entry, &error).await;
            Err(error)
        }
    }
}

fn parse_name(name: &str) -> Result<ContainerName, EngineError> {
    name.parse().map_err(|_| EngineError::BadName {
        name: name.to_owned(),
    })
}

async fn resolve(shared: &Arc<Shared>, image: &str) -> Result<ImageRecord, EngineError> {
    let (shared, image) = (Arc::clone(shared), image.to_owned());
    blocking(move || shared.store.resolve(&image).map_err(store_error)).await
}

fn store_error(error: StoreError) -> EngineError {
    match error {
        StoreError::UnknownImage { name, similar } => EngineError::UnknownImage { name, similar },
        other => EngineError::Store(Box::new(other)),
    }
}

/// The container's ports, network, record and folder, and its place in the list.
async fn make(
    shared: &Arc<Shared>,
    request: RunRequest,
    image: ImageRecord,
    name: Option<ContainerName>,
    linger: Duration,
) -> Result<(Arc<Entry>, Option<Networked>), EngineError> {
    let shared = Arc::clone(shared);
    blocking(move || {
        let random = |source| EngineError::Internal {
            reason: format!("no random bytes for an id: {source}"),
        };
        let id = ContainerId::random().map_err(random)?;
        let reservation = shared.table.reserve(&id, name, image.id)?;
        // From the reservation on the image counts as used. Whoever removed it in the moment before has won.
        shared
            .store
            .resolve(&image.id.to_string())
            .map_err(store_error)?;
        let made = Made {
            name: reservation.name().clone(),
            hostname: hostname(&id, request.network),
            created_ms: now_ms(),
            id,
        };
        let wanted = wanted_ports(&request, &image)?;
        let record = plan::record(request, image.id, &image.config, made)?;
        mounts::check_sources(&record.mounts)?;
        let reserved = ports::reserve(&wanted, &shared.table)?;
        let folder = ContainerFolder::of(&shared.containers, &record.id);
        let (attachment, networked) = match furnish(&shared, &folder, &record, reserved) {
            Ok(made) => made,
            Err(error) => {
                // The first fault is the one to tell; what stays is swept by the next engine.
                if record.network == NetworkMode::Bridge {
                    let _ = shared.network.detach(record.id.as_str());
                }
                let _ = folder.retire().and_then(|retired| remove_folder(&retired));
                return Err(error);
            }
        };
        let state = State {
            status: ContainerStatus::Created,
            started: None,
            settled: false,
        };
        let entry = Entry::lingering(record, folder, state, attachment, linger);
        reservation.fulfil(Arc::clone(&entry));
        Ok((entry, networked))
    })
    .await
}

/// The ports that a request publishes, with those of its image where all are wanted.
fn wanted_ports(
    request: &RunRequest,
    image: &ImageRecord,
) -> Result<Vec<PortRequest>, EngineError> {
    let exposed = request.publish_all.then(|| {
        let config = image.config.config().as_ref();
        let ports = config.and_then(|config| config.exposed_ports().as_deref());
        ports::exposed(ports.unwrap_or_default())
    });
    ports::wanted(request.network, &request.ports, exposed)
}

/// What a container has on the disk and on the network. The network is made while the disk syncs the record: each takes
/// some milliseconds, and neither needs the other.
fn furnish(
    shared: &Shared,
    folder: &ContainerFolder,
    record: &ContainerRecord,
    reserved: Vec<Reserved>,
) -> Result<(Option<Attachment>, Option<Networked>), EngineError> {
    folder.create()?;
    if record.network != NetworkMode::Bridge {
        folder.write_host_files(&record.hostname, record.network, None)?;
        record.write(&folder.record())?;
        return Ok((None, None));
    }
    let (written, attached) = thread::scope(|scope| {
        let attaching = scope.spawn(|| attachment::attach(shared, record.id.as_str(), reserved));
        let written = record.write(&folder.record());
        (written, attaching.join())
    });
    let attached = attached.map_err(|_| EngineError::Internal {
        reason: "the making of its network panicked".to_owned(),
    })?;
    let (attachment, networked) = attached?;
    // Before anything else can fail: from here on, whoever takes the container away finds what it holds.
    attachment.write(folder)?;
    written?;
    folder.write_host_files(&record.hostname, record.network, Some(&attachment.endpoint))?;
    Ok((Some(attachment), Some(networked)))
}

/// A container with a network of its own is called by its id; one that shares the host's, as the host.
fn hostname(id: &ContainerId, network: NetworkMode) -> String {
    match network {
        NetworkMode::None | NetworkMode::Bridge => id.short().to_owned(),
        NetworkMode::Host => rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    }
}

/// Has the runtime start it; nobody can remove it meanwhile.
async fn start(
    shared: &Arc<Shared>,
    entry: &Arc<Entry>,
    image: ImageRecord,
    networked: Option<Networked>,
) -> Result<Option<Child>, EngineError> {
    let gate = entry.gate.lock().await;
    if gate.0 {
        return Err(EngineError::UnknownContainer {
            name: entry.name().to_owned(),
            similar: Vec::new(),
        });
    }
    let (starter, starting) = (Arc::clone(shared), Arc::clone(entry));
    let (started, proxy) = blocking(move || {
        mounts::prepare(&starter, &starting, &image.diff_ids)?;
        let lowers = starter.store.lowers(&image.diff_ids).map_err(store_error)?;
        // The container's `/` is the upper folder; it looks as the image's does.
        lowers
            .root
            .apply(&starting.folder.upper())
            .map_err(|fault| EngineError::Store(Box::new(fault)))?;
        let spec = plan::monitor_spec(
            &starting.record,
            &starting.folder,
            networked.as_ref(),
            &starter,
            lowers,
        );
        let spawn = if starting.linger.is_zero() {
            spawn_container
        } else {
            spawn_attended_container
        };
        let started = spawn(&starter.runtime, &spec).map_err(EngineError::launch)?;
        let proxy = match networked {
            Some(Networked {
                namespace,
                reserved,
            }) if !reserved.is_empty() => {
                proxy::start(&starter, &starting, started, namespace, &reserved)?
            }
            _ => None,
        };
        Ok((started, proxy))
    })
    .await?;
    // Before the gate opens: who waits at it to remove the container must find it running.
    shared
        .table
        .advance(entry, ContainerStatus::Running, Some(started));
    drop(gate);
    Ok(proxy)
}

/// A container that could not be started: listed as failed, or with `--rm` gone.
async fn fail(shared: &Arc<Shared>, entry: &Arc<Entry>, error: &EngineError) {
    // Where the word of its monitor was lost, it may have been started after all.
    follow::clean_up(shared, entry, None).await;
    let message = error.to_string();
    let record = ContainerRecord {
        failure: Some(message.clone()),
        ..entry.record.clone()
    };
    let path = entry.folder.record();
    // Where this can't be written, the next engine says that it was never started, which is true as well.
    let _ = blocking(move || record.write(&path)).await;
    shared
        .table
        .advance(entry, ContainerStatus::Failed { message }, None);
    if entry.record.remove {
        // What can't be removed now stays listed as failed, to be removed by hand.
        let _ = remove::remove(shared, entry, false).await;
    }
    shared.table.settle(entry);
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

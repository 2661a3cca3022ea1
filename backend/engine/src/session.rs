//! Execs that outlive the engine: processes with a terminal or a standard input, each with a monitor of its own.
//!
//! Everything that is known of one lies in its folder, `execs/ID` in the container's: `exec.json` (what was asked for)
//! is written here before the start, the rest by its monitor. So there is no list to lose: the folders are it, and an
//! engine that starts finds them as it finds containers. A folder is removed a while after its process has ended, when
//! nobody reads there, and with the container at the latest.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use estiva_runtime::{Started, monitor::protocol, spawn_exec_session};
use estiva_shared::protocol::{ExecRequest, ExecResponse, ExecSummary};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{
    Engine, EngineError,
    engine::blocking,
    entry::Entry,
    exec::exec_spec,
    folder::{ContainerFolder, is_being_read, remove_folder},
    follow::{await_end, monitor_of},
    id::random_hex,
    monitor,
    process::KnownProcess,
    signal,
};

/// Execs of one container at once: a mistake in a loop must not fill the host with shells.
const EXECS_MAX: usize = 64;

/// The digits of an exec's id: 128 bits, so that no one hits upon another's.
const ID_BYTES: usize = 16;

/// How long a client has to come for the rest of the output after the end, as after a container's.
const CLIENT_COMES_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether a client still reads.
const READING_LOOKED_AT: Duration = Duration::from_secs(1);

/// The most that is read of `exec.json`, in bytes: what the kernel takes as arguments, as JSON may write it.
const RECORD_BYTES_MAX: u64 = 40 << 20;

/// The signal of a terminal that is switched off.
const HANG_UP: i32 = 1;

/// `exec.json`.
#[derive(Debug, Serialize, Deserialize)]
struct ExecRecord {
    command: Vec<String>,
    terminal: bool,
    interactive: bool,
}

/// Starts one.
pub(crate) async fn begin(
    engine: &Engine,
    name: &str,
    request: ExecRequest,
) -> Result<ExecResponse, EngineError> {
    let shared = &engine.shared;
    let entry = shared.table.find(name)?;
    let record = ExecRecord {
        command: request.args.clone(),
        terminal: request.terminal,
        interactive: request.interactive,
    };
    let spec = exec_spec(shared, &entry, request)?;
    let runtime = shared.runtime.clone();
    let (id, folder, started) = blocking(move || {
        let (id, folder) = make_folder(&entry.folder, &record)?;
        match spawn_exec_session(&runtime, &spec, &folder) {
            Ok(started) => Ok((id, folder, started)),
            Err(error) => {
                // The first fault is the one to tell; what stays is removed with the container.
                let _ = remove_folder(&folder);
                Err(EngineError::launch(error))
            }
        }
    })
    .await?;
    engine.follow_exec(folder.clone(), started);
    let socket = protocol::socket_path(&folder);
    Ok(ExecResponse {
        id,
        monitor_socket: socket.into_os_string().into_string().ok(),
    })
}

fn make_folder(
    container: &ContainerFolder,
    record: &ExecRecord,
) -> Result<(String, PathBuf), EngineError> {
    let internal = |reason: String| EngineError::Internal { reason };
    let count = list(container).len();
    if count >= EXECS_MAX {
        return Err(EngineError::BadRequest {
            what: "exec",
            expected: "at most 64 with a terminal or a standard input at once",
            found: format!("{count} that run"),
        });
    }
    let id = random_hex::<ID_BYTES>()
        .map_err(|error| internal(format!("no random bytes for an id: {error}")))?;
    let folder = container.execs().join(&id);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(EngineError::file("create", &folder))?;
    let path = folder.join("exec.json");
    let json = serde_json::to_vec(record).map_err(|error| internal(error.to_string()))?;
    fs::write(&path, json).map_err(EngineError::file("write", &path))?;
    Ok((id, folder))
}

/// Those that run, oldest first.
pub(crate) fn list(container: &ContainerFolder) -> Vec<ExecSummary> {
    let mut execs: Vec<_> = folders(container)
        .iter()
        .filter_map(|folder| summary(folder))
        .collect();
    execs.sort_by_key(|exec| exec.started_ms);
    execs
}

/// The folder of one that runs, and what it is.
pub(crate) fn find(entry: &Entry, id: &str) -> Result<(PathBuf, ExecSummary), EngineError> {
    let is_id = id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let folder = entry.folder.execs().join(id);
    let found = is_id.then(|| summary(&folder)).flatten();
    let found = found.ok_or_else(|| EngineError::UnknownExec {
        container: entry.name().to_owned(),
        id: id.chars().take(64).collect(),
    })?;
    Ok((folder, found))
}

/// Ends one.
pub(crate) async fn end(entry: &Arc<Entry>, id: &str) -> Result<(), EngineError> {
    let (folder, exec) = find(entry, id)?;
    let number = if exec.terminal { HANG_UP } else { signal::KILL };
    let sent = monitor::kill(&folder, number).await;
    match sent {
        // It ended by itself in this moment.
        Err(_) if summary(&folder).is_none() => Ok(()),
        other => other.map_err(|source| EngineError::Monitor {
            name: entry.name().to_owned(),
            source,
        }),
    }
}

/// The monitors of those that run.
pub(crate) fn monitors(container: &ContainerFolder) -> Vec<KnownProcess> {
    let folders = folders(container);
    let started = folders.iter().filter_map(|folder| read_started(folder));
    started.map(monitor_of).collect()
}

/// Takes over what a former engine began.
pub(crate) fn adopt(engine: &Engine, container: &ContainerFolder) {
    for folder in folders(container) {
        match read_started(&folder) {
            Some(started) => engine.follow_exec(folder, started),
            // Its start ended with the engine that began it. What can't be removed goes with the container.
            None => drop(remove_folder(&folder)),
        }
    }
}

/// Waits for one's end, and removes its folder when nobody reads there any more.
pub(crate) async fn follow(folder: PathBuf, started: Started) {
    let _ = await_end(&folder, started).await;
    sleep(CLIENT_COMES_WITHIN).await;
    while is_being_read(&folder) {
        sleep(READING_LOOKED_AT).await;
    }
    // With the container it goes too.
    let _ = blocking(move || remove_folder(&folder)).await;
}

fn folders(container: &ContainerFolder) -> Vec<PathBuf> {
    let Ok(folders) = fs::read_dir(container.execs()) else {
        return Vec::new();
    };
    folders.flatten().map(|folder| folder.path()).collect()
}

/// What one is that runs; `None` where it has ended, or has not begun.
fn summary(folder: &Path) -> Option<ExecSummary> {
    let started = read_started(folder).filter(|started| monitor_of(*started).is_alive())?;
    if protocol::exit_path(folder).exists() {
        return None;
    }
    let path = folder.join("exec.json");
    if fs::metadata(&path).ok()?.len() > RECORD_BYTES_MAX {
        return None;
    }
    let record: ExecRecord = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    Some(ExecSummary {
        id: folder.file_name()?.to_str()?.to_owned(),
        command: record.command,
        terminal: record.terminal,
        interactive: record.interactive,
        started_ms: started.started_ms,
    })
}

fn read_started(folder: &Path) -> Option<Started> {
    serde_json::from_slice(&fs::read(protocol::started_path(folder)).ok()?).ok()
}

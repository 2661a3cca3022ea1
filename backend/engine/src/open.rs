//! Opening: what a former engine left is found again. Containers do not notice that there was none for a while.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use estiva_runtime::{
    Started,
    monitor::{claim, protocol::started_path},
};
use estiva_shared::{
    image::Digest,
    protocol::{ContainerStatus, Limits, NetworkMode},
};

use crate::{
    ContainerId, Engine, EngineError, attachment, cgroups,
    engine::{Shared, blocking},
    entry::{Entry, State},
    folder::ContainerFolder,
    follow::{MONITOR_LOST, monitor_of, read_exit},
    mounts::uses,
    name::ContainerName,
    process::KnownProcess,
    record::{ContainerRecord, RECORD_VERSION, RecordError},
    remove,
    run::now_ms,
    session, signal, status,
};

/// How long after the record a monitor may begin with the start: it takes 20 ms, on a host that starts many at once a
/// second.
const STARTS_WITHIN: Duration = Duration::from_secs(3);

/// How long after the record a monitor that has begun may go on with it. One that takes longer is stopped, or waits for
/// a disk that doesn't answer; it is killed, so that it doesn't hold up all the others.
const STARTED_WITHIN: Duration = Duration::from_secs(10);

/// How long its end is waited for then.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked at meanwhile.
const LOOKED_AT: Duration = Duration::from_millis(10);

/// What is said of a container whose server was killed between writing it down and starting it.
const NEVER_STARTED: &str = "the server ended before the container was started";

/// What was found, and what of the rest could not be put right, in words.
struct Found {
    entries: Vec<Arc<Entry>>,
    leftovers: Vec<String>,
}

/// Finds all containers, follows those that run, sweeps the rest. Answers what could not be put right: none of it is a
/// reason to show no containers, and the next opening tries again.
pub(crate) async fn open(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let shared = Arc::clone(&engine.shared);
    let found = blocking(move || find_all(&shared)).await?;
    let mut leftovers = found.leftovers;
    for entry in found.entries {
        engine.shared.table.adopt(Arc::clone(&entry));
        session::adopt(engine, &entry.folder);
        // One that has ended and whose monitor still cleans up is followed too: it ends at once.
        if !entry.state().settled {
            if entry
                .attachment
                .as_ref()
                .is_some_and(|held| !held.ports.is_empty())
            {
                engine.keep_proxy(Arc::clone(&entry), None);
            }
            engine.follow(entry);
        } else if entry.record.remove && entry.folder.is_being_read() {
            engine.remove_when_read(entry);
        } else if entry.record.remove {
            // What can't be removed stays in the list, where it can be seen.
            let removed = remove::remove(&engine.shared, &entry, false).await;
            leftovers.extend(removed.err().map(|error| error.to_string()));
        }
    }
    Ok(leftovers)
}

/// Every container that has a folder; what belongs to none is removed.
fn find_all(shared: &Shared) -> Result<Found, EngineError> {
    let containers = &shared.containers;
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(containers);
    made.map_err(EngineError::file("create", containers))?;
    shared.volumes.open()?;
    let mut entries = Vec::new();
    for dir in fs::read_dir(containers).map_err(EngineError::file("read", containers))? {
        let dir = dir.map_err(EngineError::file("read", containers))?;
        if let Some(id) = dir
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<ContainerId>().ok())
        {
            entries.extend(find(shared, &id));
        }
    }
    let has_monitor = |entry: &Arc<Entry>| {
        entry
            .state()
            .started
            .is_some_and(|started| monitor_of(started).is_alive())
    };
    let alive: HashSet<&str> = entries
        .iter()
        .filter(|entry| has_monitor(entry))
        .map(|entry| entry.record.id.as_str())
        .collect();
    let swept = cgroups::sweep(&shared.world, &|id| alive.contains(id));
    let recovered = recover_network(shared, &entries, &has_monitor);
    let kept: HashSet<&ContainerId> = entries.iter().map(|entry| &entry.record.id).collect();
    let is_used = |volume: &str| {
        entries
            .iter()
            .any(|entry| uses(&entry.record.mounts, volume))
    };
    let removed = remove::remove_leftovers(shared, &|id| kept.contains(id), &is_used);
    let leftovers = [swept, recovered, removed]
        .into_iter()
        .filter_map(|result| Some(result.err()?.to_string()))
        .collect();
    entries.sort_by_key(|entry| entry.record.created_ms);
    Ok(Found { entries, leftovers })
}

/// Gives the network back what those hold that live, and takes all else away. Where that fails, who wants a new network is
/// told again.
fn recover_network(
    shared: &Shared,
    entries: &[Arc<Entry>],
    is_alive: &dyn Fn(&Arc<Entry>) -> bool,
) -> Result<(), EngineError> {
    let mut held = Vec::new();
    for entry in entries {
        match &entry.attachment {
            Some(attachment) if is_alive(entry) => {
                held.push(attachment.held(entry.record.id.as_str()));
            }
            Some(_) => attachment::forget(&entry.folder.network()),
            None => {}
        }
    }
    shared.network.recover(&held).map_err(EngineError::Network)
}

/// One container; `None` where the folder never became one.
fn find(shared: &Shared, id: &ContainerId) -> Option<Arc<Entry>> {
    let folder = ContainerFolder::of(&shared.containers, id);
    let (record, state) = match ContainerRecord::read(&folder.record(), id) {
        Ok(record) => {
            let state = state_of(&record, &folder);
            (record, state)
        }
        Err(RecordError::Missing) => return None,
        Err(error) => {
            let status = ContainerStatus::Failed {
                message: error.to_string(),
            };
            (
                unreadable(id, &folder.record())?,
                State {
                    status,
                    started: read_started(&folder),
                    settled: true,
                },
            )
        }
    };
    Some(Entry::new(record, folder, state))
}

/// How a container is, from what its monitor wrote and whether it lives.
fn state_of(record: &ContainerRecord, folder: &ContainerFolder) -> State {
    let failed = |message: &str| ContainerStatus::Failed {
        message: message.to_owned(),
    };
    let started = await_started(record, folder);
    // Asked before the exit is read: a monitor that is gone has written all that it ever will.
    let is_alive = started.is_some_and(|started| monitor_of(started).is_alive());
    let status = match (&record.failure, read_exit(folder.path())) {
        (Some(message), _) => failed(message),
        (None, Some(exit)) => status::exited(&exit),
        (None, None) if is_alive => ContainerStatus::Running,
        (None, None) if started.is_some() => failed(MONITOR_LOST),
        (None, None) => failed(NEVER_STARTED),
    };
    let settled = status::is_final(&status) && !is_alive;
    State {
        status,
        started,
        settled,
    }
}

/// The monitor's word that it started. A monitor whose server was killed goes on with its start, and may not even have
/// made its cgroup yet; so one that could still be at it is waited for. Where this gives `None`, none will start it.
fn await_started(record: &ContainerRecord, folder: &ContainerFolder) -> Option<Started> {
    let age = Duration::from_millis(now_ms().saturating_sub(record.created_ms));
    let opened = Instant::now();
    let mut killed = None;
    loop {
        let started = read_started(folder);
        if started.is_some() || record.failure.is_some() {
            return started;
        }
        // By the clock that is never put back, from the first look on.
        let age = age + opened.elapsed();
        if age >= STARTS_WITHIN {
            match claim::give_up(folder.path()) {
                Ok(false) if killed.is_some_and(|at: Instant| at.elapsed() >= ENDS_WITHIN) => {
                    return None;
                }
                Ok(false) if age >= STARTED_WITHIN && killed.is_none() => {
                    if let Ok(Some((pid, start_ticks))) = claim::claimant(folder.path()) {
                        KnownProcess { pid, start_ticks }.kill();
                    }
                    killed = Some(Instant::now());
                }
                Ok(false) => {}
                // It may have come to its end in the moment before. A folder in which nothing can be written is none
                // that a monitor could start from.
                Ok(true) | Err(_) => return read_started(folder),
            }
        }
        sleep(LOOKED_AT);
    }
}

fn read_started(folder: &ContainerFolder) -> Option<Started> {
    serde_json::from_slice(&fs::read(started_path(folder.path())).ok()?).ok()
}

/// What is shown of a container whose record can't be understood: that it is there, so that it can be looked at and
/// removed, under its own name where that can be read, and with its image, so that this stays.
fn unreadable(id: &ContainerId, path: &Path) -> Option<ContainerRecord> {
    let json: serde_json::Value = fs::read(path)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    let text = |key: &str| {
        json.get(key)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    let name = text("name")
        .parse::<ContainerName>()
        .or_else(|_| id.short().parse());
    Some(ContainerRecord {
        version: RECORD_VERSION,
        id: id.clone(),
        name: name.ok()?,
        image: text("image").to_owned(),
        image_id: text("image_id").parse().unwrap_or_else(|_| Digest::of(b"")),
        command: Vec::new(),
        env: Vec::new(),
        workdir: "/".to_owned(),
        user: None,
        hostname: String::new(),
        stop_signal: signal::TERM,
        limits: Limits::default(),
        network: NetworkMode::None,
        remove: false,
        no_new_privileges: false,
        interactive: false,
        terminal: false,
        terminal_size: None,
        // Its volumes stay, as its image does.
        mounts: json
            .get("mounts")
            .and_then(|mounts| serde_json::from_value(mounts.clone()).ok())
            .unwrap_or_default(),
        anonymous: Vec::new(),
        read_only: false,
        host_ca: None,
        created_ms: json
            .get("created_ms")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0),
        failure: None,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::unix::process::ExitStatusExt as _,
        process::{Command, Stdio},
        thread,
    };

    use super::*;
    use crate::process;

    /// A container that was written down 4 s ago, when its server was killed.
    fn container(containers: &Path) -> (ContainerRecord, ContainerFolder) {
        let id = ContainerId::random().unwrap();
        let folder = ContainerFolder::of(containers, &id);
        folder.create().unwrap();
        fs::write(
            folder.record(),
            format!(r#"{{"created_ms": {}}}"#, now_ms() - 4000),
        )
        .unwrap();
        (unreadable(&id, &folder.record()).unwrap(), folder)
    }

    fn locked(folder: &ContainerFolder, holder: &str) -> File {
        let path = claim::lock_path(folder.path());
        fs::write(&path, holder).unwrap();
        let lock = File::open(path).unwrap();
        lock.lock().unwrap();
        lock
    }

    // A monitor that was slow to start (stopped, or on a host without breath) when its server was killed was waited for
    // no longer than 3 s: the container was listed as never started, and then it ran.
    #[test]
    fn a_start_that_has_begun_is_waited_for_however_late() {
        let containers = tempfile::tempdir().unwrap();
        let (record, folder) = container(containers.path());
        let lock = locked(&folder, "");
        let started = Started {
            monitor_pid: 1,
            monitor_start_ticks: 2,
            init_pid: 3,
            init_start_ticks: 4,
            started_ms: 5,
        };
        let path = started_path(folder.path());
        let monitor = thread::spawn(move || {
            sleep(Duration::from_millis(300));
            fs::write(path, serde_json::to_vec(&started).unwrap()).unwrap();
            drop(lock);
        });
        assert_eq!(await_started(&record, &folder), Some(started));
        monitor.join().unwrap();
    }

    #[test]
    fn a_start_that_has_not_begun_is_given_up_for_good() {
        let containers = tempfile::tempdir().unwrap();
        let (record, folder) = container(containers.path());
        assert_eq!(await_started(&record, &folder), None);
        let holder = fs::read_to_string(claim::lock_path(folder.path())).unwrap();
        assert_eq!(holder, r#""given_up""#);
    }

    #[test]
    fn a_start_that_never_ends_is_ended() {
        let containers = tempfile::tempdir().unwrap();
        let (mut record, folder) = container(containers.path());
        record.created_ms -= 10_000;
        let lock = locked(&folder, "");
        let mut monitor = Command::new("sleep")
            .arg("300")
            .stdin(Stdio::from(lock))
            .spawn()
            .unwrap();
        let pid = i32::try_from(monitor.id()).unwrap();
        let ticks = process::parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap());
        let (_, ticks) = ticks.unwrap();
        let holder = format!(r#"{{"monitor":{{"pid":{pid},"start_ticks":{ticks}}}}}"#);
        fs::write(claim::lock_path(folder.path()), holder).unwrap();
        assert_eq!(await_started(&record, &folder), None);
        assert_eq!(monitor.wait().unwrap().signal(), Some(9));
    }
}

//! Ends what is left in a cgroup, and takes the cgroup away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Cgroup, CgroupError, Layout, relative, world_folder};
use crate::spec::CgroupPath;

/// How often a group that is still busy is tried again, and how long between. A killed process leaves its group only
/// when it has torn down its memory: gigabytes take seconds.
const ATTEMPTS_MAX: u32 = 500;
const PAUSE_FIRST: Duration = Duration::from_micros(200);
const PAUSE_LONGEST: Duration = Duration::from_millis(20);

/// What [`sweep`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The ids whose groups were removed, sorted.
    pub removed: Vec<String>,
    /// What couldn't be, as sentences.
    pub failures: Vec<String>,
}

/// Removes the groups of a world that belong to nobody: kills every process in those whose id is not `alive`.
///
/// This is what cleans up after monitors that were killed. Groups of other worlds are not looked at.
///
/// # Errors
/// If the world's name is not one, or no cgroup file system is mounted.
pub fn sweep(world: &str, alive: &dyn Fn(&str) -> bool) -> Result<Swept, CgroupError> {
    let layout = Layout::detect()?;
    let folder = world_folder(world)?;
    let mut ids = Vec::new();
    for hierarchy in layout.hierarchies() {
        let Ok(entries) = fs::read_dir(hierarchy.mount.join(&folder)) else {
            continue;
        };
        let folders = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        ids.extend(folders.filter_map(|entry| entry.file_name().into_string().ok()));
    }
    ids.sort();
    ids.dedup();
    let mut swept = Swept::default();
    for id in ids {
        // Monitors share a group; it goes when its last one does. The server, which calls this, has one too.
        if id == super::MONITORS || id == super::SERVER || alive(&id) {
            continue;
        }
        let name = relative(&CgroupPath {
            world: world.to_owned(),
            id: id.clone(),
        })?;
        match (Cgroup {
            layout: layout.clone(),
            name,
        })
        .remove()
        {
            Ok(()) => swept.removed.push(id),
            Err(error) => swept.failures.push(error.to_string()),
        }
    }
    let monitors = Cgroup {
        layout: layout.clone(),
        name: folder.join(super::MONITORS),
    };
    monitors.remove_if_empty();
    Ok(swept)
}

impl Cgroup {
    /// Kills every process in it, until none is left, and removes it; and the world's group, if this was its last.
    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        for hierarchy in self.layout.hierarchies() {
            let folder = self.folder(hierarchy);
            let removed = remove_folder(&folder);
            removed.map_err(|source| CgroupError::Remove {
                path: folder,
                source,
            })?;
        }
        self.remove_world_if_empty();
        Ok(())
    }

    /// Moves the calling process to the root of each hierarchy, and removes the group if that left it empty. For a
    /// process that is about to end, and can't remove a group that it is in.
    pub(crate) fn leave_and_remove(&self) {
        for hierarchy in self.layout.hierarchies() {
            let file = if hierarchy.is_v2() {
                "cgroup.procs"
            } else {
                "tasks"
            };
            // Where that fails, the group stays for the next monitor or sweep to remove.
            let _ = fs::write(hierarchy.mount.join(file), "0");
        }
        self.remove_if_empty();
    }

    /// Removes it where nobody is in it.
    pub(super) fn remove_if_empty(&self) {
        for hierarchy in self.layout.hierarchies() {
            // Refused while a process or another container is in it; the last one to leave removes it.
            let _ = fs::remove_dir(self.folder(hierarchy));
        }
        self.remove_world_if_empty();
    }

    /// Kills every process in it, without waiting for their end.
    pub(crate) fn kill(&self) {
        for hierarchy in self.layout.hierarchies() {
            let _ = kill_all(&self.folder(hierarchy));
        }
    }

    fn remove_world_if_empty(&self) {
        for hierarchy in self.layout.hierarchies() {
            let folder = self.folder(hierarchy);
            if let Some(world) = folder.parent() {
                let _ = fs::remove_dir(world);
            }
        }
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut pause = PAUSE_FIRST;
    let mut attempts = 0;
    loop {
        let error = match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => error,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => return other,
        };
        kill_all(folder)?;
        attempts += 1;
        if attempts > ATTEMPTS_MAX {
            return Err(error);
        }
        sleep(pause);
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

/// One round of SIGKILL. v2 does it at once and for good; with v1 a process may have forked since the list was read,
/// so that the caller repeats it until the group is empty.
fn kill_all(folder: &Path) -> io::Result<()> {
    if fs::write(folder.join("cgroup.kill"), "1").is_ok() {
        return Ok(());
    }
    for pid in members(folder)? {
        // It may have ended already.
        let _ = kill_process(pid, Signal::KILL);
    }
    Ok(())
}

fn members(folder: &Path) -> io::Result<Vec<Pid>> {
    let path: PathBuf = folder.join("cgroup.procs");
    match fs::read_to_string(path) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| Pid::from_raw(line.parse().ok()?))
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

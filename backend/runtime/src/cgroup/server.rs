//! The server's own group, `estiva-<world>/server`. A server that a command started would otherwise stay in that
//! command's group, be limited with it, and be killed with it: a log-in session's, a service's, a CI job's. And the group
//! of the monitors, for the other program that stays beside a container: the proxy of its published ports.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::{Cgroup, CgroupError, MONITORS, SERVER};
use crate::spec::CgroupPath;

/// How often a group that is left is tried to be removed, and how long between: what the server had started for a
/// moment (an exec's parent) ends when the server's side of its socket closes, a little later.
const ATTEMPTS_MAX: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// The group, with the calling process in it.
#[derive(Debug)]
pub struct ServerGroup(Cgroup);

impl ServerGroup {
    /// Moves the calling process, which must have a single thread, into the group of its world's server.
    ///
    /// # Errors
    /// If there is no cgroup file system, or it can't be written to.
    pub fn enter(world: &str) -> Result<Self, CgroupError> {
        let group = find(world, SERVER)?;
        group.make_and_enter()?;
        Ok(Self(group))
    }

    /// Leaves it, at the process's end, and removes it where nobody else is in it.
    pub fn leave(self) {
        let me = std::process::id().to_string();
        for hierarchy in self.0.layout.hierarchies() {
            // All threads at once. Where that fails, the group stays for the next server.
            let _ = fs::write(hierarchy.mount.join("cgroup.procs"), &me);
        }
        remove(&self.0);
    }
}

/// The group that the monitors of a world share, with the calling process in it.
#[derive(Debug)]
pub struct MonitorsGroup(Cgroup);

impl MonitorsGroup {
    /// Moves the calling process, which must have a single thread, into the group of its world's monitors.
    ///
    /// # Errors
    /// If there is no cgroup file system, or it can't be written to.
    pub fn enter(world: &str) -> Result<Self, CgroupError> {
        let group = find(world, MONITORS)?;
        group.make_and_enter()?;
        Ok(Self(group))
    }

    /// Leaves it, at the process's end, and removes it where nobody else is in it.
    pub fn leave(self) {
        self.0.leave_and_remove();
    }
}

/// Removes the group of a world's monitors where nobody is in it: what a killed one, if it was the last, has left.
///
/// # Errors
/// If there is no cgroup file system, or the world's name is not one.
pub fn remove_monitors_group(world: &str) -> Result<(), CgroupError> {
    find(world, MONITORS)?.remove_if_empty();
    Ok(())
}

/// Removes what a server that was killed has left of its group.
///
/// # Errors
/// If there is no cgroup file system, or the world's name is not one.
pub fn remove_server_group(world: &str) -> Result<(), CgroupError> {
    remove(&find(world, SERVER)?);
    Ok(())
}

fn find(world: &str, id: &str) -> Result<Cgroup, CgroupError> {
    Cgroup::find(&CgroupPath {
        world: world.to_owned(),
        id: id.to_owned(),
    })
}

fn remove(group: &Cgroup) {
    for _ in 0..ATTEMPTS_MAX {
        group.remove_if_empty();
        let is_left = |hierarchy| group.folder(hierarchy).exists();
        if !group.layout.hierarchies().iter().any(is_left) {
            return;
        }
        sleep(PAUSE);
    }
}

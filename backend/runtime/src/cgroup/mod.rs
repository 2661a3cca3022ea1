//! Control groups: where a container's processes are counted, limited, and found again to be killed.
//!
//! A container's group is `estiva-<world>/<id>`, at the root of the v2 tree or of each v1 hierarchy that is mounted.
//! The files are written here by hand, because a start takes a few milliseconds and this is a part of it.
//!
//! **Invariant:** only groups below `estiva-<world>` are ever written to or removed, and no mount is touched.

mod layout;
mod limits;
mod remove;
mod server;
mod usage;

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use layout::{Hierarchy, Layout};
pub use remove::{Swept, sweep};
pub use server::{MonitorsGroup, ServerGroup, remove_monitors_group, remove_server_group};
pub use usage::Usage;

use crate::spec::CgroupPath;

/// The group that all monitors of a world share, beside their containers' groups. A monitor leaves its spawner's group,
/// because who stops a service kills everything in the service's group.
pub(crate) const MONITORS: &str = "monitors";

/// The group of a world's server, likewise.
pub(crate) const SERVER: &str = "server";

/// How often a group is made again that another container's end has just removed as empty. Losing that race a few
/// times in a row is bad luck; more often, something else is wrong.
const ATTEMPTS_MAX: u32 = 20;

/// Why a cgroup couldn't be used.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// The list of mounts couldn't be read.
    #[error("can't find the cgroup mounts in /proc/self/mountinfo: {0}")]
    Layout(#[source] io::Error),
    /// No cgroup file system is mounted.
    #[error(
        "expected a cgroup file system, but found none mounted; hint: mount -t cgroup2 cgroup2 /sys/fs/cgroup"
    )]
    NoneMounted,
    /// A world or an id has letters that have no place in a folder's name.
    #[error("expected a cgroup name of letters, digits, '-', '_' and '.', but found {0:?}")]
    BadName(String),
    /// A group couldn't be made.
    #[error("can't make the cgroup {path}: {source}")]
    Make {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of a group couldn't be written or read.
    #[error("can't set {path} to {value}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What should stand in it.
        value: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A limit is asked for, but the host has no controller that could hold it.
    #[error(
        "expected the cgroup controller {controller} for the limit of {limit}, but found it mounted nowhere"
    )]
    NoController {
        /// The missing controller.
        controller: &'static str,
        /// What it would have limited.
        limit: &'static str,
    },
    /// Memory is limited, but the kernel has nothing that limits swap, and swap is on.
    #[error(
        "expected {file} for a memory limit that swap doesn't lift, but found none; hint: boot with swapaccount=1, or turn swap off"
    )]
    NoSwapLimit {
        /// The missing file.
        file: &'static str,
    },
    /// Processes of the group didn't end, or it couldn't be removed.
    #[error("can't remove the cgroup {path}: {source}")]
    Remove {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A container's group in every hierarchy.
#[derive(Clone, Debug)]
pub struct Cgroup {
    layout: Layout,
    name: PathBuf,
}

impl Cgroup {
    /// The group that `path` names, on this host. Makes nothing.
    ///
    /// # Errors
    /// If no cgroup file system is mounted, or the name is not one.
    pub fn find(path: &CgroupPath) -> Result<Self, CgroupError> {
        let layout = Layout::detect()?;
        Ok(Self {
            layout,
            name: relative(path)?,
        })
    }

    /// Its folder in `hierarchy`.
    #[must_use]
    pub fn folder(&self, hierarchy: &Hierarchy) -> PathBuf {
        hierarchy.mount.join(&self.name)
    }

    /// Its folder in the hierarchy that has `controller` (`memory`, `cpu`, `cpuacct`, `pids`, …).
    #[must_use]
    pub fn controller(&self, controller: &str) -> Option<PathBuf> {
        self.layout
            .with(controller)
            .map(|hierarchy| self.folder(hierarchy))
    }

    /// The host's hierarchies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What its processes use now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        usage::read(self)
    }

    /// Makes it in every hierarchy, and the world's group above it.
    pub(crate) fn make(&self) -> Result<(), CgroupError> {
        for hierarchy in self.layout.hierarchies() {
            let folder = self.folder(hierarchy);
            let made = make_folder(&folder);
            made.map_err(|source| CgroupError::Make {
                path: folder,
                source,
            })?;
        }
        self.enable_controllers();
        Ok(())
    }

    /// Makes it and moves the calling process into it, though another process may remove it in between as empty.
    pub(crate) fn make_and_enter(&self) -> Result<(), CgroupError> {
        let mut attempts_left = ATTEMPTS_MAX;
        loop {
            match self.make().and_then(|()| self.enter(&|_| true)) {
                Err(CgroupError::Write { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && attempts_left > 0 =>
                {
                    attempts_left -= 1;
                }
                other => return other,
            }
        }
    }

    /// Moves the calling process, which must have a single thread, into it in the v1 hierarchies. It must have been
    /// made in [`Self::v2_folder`].
    ///
    /// A process that writes `0` into `tasks` itself needs none of the grace periods that the kernel waits for where
    /// another process, or a v2 group, is written: 0.04 ms instead of 5 to 9.
    pub(crate) fn enter_v1(&self) -> Result<(), CgroupError> {
        self.enter(&|hierarchy| !hierarchy.is_v2())
    }

    /// Its folder in the v2 tree, for a process to be made in.
    pub(crate) fn v2_folder(&self) -> Result<Option<OwnedFd>, CgroupError> {
        let Some(v2) = self.layout.v2() else {
            return Ok(None);
        };
        let path = self.folder(v2);
        let opened = fs::File::open(&path);
        opened
            .map(|folder| Some(folder.into()))
            .map_err(|source| CgroupError::Make { path, source })
    }

    fn enter(&self, which: &dyn Fn(&Hierarchy) -> bool) -> Result<(), CgroupError> {
        for hierarchy in self
            .layout
            .hierarchies()
            .iter()
            .filter(|hierarchy| which(hierarchy))
        {
            let file = if hierarchy.is_v2() {
                "cgroup.procs"
            } else {
                "tasks"
            };
            write(&self.folder(hierarchy).join(file), "0")?;
        }
        Ok(())
    }
}

fn relative(path: &CgroupPath) -> Result<PathBuf, CgroupError> {
    Ok(world_folder(&path.world)?.join(checked(&path.id)?))
}

fn world_folder(world: &str) -> Result<PathBuf, CgroupError> {
    Ok(PathBuf::from(format!("estiva-{}", checked(world)?)))
}

fn checked(name: &str) -> Result<&str, CgroupError> {
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if letters && !name.is_empty() && !name.starts_with('.') {
        Ok(name)
    } else {
        Err(CgroupError::BadName(name.to_owned()))
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    // Another container's end may remove the world's empty group between the two calls.
    let mut attempts_left = ATTEMPTS_MAX;
    loop {
        match fs::create_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts_left > 0 => {
                attempts_left -= 1
            }
            other => return other,
        }
    }
}

fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    let written = fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(value.as_bytes()));
    written.map_err(|source| CgroupError::Write {
        path: path.to_owned(),
        value: value.to_owned(),
        source,
    })
}

//! The small steps of a container's start: one or two system calls each.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{InitError, Stdio};
use crate::order::Container;
use crate::resolve::{self, Kind};
use crate::sys;

/// What the kernel gives files when a program says nothing else; Docker's.
const UMASK: u32 = 0o022;

pub(crate) fn reset_signals() -> Result<(), InitError> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(UMASK));
    sys::reset_signals().map_err(InitError::Signals)
}

pub(super) fn set_oom_score(score: Option<i32>) -> Result<(), InitError> {
    match score {
        Some(score) => {
            fs::write("/proc/self/oom_score_adj", score.to_string()).map_err(InitError::OomScore)
        }
        None => Ok(()),
    }
}

pub(super) fn make_cgroup_namespace(container: &Container) -> Result<(), InitError> {
    if container.has(libc::CLONE_NEWCGROUP) {
        sys::unshare_cgroup_namespace().map_err(InitError::CgroupNamespace)?;
    }
    Ok(())
}

pub(super) fn set_hostname(container: &Container) -> Result<(), InitError> {
    match &container.hostname {
        // Without a namespace of its own it would be the host that is renamed.
        Some(name) if container.has(libc::CLONE_NEWUTS) => {
            rustix::system::sethostname(name.as_bytes()).map_err(|source| InitError::Hostname {
                name: name.clone(),
                source: source.into(),
            })
        }
        _ => Ok(()),
    }
}

pub(super) fn join_network(namespace: Option<OwnedFd>) -> Result<(), InitError> {
    let Some(namespace) = namespace else {
        return Ok(());
    };
    // The kind is named, so that a file of another namespace is refused.
    let kind = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(namespace.as_fd(), kind)
        .map_err(|source| InitError::JoinNetwork(source.into()))
}

/// Writes the settings of this process's network namespace.
pub(super) fn set_network_settings(container: &Container) -> Result<(), InitError> {
    for (path, value) in &container.network_settings {
        let path = Path::new("/proc/sys").join(path);
        fs::write(&path, value).map_err(|source| InitError::NetworkSetting {
            path,
            value: value.clone(),
            source,
        })?;
    }
    Ok(())
}

pub(super) fn bring_up_loopback(container: &Container) -> Result<(), InitError> {
    if !container.has_own_network() {
        return Ok(());
    }
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = socket.map_err(|source| InitError::Loopback(source.into()))?;
    sys::bring_up_loopback(socket.as_fd()).map_err(InitError::Loopback)
}

pub(crate) fn make_session() -> Result<(), InitError> {
    rustix::process::setsid().map_err(|source| InitError::Session(source.into()))?;
    // Keys have no namespace, so at least the spawner's own are left behind. A kernel without keyrings has none.
    let _ = sys::join_new_session_keyring();
    Ok(())
}

pub(crate) fn set_stdio(stdio: Stdio) -> Result<(), InitError> {
    let set = || -> io::Result<()> {
        rustix::stdio::dup2_stdin(&stdio.stdin)?;
        rustix::stdio::dup2_stdout(&stdio.stdout)?;
        rustix::stdio::dup2_stderr(&stdio.stderr)?;
        Ok(())
    };
    set().map_err(InitError::Stdio)
}

pub(crate) fn close_descriptors_on_exec() -> Result<(), InitError> {
    sys::close_on_exec_from(3).map_err(InitError::CloseDescriptors)
}

/// Goes to the container's working directory, and makes it (root's, 0755) if it is missing: an image's WORKDIR need not
/// exist.
pub(super) fn make_working_directory(path: &Path) -> Result<(), InitError> {
    enter(path, |root| resolve::make(root, path, Kind::Folder))
}

/// Goes to a working directory that is there. For an exec, whose typing mistake shall leave no folder behind.
pub(crate) fn enter_working_directory(path: &Path) -> Result<(), InitError> {
    enter(path, |root| {
        resolve::open(root, path, OFlags::PATH | OFlags::DIRECTORY)
    })
}

fn enter(path: &Path, find: impl Fn(OwnedFd) -> io::Result<OwnedFd>) -> Result<(), InitError> {
    let enter = || -> io::Result<()> {
        let root = rustix::fs::open(
            "/",
            OFlags::PATH | OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        // By descriptor and under the root: `/proc/self/fd/7` as a working directory was CVE-2024-21626.
        let folder = find(root)?;
        rustix::process::fchdir(&folder)?;
        // Outside of the root the kernel would answer "(unreachable)…".
        let now = rustix::process::getcwd(Vec::new())?;
        if now.as_bytes().first() == Some(&b'/') {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it lies outside of the container",
            ))
        }
    };
    enter().map_err(|source| InitError::WorkingDirectory {
        path: path.to_owned(),
        source,
    })
}

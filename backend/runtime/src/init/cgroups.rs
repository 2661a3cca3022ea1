//! Shows a container the cgroups that it is limited by, read-only, where Docker shows them: `/sys/fs/cgroup`.
//!
//! .NET, Node and others read their limits there to choose the sizes of heaps and pools. A program that finds nothing
//! takes the host's memory and processors for its own, and is killed for it. (The JVM wants v1's `cpuset` too before it
//! believes any of it. A container has no group there: the kernel rebuilds its scheduling domains for each, which would
//! cost a start more than all else.)
//!
//! With v2 it is one tree. With v1 it is a small file system with a folder for each hierarchy, and only for those that
//! programs read their limits from. What is mounted is the container's own
//! group, from the host's mounts and without a new instance of the file system, so that there is nothing above it to be
//! seen, with or without a cgroup namespace.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, symlinkat};
use rustix::mount::MountAttrFlags;

use super::mounts::{attach, cloned, detached};
use crate::cgroup::{Cgroup, Hierarchy};
use crate::resolve;
use crate::sys;

/// The controllers whose files programs read.
const SHOWN: [&str; 4] = ["cpu", "cpuacct", "memory", "pids"];

/// Mounts them on `target`, under `root`.
pub(super) fn mount_own(
    root: BorrowedFd<'_>,
    target: &Path,
    attributes: MountAttrFlags,
    cgroup: &Cgroup,
) -> io::Result<()> {
    let target = resolve::plain_folder(root, target)?;
    let layout = cgroup.layout();
    if let (true, Some(v2)) = (layout.is_unified(), layout.v2()) {
        return show(cgroup, v2, attributes, &target);
    }
    let data = [("mode", Some("755")), ("size", Some("64k"))];
    let folders = detached(
        "tmpfs",
        &data,
        attributes - MountAttrFlags::MOUNT_ATTR_RDONLY,
    )?;
    // Before there is anything on it: the kernel mounts nothing on what is detached itself.
    attach(&folders, &target)?;
    for hierarchy in layout.hierarchies() {
        let has = |name: &&str| layout.with(name) == Some(hierarchy);
        let (Some(name), true) = (hierarchy.mount.file_name(), SHOWN.iter().any(has)) else {
            continue;
        };
        mkdirat(&folders, name, Mode::from_raw_mode(0o755))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(&folders, name, flags, Mode::empty())?;
        show(cgroup, hierarchy, attributes, &folder)?;
        // Where several share a hierarchy, each is looked for by its own name.
        for controller in hierarchy
            .controllers
            .iter()
            .filter(|other| name != other.as_str())
        {
            symlinkat(name, &folders, controller.as_str())?;
        }
    }
    sys::set_mount_attributes(folders.as_fd(), attributes.bits().into(), false)
}

fn show(
    cgroup: &Cgroup,
    hierarchy: &Hierarchy,
    attributes: MountAttrFlags,
    target: &OwnedFd,
) -> io::Result<()> {
    let own = cloned(CWD, &cgroup.folder(hierarchy), false)?;
    sys::set_mount_attributes(own.as_fd(), attributes.bits().into(), false)?;
    attach(&own, target)
}

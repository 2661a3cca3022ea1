//! Mounts what a container sees beside its root file system: the kernel's file systems, and parts of the host.
//!
//! Every mount is made detached and then moved to a target that was opened under the container's root, by descriptor.
//! Between the look-up and the mount there is no path that a link could change.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FsWord, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
    mount_change, move_mount, open_tree,
};

use super::{InitError, cgroups};
use crate::cgroup::Cgroup;
use crate::order::Mount;
use crate::resolve::{self, Kind};
use crate::sys;

/// The file systems that a spec may mount. A disk's file system, parsed by the kernel from bytes that somebody else
/// made, is not among them. `cgroup` is a kind of its own.
const KINDS: [&str; 5] = ["devpts", "mqueue", "proc", "sysfs", "tmpfs"];

/// The type that sysfs has for statfs(2): SYSFS_MAGIC of linux/magic.h.
const SYSFS_MAGIC: FsWord = 0x6265_6572;

/// From here on, nothing that is mounted in this namespace appears in another, nor the other way round.
pub(super) fn make_private() -> Result<(), InitError> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(|source| InitError::PrivateMounts(source.into()))
}

/// Mounts them in their order.
pub(super) fn mount_all(
    root: BorrowedFd<'_>,
    mounts: &[Mount],
    cgroup: &Cgroup,
) -> Result<(), InitError> {
    for mount in mounts {
        let options = Options::parse(mount);
        let kind = mount.kind.as_str();
        let mounted = if options.bind || kind == "bind" {
            mount_bind(root, mount, &options)
        } else if kind == "cgroup" {
            cgroups::mount_own(root, &mount.destination, options.attributes, cgroup)
        } else if kind == "tmpfs" && !mount.destination.starts_with("/dev") {
            mount_memory(root, &mount.destination, &options)
        } else if KINDS.contains(&kind) {
            mount_kernel(root, &mount.destination, kind, &options)
        } else {
            return Err(InitError::MountKind(kind.to_owned()));
        };
        let failed = |source| InitError::Mount {
            kind: mount
                .source
                .as_ref()
                .map_or_else(|| kind.to_owned(), |source| source.display().to_string()),
            target: mount.destination.clone(),
            source,
        };
        mounted.map_err(failed)?;
    }
    Ok(())
}

fn mount_kernel(
    root: BorrowedFd<'_>,
    target: &Path,
    kind: &str,
    options: &Options<'_>,
) -> io::Result<()> {
    // Opened first: what is mounted where a link of the image leads would be believed to be the kernel's.
    let target = resolve::plain_folder(root, target)?;
    let mount = detached(kind, &options.data, options.attributes)?;
    attach(&mount, &target)
}

/// A folder in memory where the image's links lead: `/var/run` is one in most. Only `/dev`, which is the kernel's, is
/// mounted as [`mount_kernel`] does.
fn mount_memory(root: BorrowedFd<'_>, target: &Path, options: &Options<'_>) -> io::Result<()> {
    let target = asked_for(root, target, Kind::Folder)?;
    let mount = detached("tmpfs", &options.data, options.attributes)?;
    attach(&mount, &target)
}

/// The target of a mount that somebody asked for, by name or in an image's VOLUME. It may lie anywhere but in what the
/// kernel says: what stood in for a part of `/proc` would be believed, and what is masked there be seen beside it
/// (CVE-2019-16884, CVE-2023-27561). Asked of what was opened, because a link of the image can lead there.
fn asked_for(root: BorrowedFd<'_>, target: &Path, kind: Kind) -> io::Result<OwnedFd> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    let target = resolve::make(root, target, kind).map_err(|error| match kind {
        Kind::Folder if error.kind() == io::ErrorKind::NotADirectory => wrong(
            "expected a folder or nothing there, because a folder is mounted, but found a file",
        ),
        _ => error,
    })?;
    let is_folder = rustix::fs::FileType::from_raw_mode(fstat(&target)?.st_mode).is_dir();
    if kind == Kind::File && is_folder {
        return Err(wrong(
            "expected a file or nothing there, because a file is mounted, but found a folder",
        ));
    }
    match fstatfs(&target)?.f_type {
        PROC_SUPER_MAGIC | SYSFS_MAGIC => Err(wrong(
            "expected a place of the image, but found one of the kernel's /proc or /sys",
        )),
        _ => Ok(target),
    }
}

/// A new file system, mounted nowhere yet.
pub(super) fn detached(
    kind: &str,
    data: &[(&str, Option<&str>)],
    attributes: MountAttrFlags,
) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", kind)?;
    for (key, value) in data {
        match value {
            Some(value) => fsconfig_set_string(&context, *key, *value)?,
            None => fsconfig_set_flag(&context, *key)?,
        }
    }
    fsconfig_create(&context)?;
    Ok(fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        attributes,
    )?)
}

/// Mounts what is detached onto an opened location.
pub(super) fn attach(mount: &OwnedFd, target: &OwnedFd) -> io::Result<()> {
    let by_descriptor =
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(mount, "", target, "", by_descriptor)?)
}

/// A second mount, detached, of what lies at an opened location.
pub(super) fn cloned(
    location: BorrowedFd<'_>,
    path: &Path,
    recursive: bool,
) -> io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if path.as_os_str().is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    Ok(open_tree(location, path, flags)?)
}

fn mount_bind(root: BorrowedFd<'_>, mount: &Mount, options: &Options<'_>) -> io::Result<()> {
    let source = mount.source.as_deref();
    let source =
        source.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "expected a source"))?;
    let tree = cloned(CWD, source, options.recursive)?;
    // What the container gets of the host must not open the host's devices, or run a set-user-ID program that a
    // neighbour put there as more than it is for the host.
    let attributes = options.attributes | MountAttrFlags::MOUNT_ATTR_NODEV;
    sys::set_mount_attributes(tree.as_fd(), attributes.bits().into(), options.recursive)?;
    let is_folder = rustix::fs::FileType::from_raw_mode(fstat(&tree)?.st_mode).is_dir();
    let kind = if is_folder { Kind::Folder } else { Kind::File };
    let target = asked_for(root, &mount.destination, kind)?;
    attach(&tree, &target)
}

/// A mount's options, sorted by what they are for.
struct Options<'a> {
    bind: bool,
    recursive: bool,
    attributes: MountAttrFlags,
    /// For the file system itself.
    data: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Options<'a> {
    fn parse(mount: &'a Mount) -> Self {
        let mut options = Self {
            bind: false,
            recursive: false,
            attributes: MountAttrFlags::empty(),
            data: Vec::new(),
        };
        for option in &mount.options {
            match option.as_str() {
                "bind" => options.bind = true,
                "rbind" => (options.bind, options.recursive) = (true, true),
                "ro" => options.attributes |= MountAttrFlags::MOUNT_ATTR_RDONLY,
                "nosuid" => options.attributes |= MountAttrFlags::MOUNT_ATTR_NOSUID,
                "nodev" => options.attributes |= MountAttrFlags::MOUNT_ATTR_NODEV,
                "noexec" => options.attributes |= MountAttrFlags::MOUNT_ATTR_NOEXEC,
                "noatime" => options.attributes |= MountAttrFlags::MOUNT_ATTR_NOATIME,
                "strictatime" => options.attributes |= MountAttrFlags::MOUNT_ATTR_STRICTATIME,
                "nodiratime" => options.attributes |= MountAttrFlags::MOUNT_ATTR_NODIRATIME,
                // The defaults, and propagation: every mount of the container is private.
                "rw" | "suid" | "dev" | "exec" | "relatime" | "defaults" | "private"
                | "rprivate" | "slave" | "rslave" => {}
                other => options.data.push(match other.split_once('=') {
                    Some((key, value)) => (key, Some(value)),
                    None => (other, None),
                }),
            }
        }
        options
    }
}

/// Opens a location in the container for something to be mounted on; `None` if there is nothing there.
pub(super) fn location(root: BorrowedFd<'_>, path: &Path) -> io::Result<Option<OwnedFd>> {
    match resolve::open(root, path, OFlags::PATH) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

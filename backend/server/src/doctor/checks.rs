//! One function a thing.

use std::fs;
use std::path::Path;

use estiva_runtime::cgroup::Layout;
use estiva_shared::text::human_bytes;
use rustix::fs::{
    CWD, MemfdFlags, Mode, OFlags, ResolveFlags, memfd_create, openat2 as open_beneath, statvfs,
};
use rustix::io::Errno;
use rustix::mount::{FsOpenFlags, fsopen};
use rustix::process::{PidfdFlags, geteuid, getpid, pidfd_open};

use super::{Finding, Status};
use crate::root::is_on_overlay;
use crate::runtime_program;
use crate::server::services::BUSYBOX_PATHS;

/// The oldest kernel that has all that is called: `cgroup.kill` and overlayfs's volatile option came before it.
const KERNEL_MIN: (u32, u32) = (5, 15);

/// Below this a build of an ordinary image may not fit, in bytes.
const DISK_WANTED_BYTES: u64 = 2 << 30;

/// Below this nothing does, in bytes.
const DISK_MIN_BYTES: u64 = 64 << 20;

/// The namespaces that a container has.
const NAMESPACES: [&str; 6] = ["mnt", "pid", "ipc", "uts", "net", "cgroup"];

/// The controllers that limits are set by, and what does not work without each.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

pub(super) fn user() -> Finding {
    let user = geteuid();
    let status = if user.is_root() {
        Status::Ok
    } else {
        Status::Missing
    };
    Finding::new(
        "user",
        status,
        format!("user {}", user.as_raw()),
        "run the commands that need a server with sudo",
    )
}

pub(super) fn kernel() -> Finding {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut numbers = release
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let status = if version >= KERNEL_MIN {
        Status::Ok
    } else {
        Status::Missing
    };
    Finding::new(
        "kernel",
        status,
        format!("Linux {release}"),
        "use Linux 5.15 or newer",
    )
}

pub(super) fn namespaces() -> Finding {
    let missing: Vec<_> = NAMESPACES
        .iter()
        .filter(|name| !Path::new("/proc/self/ns").join(name).exists())
        .copied()
        .collect();
    if missing.is_empty() {
        return Finding::new("namespaces", Status::Ok, NAMESPACES.join(", "), "");
    }
    let found = format!("the kernel lacks: {}", missing.join(", "));
    Finding::new(
        "namespaces",
        Status::Missing,
        found,
        "use a kernel with CONFIG_NAMESPACES and all below it",
    )
}

pub(super) fn overlayfs() -> Finding {
    let fix = "load it: modprobe overlay";
    match fs::read_to_string("/proc/filesystems") {
        Ok(text)
            if text
                .lines()
                .any(|line| line.trim_start_matches("nodev").trim() == "overlay") =>
        {
            Finding::new("overlayfs", Status::Ok, "the kernel has it", fix)
        }
        // A module is loaded at the first mount, where it lies on the disk.
        Ok(_) if has_module("overlay") => Finding::new(
            "overlayfs",
            Status::Ok,
            "a module, loaded when it is needed",
            fix,
        ),
        Ok(_) => Finding::new(
            "overlayfs",
            Status::Missing,
            "the kernel does not know it",
            fix,
        ),
        Err(error) => Finding::new(
            "overlayfs",
            Status::Missing,
            format!("/proc/filesystems: {error}"),
            "mount /proc",
        ),
    }
}

fn has_module(name: &str) -> bool {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let list = Path::new("/lib/modules").join(release).join("modules.dep");
    fs::read_to_string(list).is_ok_and(|text| text.contains(&format!("/{name}.ko")))
}

pub(super) fn detached_mounts() -> Finding {
    let fix = "use Linux 5.2 or newer, outside a container that forbids it";
    match fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC) {
        Ok(_) => Finding::new("detached mounts", Status::Ok, "fsopen works", fix),
        Err(Errno::PERM) if !geteuid().is_root() => Finding::new(
            "detached mounts",
            Status::Limited,
            "can be seen by root only",
            "run estiva doctor as root",
        ),
        Err(error) => Finding::new(
            "detached mounts",
            Status::Missing,
            format!("fsopen: {error}"),
            fix,
        ),
    }
}

pub(super) fn openat2() -> Finding {
    let tried = open_beneath(
        CWD,
        ".",
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::IN_ROOT,
    );
    let (status, found) = outcome("openat2", tried);
    Finding::new(
        "openat2",
        status,
        found,
        "use Linux 5.6 or newer, outside a container that forbids it",
    )
}

pub(super) fn memfd() -> Finding {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let tried =
        memfd_create("doctor", flags | MemfdFlags::EXEC).or_else(|_| memfd_create("doctor", flags));
    let (status, found) = outcome("memfd_create", tried);
    Finding::new(
        "memfd",
        status,
        found,
        "allow programs in memory: sysctl vm.memfd_noexec=0",
    )
}

pub(super) fn pidfd() -> Finding {
    let (status, found) = outcome("pidfd_open", pidfd_open(getpid(), PidfdFlags::empty()));
    Finding::new(
        "pidfd",
        status,
        found,
        "use Linux 5.6 or newer, outside a container that forbids it",
    )
}

pub(super) fn seccomp() -> Finding {
    let fix = "use a kernel with CONFIG_SECCOMP_FILTER";
    match fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail") {
        Ok(text) if text.contains("errno") => {
            Finding::new("seccomp", Status::Ok, "filters work", fix)
        }
        _ => Finding::new("seccomp", Status::Missing, "the kernel has no filters", fix),
    }
}

pub(super) fn cgroups() -> Finding {
    let fix = "mount them: mount -t cgroup2 cgroup2 /sys/fs/cgroup";
    match Layout::detect() {
        Ok(layout) if layout.is_unified() => {
            Finding::new("cgroups", Status::Ok, "one tree (v2)", fix)
        }
        Ok(layout) => {
            let count = layout.hierarchies().len();
            let second = if layout.v2().is_some() {
                ", v2 beside it"
            } else {
                ""
            };
            Finding::new(
                "cgroups",
                Status::Ok,
                format!("{count} hierarchies (v1{second})"),
                fix,
            )
        }
        Err(error) => Finding::new("cgroups", Status::Missing, error.to_string(), fix),
    }
}

pub(super) fn controllers() -> Finding {
    let fix = "without a controller its limit can't be set; enable it on the kernel's command line";
    let Ok(layout) = Layout::detect() else {
        return Finding::new("controllers", Status::Limited, "none, without cgroups", fix);
    };
    let (there, missing): (Vec<_>, Vec<_>) = CONTROLLERS
        .iter()
        .partition(|name| layout.with(name).is_some());
    let list = |names: Vec<&&str>| {
        names
            .iter()
            .map(|name| **name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    if missing.is_empty() {
        return Finding::new("controllers", Status::Ok, list(there), fix);
    }
    Finding::new(
        "controllers",
        Status::Limited,
        format!("missing: {}", list(missing)),
        fix,
    )
}

pub(super) fn disk(root: &Path) -> Finding {
    let fix = "free some space, or name a root on another disk with --root";
    // A root that is not there yet will lie where its nearest folder is; a relative one, somewhere below this one.
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let Some(folder) = root.ancestors().find(|folder| folder.exists()) else {
        return Finding::new(
            "disk",
            Status::Missing,
            "the root has no folder above it",
            fix,
        );
    };
    if is_on_overlay(folder).is_ok_and(|is| is) {
        return Finding::new(
            "disk",
            Status::Missing,
            format!(
                "{} is on overlayfs, on which the kernel stacks no other",
                folder.display()
            ),
            "name a root on another file system with --root; inside of a container, one of a volume or a tmpfs",
        );
    }
    match statvfs(folder) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let status = match free {
                DISK_WANTED_BYTES.. => Status::Ok,
                DISK_MIN_BYTES.. => Status::Limited,
                _ => Status::Missing,
            };
            Finding::new(
                "disk",
                status,
                format!("{} free at {}", human_bytes(free), folder.display()),
                fix,
            )
        }
        Err(error) => Finding::new(
            "disk",
            Status::Missing,
            format!("{}: {error}", folder.display()),
            fix,
        ),
    }
}

pub(super) fn runtime() -> Finding {
    let (status, found) = match runtime_program::find() {
        Ok(_) => (Status::Ok, "it can be started".to_owned()),
        Err(error) => (Status::Missing, error.to_string()),
    };
    Finding::new(
        "estiva-runtime",
        status,
        found,
        "build the whole program: make build",
    )
}

pub(super) fn proxy() -> Finding {
    let (status, found) = match runtime_program::find_proxy() {
        Ok(_) => (Status::Ok, "it can be started".to_owned()),
        Err(error) => (Status::Missing, error.to_string()),
    };
    let fix = "build the whole program: make build";
    Finding::new("estiva-proxy", status, found, fix)
}

pub(super) fn busybox() -> Finding {
    let fix = "install it for `estiva base busybox`: apt-get install busybox-static";
    match BUSYBOX_PATHS.iter().find(|path| Path::new(path).exists()) {
        Some(path) => Finding::new("busybox-static", Status::Ok, *path, fix),
        None => Finding::new("busybox-static", Status::Limited, "not installed", fix),
    }
}

fn outcome<T>(call: &str, tried: rustix::io::Result<T>) -> (Status, String) {
    match tried {
        Ok(_) => (Status::Ok, format!("{call} works")),
        Err(error) => (Status::Missing, format!("{call}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root that was to be made below the working directory was said to have no folder above it.
    #[test]
    fn the_disk_of_a_relative_root_is_this_folders() {
        let here = std::env::current_dir().unwrap();
        let found = disk(Path::new("not-there-yet")).found;
        assert!(found.contains(here.to_str().unwrap()), "{found}");
    }

    #[test]
    fn what_is_missing_comes_with_a_fix_and_what_is_there_without() {
        for finding in crate::doctor::examine(Path::new("/surely/not/there")) {
            assert_eq!(
                finding.fix.is_none(),
                finding.status == Status::Ok,
                "{finding:?}"
            );
            assert!(
                !finding.found.is_empty() && finding.fix.as_ref().is_none_or(|fix| !fix.is_empty()),
                "{finding:?}"
            );
        }
    }
}

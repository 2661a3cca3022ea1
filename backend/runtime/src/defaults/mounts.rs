//! What a caller mounts into a container beside the kernel's file systems: parts of the host, and folders in memory.
//!
//! They are mounted in the order of their targets' depth, whatever order they were asked for in: a parent that came
//! after its child would hide it.

use std::path::{Path, PathBuf};

use oci_spec::runtime::{Mount, MountBuilder};

/// A host file or folder shown in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path in the container; an empty file or folder is made where it doesn't exist.
    pub destination: PathBuf,
    /// Whether the container may only read it, and all that is mounted below it.
    pub read_only: bool,
}

/// A folder in memory. Devices don't open in it, and set-user-ID programs gain nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tmpfs {
    /// Absolute path in the container; an empty folder is made where it doesn't exist.
    pub destination: PathBuf,
    /// The most that it holds, in bytes; the kernel's half of the memory where none is given.
    pub size_bytes: Option<u64>,
    /// Its root's mode; 1777 (octal) where none is given.
    pub mode: Option<u32>,
    /// Its root's owner and group; root where none is given.
    pub owner: (Option<u32>, Option<u32>),
    /// Whether the container may only read it.
    pub read_only: bool,
    /// Whether programs in it can be run.
    pub exec: bool,
}

/// All of them as the specification's mounts, parents before what lies in them.
pub(super) fn in_order(binds: &[Bind], tmpfs: &[Tmpfs]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = binds.iter().map(bind_mount).collect();
    mounts.extend(tmpfs.iter().map(tmpfs_mount));
    let depth = |path: &Path| path.components().count();
    mounts.sort_by_key(|mount| depth(mount.destination()));
    mounts
}

fn bind_mount(bind: &Bind) -> Mount {
    let mut options = vec!["rbind".to_owned(), "rprivate".to_owned()];
    if bind.read_only {
        options.push("ro".to_owned());
    }
    MountBuilder::default()
        .destination(bind.destination.clone())
        .source(bind.source.clone())
        .typ("bind")
        .options(options)
        .build()
        .expect("a destination is all that a mount must have")
}

fn tmpfs_mount(tmpfs: &Tmpfs) -> Mount {
    let mut options = vec!["nosuid".to_owned(), "nodev".to_owned()];
    if !tmpfs.exec {
        options.push("noexec".to_owned());
    }
    if tmpfs.read_only {
        options.push("ro".to_owned());
    }
    options.push(format!("mode={:o}", tmpfs.mode.unwrap_or(0o1777)));
    let numbers = [
        ("size", tmpfs.size_bytes),
        ("uid", tmpfs.owner.0.map(u64::from)),
        ("gid", tmpfs.owner.1.map(u64::from)),
    ];
    let given = numbers
        .iter()
        .filter_map(|(name, number)| number.map(|number| format!("{name}={number}")));
    options.extend(given);
    MountBuilder::default()
        .destination(tmpfs.destination.clone())
        .source("tmpfs")
        .typ("tmpfs")
        .options(options)
        .build()
        .expect("a destination is all that a mount must have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_mounted_before_what_lies_in_it() {
        let bind = |destination: &str| Bind {
            source: "/srv".into(),
            destination: destination.into(),
            read_only: false,
        };
        let tmpfs = |destination: &str| Tmpfs {
            destination: destination.into(),
            ..Tmpfs::default()
        };
        let binds = [bind("/data/cache/deep"), bind("/data"), bind("/etc/hosts")];
        let mounts = in_order(&binds, &[tmpfs("/data/cache"), tmpfs("/etc")]);
        let order: Vec<_> = mounts
            .iter()
            .map(|mount| mount.destination().to_str().unwrap())
            .collect();
        let place = |path: &str| order.iter().position(|found| *found == path).unwrap();
        assert!(place("/data") < place("/data/cache"), "{order:?}");
        assert!(
            place("/data/cache") < place("/data/cache/deep"),
            "{order:?}"
        );
        assert!(place("/etc") < place("/etc/hosts"), "{order:?}");
    }

    #[test]
    fn a_folder_in_memory_runs_nothing_unless_it_was_asked_for() {
        let options = |tmpfs: Tmpfs| tmpfs_mount(&tmpfs).options().clone().unwrap();
        let plain = options(Tmpfs::default());
        assert_eq!(plain, ["nosuid", "nodev", "noexec", "mode=1777"]);
        let asked = options(Tmpfs {
            size_bytes: Some(4096),
            mode: Some(0o700),
            owner: (Some(7), None),
            read_only: true,
            exec: true,
            ..Tmpfs::default()
        });
        assert_eq!(
            asked,
            ["nosuid", "nodev", "ro", "mode=700", "size=4096", "uid=7"]
        );
    }
}

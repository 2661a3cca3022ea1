//! Which cgroup hierarchies the host has mounted, and where: read from `/proc/self/mountinfo`, never assumed.

use std::fs;
use std::path::PathBuf;

use super::CgroupError;

/// The v1 controllers that a container's group is made under. `cpuset` and `blkio` are left alone: a new `cpuset`
/// group takes nobody before it is set up, and nothing here limits by either.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuacct", "memory", "pids", "devices", "freezer"];

/// systemd's hierarchy. It limits nothing, but whoever stays in a service's group there is killed with the service.
const SYSTEMD: &str = "name=systemd";

/// One mounted cgroup hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The v1 controllers it has (several can share one); none for v2, whose controllers are listed in a file.
    pub controllers: Vec<String>,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Hierarchy {
    /// Whether it is the v2 tree.
    #[must_use]
    pub fn is_v2(&self) -> bool {
        self.version == Version::V2
    }
}

/// The cgroup hierarchies of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    hierarchies: Vec<Hierarchy>,
    /// The controllers that the v2 tree offers.
    v2_controllers: Vec<String>,
}

impl Layout {
    /// Looks at the host.
    ///
    /// # Errors
    /// If the mounts can't be read, or no cgroup file system is among them.
    pub fn detect() -> Result<Self, CgroupError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(CgroupError::Layout)?;
        let mut layout = Self::parse(&mounts);
        if layout.hierarchies.is_empty() {
            return Err(CgroupError::NoneMounted);
        }
        if let Some(v2) = layout
            .hierarchies
            .iter()
            .find(|hierarchy| hierarchy.is_v2())
        {
            let offered = fs::read_to_string(v2.mount.join("cgroup.controllers"))
                .map_err(CgroupError::Layout)?;
            layout.v2_controllers = offered.split_whitespace().map(str::to_owned).collect();
        }
        Ok(layout)
    }

    /// The hierarchies in a `mountinfo` (`man 5 proc_pid_mountinfo`).
    pub(super) fn parse(mountinfo: &str) -> Self {
        let mut hierarchies = Vec::<Hierarchy>::new();
        for line in mountinfo.lines() {
            let Some((left, right)) = line.split_once(" - ") else {
                continue;
            };
            let mut left = left.split(' ').skip(3);
            let (Some(root), Some(mount)) = (left.next(), left.next()) else {
                continue;
            };
            let mut right = right.split(' ');
            let (kind, options) = (right.next(), right.nth(1).unwrap_or_default());
            // A part of a hierarchy, as seen inside a container, is not where a group of our own belongs.
            if root != "/" {
                continue;
            }
            let (version, controllers) = match kind {
                Some("cgroup2") => (Version::V2, Vec::new()),
                Some("cgroup") => (Version::V1, used_controllers(options)),
                _ => continue,
            };
            let known = hierarchies
                .iter()
                .any(|other| other.version == version && other.controllers == controllers);
            if known || (version == Version::V1 && controllers.is_empty()) {
                continue;
            }
            hierarchies.push(Hierarchy {
                mount: PathBuf::from(unescape(mount)),
                controllers,
                version,
            });
        }
        Self {
            hierarchies,
            v2_controllers: Vec::new(),
        }
    }

    /// Every hierarchy that a container's group is made in.
    #[must_use]
    pub fn hierarchies(&self) -> &[Hierarchy] {
        &self.hierarchies
    }

    /// Whether the host has the v2 tree alone.
    #[must_use]
    pub fn is_unified(&self) -> bool {
        matches!(&self.hierarchies[..], [only] if only.is_v2())
    }

    /// The v2 tree, if it is mounted.
    #[must_use]
    pub fn v2(&self) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.is_v2())
    }

    /// The hierarchy that has `controller`. What v1 calls `cpuacct` is in v2's `cpu`, and `devices` and `freezer`
    /// are in none of v2's controllers.
    #[must_use]
    pub fn with(&self, controller: &str) -> Option<&Hierarchy> {
        let v1 = self
            .hierarchies
            .iter()
            .find(|hierarchy| hierarchy.controllers.iter().any(|name| name == controller));
        let v2_name = if controller == "cpuacct" {
            "cpu"
        } else {
            controller
        };
        let v2 = || {
            self.v2()
                .filter(|_| self.v2_controllers.iter().any(|name| name == v2_name))
        };
        v1.or_else(v2)
    }
}

fn used_controllers(options: &str) -> Vec<String> {
    let used = |name: &&str| CONTROLLERS.contains(name) || *name == SYSTEMD;
    options.split(',').filter(used).map(str::to_owned).collect()
}

/// `mountinfo` writes space, tab, newline and backslash as a backslash and three octal digits.
fn unescape(path: &str) -> String {
    path.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Layout;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
99 31 0:32 / /mnt/second\\040memory rw,relatime - cgroup cgroup rw,memory
";

    #[test]
    fn finds_each_hierarchy_of_a_hybrid_host_once_and_leaves_others_alone() {
        let layout = Layout::parse(HYBRID);
        let mounts: Vec<_> = layout
            .hierarchies()
            .iter()
            .map(|hierarchy| hierarchy.mount.as_path())
            .collect();
        let expected = ["cpu,cpuacct", "memory", "systemd", "unified"];
        let expected = expected.map(|name| Path::new("/sys/fs/cgroup").join(name));
        assert_eq!(mounts, expected);
        assert!(!layout.is_unified());
        assert_eq!(layout.with("cpuacct"), layout.with("cpu"));
        assert!(layout.with("pids").is_none(), "v2 offers no pids here");
    }

    #[test]
    fn knows_a_unified_host_and_that_its_cpu_accounts_too() {
        let mut layout =
            Layout::parse("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n");
        layout.v2_controllers = vec!["cpu".to_owned(), "memory".to_owned()];
        assert!(layout.is_unified());
        assert!(layout.with("cpuacct").is_some());
        assert!(layout.with("devices").is_none());
    }

    #[test]
    fn ignores_a_subtree_as_a_container_sees_it() {
        let layout =
            Layout::parse("30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
        assert!(layout.hierarchies().is_empty());
    }
}

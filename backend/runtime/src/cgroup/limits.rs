//! Writes a container's limits, in the words of v1 or of v2.

use std::fs;
use std::io;
use std::path::Path;

use super::{Cgroup, CgroupError, Hierarchy, write};
use crate::order::Resources;

/// What v2 calls the controllers that can limit a container.
const V2_CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The period that a CPU quota is measured in if none is given, in microseconds: the kernel's default.
const CPU_PERIOD_US: u64 = 100_000;

impl Cgroup {
    /// Lets the v2 tree hand its controllers down to the container's group. Additive: what others use stays.
    pub(super) fn enable_controllers(&self) {
        let Some(v2) = self.layout.v2() else { return };
        let offered = V2_CONTROLLERS
            .iter()
            .filter(|controller| self.layout.with(controller).is_some_and(Hierarchy::is_v2));
        for controller in offered {
            for folder in [
                v2.mount.clone(),
                self.folder(v2)
                    .parent()
                    .map(Path::to_owned)
                    .unwrap_or_default(),
            ] {
                // Where it is refused, the limit that needs it will say so: the file isn't there then.
                let _ = write(
                    &folder.join("cgroup.subtree_control"),
                    &format!("+{controller}"),
                );
            }
        }
    }

    /// Writes the limits of `resources`.
    ///
    /// # Errors
    /// If the kernel refuses one, or the host has no controller for it: a limit is held or refused, never skipped.
    pub(crate) fn limit(&self, resources: &Resources) -> Result<(), CgroupError> {
        self.limit_memory(resources)?;
        self.limit_cpu(resources)?;
        if let Some(pids) = resources.pids {
            let (folder, _) = self.required("pids", "processes")?;
            write(&folder.join("pids.max"), &or_max(pids))?;
        }
        self.limit_devices(&resources.devices)
    }

    fn limit_memory(&self, resources: &Resources) -> Result<(), CgroupError> {
        let Some(limit) = resources.memory else {
            return Ok(());
        };
        let (folder, is_v2) = self.required("memory", "memory")?;
        let with_swap = resources.memory_and_swap.unwrap_or(limit);
        if is_v2 {
            write(&folder.join("memory.max"), &limit.to_string())?;
            // v2 counts swap by itself, v1 and the specification memory and swap together.
            let swap = if with_swap < 0 {
                "max".to_owned()
            } else {
                with_swap.saturating_sub(limit).to_string()
            };
            let written = write(&folder.join("memory.swap.max"), &swap);
            if is_present(written)? || with_swap < 0 {
                return Ok(());
            }
            return without_swap("memory.swap.max");
        }
        write(&folder.join("memory.limit_in_bytes"), &limit.to_string())?;
        let file = "memory.memsw.limit_in_bytes";
        if is_present(write(&folder.join(file), &with_swap.to_string()))? || with_swap < 0 {
            return Ok(());
        }
        // The kernel doesn't account swap (Debian's and Ubuntu's older ones, by default). Where none is to be given,
        // that the group's memory is never swapped out says the same.
        if with_swap <= limit && is_present(write(&folder.join("memory.swappiness"), "0"))? {
            return Ok(());
        }
        without_swap(file)
    }

    fn limit_cpu(&self, resources: &Resources) -> Result<(), CgroupError> {
        if resources.cpu_quota.is_none() && resources.cpu_shares.is_none() {
            return Ok(());
        }
        let (folder, is_v2) = self.required("cpu", "CPU time")?;
        if let Some(shares) = resources.cpu_shares {
            let (file, value) = if is_v2 {
                ("cpu.weight", weight(shares))
            } else {
                ("cpu.shares", shares)
            };
            write(&folder.join(file), &value.to_string())?;
        }
        let Some(quota) = resources.cpu_quota else {
            return Ok(());
        };
        let period = resources.cpu_period.unwrap_or(CPU_PERIOD_US);
        if is_v2 {
            return write(
                &folder.join("cpu.max"),
                &format!("{} {period}", or_max(quota)),
            );
        }
        write(&folder.join("cpu.cfs_period_us"), &period.to_string())?;
        write(&folder.join("cpu.cfs_quota_us"), &quota.to_string())
    }

    /// v1 has a controller for devices. v2 has none but a program of its own in the kernel, which is not loaded here:
    /// there, that every mount of the container is `nodev` is what keeps it from the host's devices.
    fn limit_devices(&self, rules: &[(bool, String)]) -> Result<(), CgroupError> {
        let Some(folder) = self.controller("devices") else {
            return Ok(());
        };
        for (allow, rule) in rules {
            let file = if *allow {
                "devices.allow"
            } else {
                "devices.deny"
            };
            write(&folder.join(file), rule)?;
        }
        Ok(())
    }

    fn required(
        &self,
        controller: &'static str,
        limit: &'static str,
    ) -> Result<(std::path::PathBuf, bool), CgroupError> {
        let hierarchy = self
            .layout
            .with(controller)
            .ok_or(CgroupError::NoController { controller, limit })?;
        Ok((self.folder(hierarchy), hierarchy.is_v2()))
    }
}

/// v1's shares (2 to 262144) as v2's weight (1 to 10000), by the line that the specification gives.
fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9999 / 262_142
}

fn or_max(limit: i64) -> String {
    if limit < 0 {
        "max".to_owned()
    } else {
        limit.to_string()
    }
}

/// Whether the kernel has the file that was to be written.
fn is_present(written: Result<(), CgroupError>) -> Result<bool, CgroupError> {
    match written {
        Ok(()) => Ok(true),
        Err(CgroupError::Write { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(false)
        }
        Err(other) => Err(other),
    }
}

/// That a limit of swap can't be had is no matter where there is no swap.
fn without_swap(file: &'static str) -> Result<(), CgroupError> {
    if fs::read_to_string("/proc/swaps").is_ok_and(|swaps| has_swap(&swaps)) {
        Err(CgroupError::NoSwapLimit { file })
    } else {
        Ok(())
    }
}

/// Whether a `/proc/swaps` lists anything below its heading.
fn has_swap(swaps: &str) -> bool {
    swaps.lines().nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{has_swap, weight};
    use crate::cgroup::{Cgroup, Layout};
    use crate::order::Resources;

    // A v1 kernel without swap accounting has no file for memory and swap together. That was passed over in silence,
    // and with swap on, a container limited to 64 MiB took as much as there was.
    #[test]
    fn memory_is_not_swapped_out_where_the_kernel_cant_count_swap() {
        let folder = tempfile::TempDir::new().unwrap();
        let mount = folder.path().display();
        let mountinfo = format!("35 31 0:32 / {mount} rw,relatime - cgroup cgroup rw,memory\n");
        let cgroup = Cgroup {
            layout: Layout::parse(&mountinfo),
            name: PathBuf::from("own"),
        };
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        let file = |name: &str| own.join(name);
        for name in ["memory.limit_in_bytes", "memory.swappiness"] {
            fs::write(file(name), "").unwrap();
        }
        let resources = Resources {
            memory: Some(64 << 20),
            memory_and_swap: Some(64 << 20),
            ..Resources::default()
        };
        cgroup.limit(&resources).unwrap();
        let written = |name: &str| fs::read_to_string(file(name)).unwrap();
        assert_eq!(written("memory.limit_in_bytes"), "67108864");
        assert_eq!(written("memory.swappiness"), "0");

        // Where it can, that is what it is told.
        fs::write(file("memory.memsw.limit_in_bytes"), "").unwrap();
        fs::write(file("memory.swappiness"), "60").unwrap();
        cgroup.limit(&resources).unwrap();
        assert_eq!(written("memory.memsw.limit_in_bytes"), "67108864");
        assert_eq!(written("memory.swappiness"), "60");
    }

    #[test]
    fn swap_is_on_where_something_is_listed() {
        let heading = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!has_swap("") && !has_swap(heading));
        assert!(has_swap(&format!("{heading}/dev/sda2 partition 1 0 -2\n")));
    }

    #[test]
    fn maps_shares_to_weights_at_both_ends() {
        assert_eq!((weight(2), weight(262_144), weight(0)), (1, 10_000, 1));
        assert_eq!(weight(1024), 39);
    }
}

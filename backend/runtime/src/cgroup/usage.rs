//! What a container uses now, and whether the kernel had to kill for memory. Absent controllers give zero.

use std::fs;
use std::path::Path;

use super::Cgroup;

/// A container's use of the host at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time used so far, in nanoseconds over all cores.
    pub cpu_ns: u64,
    /// Memory held, in bytes, with the page cache of its files.
    pub memory_bytes: u64,
    /// The most memory it may hold, in bytes; absent if there is no limit.
    pub memory_limit_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: u64,
    /// How many of its processes the kernel has killed because the memory limit was reached.
    pub oom_kills: u64,
}

/// What v1 answers where no limit is set: the largest multiple of the page size; anything near it means "none".
const V1_NO_LIMIT_BYTES: u64 = 1 << 62;

pub(super) fn read(cgroup: &Cgroup) -> Usage {
    let mut usage = Usage::default();
    let is_v2 = |controller| {
        cgroup
            .layout
            .with(controller)
            .is_some_and(super::Hierarchy::is_v2)
    };
    if let Some(folder) = cgroup.controller("cpuacct") {
        usage.cpu_ns = if is_v2("cpuacct") {
            keyed(&folder.join("cpu.stat"), "usage_usec").saturating_mul(1000)
        } else {
            number(&folder.join("cpuacct.usage")).unwrap_or(0)
        };
    }
    if let Some(folder) = cgroup.controller("memory") {
        if is_v2("memory") {
            usage.memory_bytes = number(&folder.join("memory.current")).unwrap_or(0);
            // "max" is not a number.
            usage.memory_limit_bytes = number(&folder.join("memory.max"));
            usage.oom_kills = keyed(&folder.join("memory.events"), "oom_kill");
        } else {
            usage.memory_bytes = number(&folder.join("memory.usage_in_bytes")).unwrap_or(0);
            usage.memory_limit_bytes = number(&folder.join("memory.limit_in_bytes"))
                .filter(|limit| *limit < V1_NO_LIMIT_BYTES);
            usage.oom_kills = keyed(&folder.join("memory.oom_control"), "oom_kill");
        }
    }
    if let Some(folder) = cgroup.controller("pids") {
        usage.pids = number(&folder.join("pids.current")).unwrap_or(0);
    }
    usage
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number after `key` in a file of `key number` lines.
fn keyed(path: &Path, key: &str) -> u64 {
    let Ok(text) = fs::read_to_string(path) else {
        return 0;
    };
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(name, value)| {
            if name == key {
                value.trim().parse().ok()
            } else {
                None
            }
        })
        .unwrap_or(0)
}

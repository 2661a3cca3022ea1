//! What a RUN step may use. A container's limits are its user's to choose; a step has these, so that a Dockerfile that
//! forks without end or takes all memory ends with a failed step, and not with the host.

use estiva_runtime::defaults::Limits;

/// Processes and threads of a step: far more than a parallel build starts, far fewer than a host has (32,768).
const STEP_PIDS_MAX: u64 = 8_192;

/// The share of the host's memory that a step may use, in eighths: the rest is for the server and what else runs.
const STEP_MEMORY_EIGHTHS: u64 = 7;

/// The limits of a RUN step on this host.
pub(crate) fn step_limits() -> Limits {
    let information = rustix::system::sysinfo();
    // The fields are as wide as a word: 32 bits on some machines. A unit is 1 byte, or a page where that is too small.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
    let total_bytes = (information.totalram as u64).saturating_mul(information.mem_unit as u64);
    Limits {
        memory_bytes: Some(total_bytes / 8 * STEP_MEMORY_EIGHTHS),
        cpu_milli: None,
        pids: Some(STEP_PIDS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_may_use_most_of_the_host_and_not_all() {
        let limits = step_limits();
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total_kib: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
        let share = limits.memory_bytes.unwrap() * 100 / (total_kib * 1024);
        assert!((85..=88).contains(&share), "{share} %");
        assert_eq!(limits.pids, Some(STEP_PIDS_MAX));
    }
}

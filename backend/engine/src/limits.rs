//! A container's limits: which can be set at all. Checked before anything is made, so that a wrong one costs nothing.

use estiva_shared::{protocol::Limits, text::human_bytes};

use crate::EngineError;

/// The least memory a container can be given, in bytes: 6 MiB, as Docker's. Below, the kernel kills the first process
/// before it has executed anything, and the message would be about that instead of the limit.
pub const MEMORY_BYTES_MIN: u64 = 6 << 20;

/// The most memory, in bytes: cgroup v1 reads the number as signed.
const MEMORY_BYTES_MAX: u64 = i64::MAX as u64;

/// The least part of a core: the kernel's shortest quota is 1 ms in each period of 100 ms (sched/core.c,
/// `min_cfs_quota_period`).
pub const CPUS_MIN: f64 = 0.01;

/// The most processes: the kernel's own PID_MAX_LIMIT on 64 bits, 4 Mi.
pub const PIDS_MAX: u64 = 4 << 20;

/// Refuses limits that can't be set on this host.
///
/// # Errors
/// [`EngineError::BadLimit`], naming the option.
pub fn check_limits(limits: &Limits, host_cpus: usize) -> Result<(), EngineError> {
    if let Some(bytes) = limits.memory_bytes
        && !(MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&bytes)
    {
        return Err(EngineError::BadLimit {
            limit: "--memory",
            expected: "at least 6 MiB (6m)".to_owned(),
            found: human_bytes(bytes),
        });
    }
    if let Some(cpus) = limits.cpus
        // Written so that NaN, which is in no range, is refused too.
        && !(CPUS_MIN..=host_cpus as f64).contains(&cpus)
    {
        return Err(EngineError::BadLimit {
            limit: "--cpus",
            expected: format!("from {CPUS_MIN} to the host's {host_cpus}"),
            found: cpus.to_string(),
        });
    }
    if let Some(pids) = limits.pids
        && !(1..=PIDS_MAX).contains(&pids)
    {
        return Err(EngineError::BadLimit {
            limit: "--pids-limit",
            expected: format!("from 1 to {PIDS_MAX}"),
            found: pids.to_string(),
        });
    }
    Ok(())
}

/// How many processors this process may use.
pub(crate) fn host_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(limits: Limits) -> Option<String> {
        check_limits(&limits, 2)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn takes_limits_at_their_bounds() {
        let limits = Limits {
            memory_bytes: Some(MEMORY_BYTES_MIN),
            cpus: Some(2.0),
            pids: Some(1),
        };
        assert_eq!(refused(limits), None);
        assert_eq!(refused(Limits::default()), None);
    }

    #[test]
    fn refuses_by_the_options_name() {
        let bad = |memory_bytes, cpus, pids| {
            refused(Limits {
                memory_bytes,
                cpus,
                pids,
            })
            .expect("refused")
        };
        assert!(
            bad(Some(MEMORY_BYTES_MIN - 1), None, None)
                .starts_with("--memory: expected at least 6 MiB")
        );
        assert!(bad(Some(u64::MAX), None, None).starts_with("--memory"));
        assert_eq!(
            bad(None, Some(3.0), None),
            "--cpus: expected from 0.01 to the host's 2, but found 3"
        );
        for cpus in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(bad(None, Some(cpus), None).starts_with("--cpus"), "{cpus}");
        }
        assert!(bad(None, None, Some(0)).starts_with("--pids-limit"));
        assert!(bad(None, None, Some(u64::MAX)).starts_with("--pids-limit"));
    }
}

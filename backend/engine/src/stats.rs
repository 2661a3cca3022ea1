//! `stats`: what a container uses, read from its cgroup once a second.
//!
//! Through cgroups-rs, which knows both layouts: its automatic hierarchy is v2 where the unified tree is mounted on
//! /sys/fs/cgroup, and otherwise v1 by the mounts of this process, which is where the runtime makes its groups too.
//! Each sample opens the group anew: that costs microseconds, and a group that is gone is seen.

use std::{sync::Arc, time::Duration};

use cgroups_rs::fs::{
    Cgroup, MaxValue, cpu::CpuController, cpuacct::CpuAcctController, hierarchies,
    memory::MemController, pid::PidController,
};
use estiva_shared::protocol::{ContainerStats, ContainerStatus};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    EngineError, cgroups,
    engine::{Shared, StatsStream, blocking},
    run::now_ms,
    status::{Verb, is_final},
};

/// Between two samples.
const PERIOD: Duration = Duration::from_secs(1);

/// Between the start and the first sample: long enough for a share of the cores to mean something.
const FIRST_AFTER: Duration = Duration::from_millis(200);

/// Samples that wait for the client; when it does not read, older ones are worth nothing and the sampling waits.
const SAMPLES_WAITING_MAX: usize = 2;

/// v1 shows "no limit" as the largest multiple of a page, near 2^63; nobody has half of that.
const V1_NO_LIMIT_BYTES: i64 = 1 << 62;

/// Samples of a running container.
pub(crate) fn stats(shared: &Arc<Shared>, name: &str) -> Result<StatsStream, EngineError> {
    let entry = shared.table.find(name)?;
    Verb::Stats.check(entry.name(), &entry.state().status)?;
    let path = cgroups::path(&shared.world, &entry.record.id);
    let path = format!("estiva-{}/{}", path.world, path.id);
    let (sender, receiver) = mpsc::channel(SAMPLES_WAITING_MAX);
    tokio::spawn(async move {
        let mut state = entry.watch();
        let mut ticks = interval_at(Instant::now() + FIRST_AFTER, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = (
            Instant::now(),
            sample(&path).await.map_or(0, |first| first.cpu_total_ns),
        );
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = state.wait_for(|state| is_final(&state.status)) => return,
                () = sender.closed() => return,
            }
            let taken = sample(&path).await.map(|mut sample| {
                let now = Instant::now();
                sample.cpu_cores =
                    cores(sample.cpu_total_ns.saturating_sub(before.1), now - before.0);
                before = (now, sample.cpu_total_ns);
                sample
            });
            // What was read while the cgroup was taken away says nothing.
            if entry.state().status != ContainerStatus::Running || sender.send(taken).await.is_err()
            {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(receiver))
}

fn cores(cpu_ns: u64, elapsed: Duration) -> f64 {
    cpu_ns as f64 / elapsed.as_nanos().max(1) as f64
}

/// One sample, without the share of the cores. On a thread of its own, because reading memory.stat makes the kernel
/// sum up over all processors.
async fn sample(path: &str) -> Result<ContainerStats, EngineError> {
    let path = path.to_owned();
    blocking(move || {
        let cgroup = Cgroup::load(hierarchies::auto(), path);
        let mut stats = ContainerStats {
            time_ms: now_ms(),
            ..ContainerStats::default()
        };
        read_memory(&cgroup, &mut stats);
        stats.cpu_total_ns = cpu_ns(&cgroup);
        if let Some(pids) = cgroup.controller_of::<PidController>() {
            stats.pids = pids.get_pid_current().unwrap_or(0);
            stats.pids_limit = match pids.get_pid_max() {
                Ok(MaxValue::Value(limit)) => u64::try_from(limit).ok(),
                Ok(MaxValue::Max) | Err(_) => None,
            };
        }
        Ok(stats)
    })
    .await
}

/// What is in use: without the page cache that no one has touched lately, which the kernel gives back at once.
fn read_memory(cgroup: &Cgroup, stats: &mut ContainerStats) {
    let Some(controller) = cgroup.controller_of::<MemController>() else {
        return;
    };
    let memory = controller.memory_stat();
    let inactive = if cgroup.v2() {
        memory.stat.inactive_file
    } else {
        memory.stat.total_inactive_file
    };
    stats.memory_bytes = memory.usage_in_bytes.saturating_sub(inactive);
    stats.memory_limit_bytes = Some(memory.limit_in_bytes)
        .filter(|limit| (1..V1_NO_LIMIT_BYTES).contains(limit))
        .map(i64::unsigned_abs);
}

/// CPU time of all cores since the start, in nanoseconds.
fn cpu_ns(cgroup: &Cgroup) -> u64 {
    if let Some(accounting) = cgroup.controller_of::<CpuAcctController>() {
        return accounting.cpuacct().usage;
    }
    // v2 has it in cpu.stat, in microseconds.
    let stat = cgroup
        .controller_of::<CpuController>()
        .map(|cpu| cpu.cpu().stat)
        .unwrap_or_default();
    usage_usec(&stat).saturating_mul(1000)
}

fn usage_usec(stat: &str) -> u64 {
    stat.lines()
        .find_map(|line| line.strip_prefix("usage_usec ")?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_cores_are_time_over_time() {
        assert!((cores(500_000_000, Duration::from_secs(1)) - 0.5).abs() < f64::EPSILON);
        assert!((cores(0, Duration::ZERO)).abs() < f64::EPSILON);
    }

    #[test]
    fn reads_v2s_cpu_stat() {
        assert_eq!(
            usage_usec("usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n"),
            1234
        );
        assert_eq!(usage_usec(""), 0);
    }
}

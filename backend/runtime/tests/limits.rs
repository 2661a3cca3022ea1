//! What a container may use, measured by what the kernel counts.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::{Duration, Instant};

use common::{Scene, eventually};
use estiva_runtime::cgroup::Cgroup;
use estiva_runtime::{Mode, spawn_step};

#[test]
fn a_container_beyond_its_memory_is_killed_and_reported_so() {
    let Some(scene) = Scene::new("a_container_beyond_its_memory_is_killed_and_reported_so") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        // One line of zeros without an end: awk and its like hold it whole.
        options.args = ["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=200M"]
            .map(str::to_owned)
            .to_vec();
        options.limits.memory_bytes = Some(16 << 20);
    });
    let outcome = scene.run_spec(&spec).unwrap();
    assert_eq!(
        (outcome.exit.code, outcome.exit.oom_killed),
        (137, true),
        "{outcome:?}"
    );
}

#[test]
fn a_container_within_its_memory_is_not_reported() {
    let Some(scene) = Scene::new("a_container_within_its_memory_is_not_reported") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        options.args = ["dd", "if=/dev/zero", "of=/dev/null", "bs=4M", "count=2"]
            .map(str::to_owned)
            .to_vec();
        options.limits.memory_bytes = Some(32 << 20);
    });
    let outcome = scene.run_spec(&spec).unwrap();
    assert_eq!(
        (outcome.exit.code, outcome.exit.oom_killed),
        (0, false),
        "{outcome:?}"
    );
}

// With v1, /sys/fs/cgroup was empty. Programs that read their limits there (.NET, Node) took the host's memory for theirs,
// and were killed by the limit that they couldn't see.
#[test]
fn a_container_can_read_its_limits_and_neither_change_them_nor_look_further() {
    let Some(scene) =
        Scene::new("a_container_can_read_its_limits_and_neither_change_them_nor_look_further")
    else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        let script = "cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes\n\
                      cat pids.max pids/pids.max; cut -d' ' -f1 cpu.max; cat cpu/cpu.cfs_quota_us\n\
                      for file in pids.max pids/pids.max; do echo 99 > $file || echo ro; done\n\
                      mkdir /sys/fs/cgroup/x || echo ro; mkdir pids/x || echo ro; ls -d */c[0-9]*; grep -v ':/$' /proc/self/cgroup";
        options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
        options.limits.memory_bytes = Some(32 << 20);
        options.limits.cpu_milli = Some(500);
        options.limits.pids = Some(50);
    });
    let outcome = scene.run_spec(&spec).unwrap();
    // cpuset and blkio have no group of the container's; it is in the test's own.
    let lines = outcome.stdout.lines().filter(|line| !line.contains(":/"));
    let expected = ["33554432", "50", "50000", "ro", "ro", "ro", "ro"];
    assert_eq!(lines.collect::<Vec<_>>(), expected, "{outcome:?}");
}

#[test]
fn half_a_core_gives_half_a_core() {
    let Some(scene) = Scene::new("half_a_core_gives_half_a_core") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        options.args = ["sh", "-c", "while :; do :; done"]
            .map(str::to_owned)
            .to_vec();
        options.limits.cpu_milli = Some(500);
    });
    let step = spawn_step(&scene.runtime, &spec).unwrap();
    let cgroup = Cgroup::find(&spec.cgroup).unwrap();
    assert!(eventually(|| cgroup.usage().cpu_ns > 50_000_000));
    let (before, began) = (cgroup.usage().cpu_ns, Instant::now());
    std::thread::sleep(Duration::from_secs(1));
    let used = (cgroup.usage().cpu_ns - before) as f64 / began.elapsed().as_nanos() as f64;
    step.canceller().unwrap().cancel();
    step.wait().unwrap();
    // Never more than its share, with a period's grace; less only where others keep the host busy.
    assert!((0.1..0.65).contains(&used), "{used} of a core");
}

#[test]
fn processes_beyond_the_limit_are_refused() {
    let Some(scene) = Scene::new("processes_beyond_the_limit_are_refused") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 100 & done; echo not reached";
        options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
        options.limits.pids = Some(5);
    });
    let outcome = scene.run_spec(&spec).unwrap();
    assert!(outcome.stderr.contains("fork"), "{outcome:?}");
}

#[test]
fn limits_that_the_kernel_refuses_stop_the_start() {
    let Some(scene) = Scene::new("limits_that_the_kernel_refuses_stop_the_start") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        options.args = vec!["true".to_owned()];
        options.limits.cpu_milli = Some(u64::MAX / 200_000);
    });
    let error = scene.run_spec(&spec).unwrap_err().to_string();
    assert!(error.starts_with("can't set "), "{error}");
}

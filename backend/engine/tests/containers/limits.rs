//! Limits hold, and what they did is told.

use std::time::Duration;

use estiva_shared::protocol::{ContainerStats, ContainerStatus, Limits, OutputStream, RunRequest};
use tokio_stream::StreamExt as _;

use crate::world::{PATIENCE, World, code, shell};

fn limited(limits: Limits, args: &[&str]) -> RunRequest {
    RunRequest {
        limits,
        args: args.iter().map(ToString::to_string).collect(),
        ..shell("")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_memory_it_is_killed_and_reported_so() {
    let Some(world) = World::new("beyond_its_memory_it_is_killed_and_reported_so").await else {
        return;
    };
    let limits = Limits {
        memory_bytes: Some(16 << 20),
        ..Limits::default()
    };
    // dd's buffer is one block, and reading fills it.
    let made = world
        .run(limited(
            limits,
            &["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"],
        ))
        .await
        .unwrap();
    let status = world.wait(&made.id).await;
    assert!(
        matches!(
            status,
            ContainerStatus::Exited {
                code: 137,
                oom_killed: true,
                ..
            }
        ),
        "{status:?}"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn within_its_memory_it_lives() {
    let Some(world) = World::new("within_its_memory_it_lives").await else {
        return;
    };
    let limits = Limits {
        memory_bytes: Some(128 << 20),
        ..Limits::default()
    };
    let made = world
        .run(limited(
            limits,
            &["dd", "if=/dev/zero", "of=/dev/null", "bs=32M", "count=1"],
        ))
        .await
        .unwrap();
    let status = world.wait(&made.id).await;
    assert!(
        matches!(
            status,
            ContainerStatus::Exited {
                code: 0,
                oom_killed: false,
                ..
            }
        ),
        "{status:?}"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_stops_at_its_pids() {
    let Some(world) = World::new("a_fork_bomb_stops_at_its_pids").await else {
        return;
    };
    let limits = Limits {
        pids: Some(8),
        ..Limits::default()
    };
    let script = "i=0; while [ $i -lt 50 ]; do sleep 100 & i=$((i+1)); echo $i; done";
    let made = world
        .run(limited(limits, &["sh", "-c", script]))
        .await
        .unwrap();
    assert_ne!(code(&world.wait(&made.id).await), 0);
    let forked = world
        .output(&made.id, OutputStream::Stdout)
        .await
        .lines()
        .count();
    assert!((1..8).contains(&forked), "{forked} beside the shell");
    let said = world.output(&made.id, OutputStream::Stderr).await;
    assert!(said.contains("can't fork"), "{said}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_core_is_half_a_core_and_stats_say_so() {
    let Some(world) = World::new("half_a_core_is_half_a_core_and_stats_say_so").await else {
        return;
    };
    let limits = Limits {
        memory_bytes: Some(64 << 20),
        cpus: Some(0.5),
        pids: Some(9),
    };
    let made = world
        .run(limited(
            limits,
            &["sh", "-c", "sleep 1000 & while :; do :; done"],
        ))
        .await
        .unwrap();
    let stats = world
        .engine()
        .stats(&made.id)
        .unwrap()
        .take(5)
        .collect::<Result<Vec<_>, _>>();
    let stats: Vec<ContainerStats> = tokio::time::timeout(PATIENCE, stats)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stats.len(), 5);
    // The first is over 0.2 s, two periods of the quota; the others over a second each.
    let cores = stats[1..]
        .iter()
        .map(|sample| sample.cpu_cores)
        .sum::<f64>()
        / 4.0;
    assert!(cores < 0.6, "{cores} cores");
    // Other tests may leave it less than its share, not nothing.
    assert!(cores > 0.1, "{cores} cores");
    let last = stats[4];
    assert_eq!(last.pids, 2);
    assert_eq!(last.pids_limit, Some(9));
    assert_eq!(last.memory_limit_bytes, Some(64 << 20));
    assert!(
        (1..64 << 20).contains(&last.memory_bytes),
        "{}",
        last.memory_bytes
    );
    assert!(stats.is_sorted_by_key(|sample| sample.cpu_total_ns));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_end_with_the_container() {
    let Some(world) = World::new("stats_end_with_the_container").await else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let stats = world.engine().stats(&made.id).unwrap();
    let engine = world.engine().clone();
    let id = made.id.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        engine.kill(&id, "KILL").await.unwrap();
    });
    let samples = tokio::time::timeout(PATIENCE, stats.collect::<Vec<_>>())
        .await
        .unwrap();
    assert!(samples.iter().all(Result::is_ok), "{samples:?}");
    let first = samples[0].as_ref().unwrap();
    assert_eq!(first.memory_limit_bytes, None, "no limit was asked for");
    world.finish().await;
}

//! Logs: all, the last lines, and what comes.

use estiva_engine::LogStream;
use estiva_shared::protocol::OutputStream;
use tokio_stream::StreamExt as _;

use crate::world::{PATIENCE, World, collect, text, until};

#[tokio::test(flavor = "multi_thread")]
async fn keeps_streams_apart_and_text_whole() {
    let Some(world) = World::new("keeps_streams_apart_and_text_whole").await else {
        return;
    };
    // The last character of the first line is written in two halves.
    let made = world
        .sh("printf 'cais \\342\\232'; sleep 0.3; printf '\\223\\n'; echo oops >&2; printf end")
        .await;
    world.wait(&made.id).await;
    assert_eq!(
        world.output(&made.id, OutputStream::Stdout).await,
        "cais ⚓\nend"
    );
    assert_eq!(world.output(&made.id, OutputStream::Stderr).await, "oops\n");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_gives_the_last_lines() {
    let Some(world) = World::new("tail_gives_the_last_lines").await else {
        return;
    };
    let made = world
        .sh("i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; done; printf open")
        .await;
    world.wait(&made.id).await;
    let tail = async |lines: u64| {
        text(
            &collect(world.engine().logs(&made.id, false, Some(lines)).unwrap()).await,
            OutputStream::Stdout,
        )
    };
    assert_eq!(tail(0).await, "");
    assert_eq!(tail(1).await, "open");
    assert_eq!(tail(3).await, "line 99\nline 100\nopen");
    assert_eq!(tail(101).await.lines().next(), Some("line 1"));
    assert_eq!(tail(u64::MAX).await.lines().count(), 101);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_to_the_end_without_a_gap() {
    let Some(world) = World::new("follows_to_the_end_without_a_gap").await else {
        return;
    };
    let made = world
        .sh("i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done; sleep 0.2; echo last")
        .await;
    // Two that begin at different moments see the same.
    let one = tokio::spawn(collect(world.engine().logs(&made.id, true, None).unwrap()));
    until("some output", async || {
        !world
            .output(&made.id, OutputStream::Stdout)
            .await
            .is_empty()
    })
    .await;
    let other = tokio::spawn(collect(world.engine().logs(&made.id, true, None).unwrap()));
    let expected: String = (1..=2000)
        .map(|number| format!("{number}\n"))
        .chain(["last\n".to_owned()])
        .collect();
    for follower in [one, other] {
        assert_eq!(
            text(&follower.await.unwrap(), OutputStream::Stdout),
            expected
        );
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_output_while_it_runs() {
    let Some(world) = World::new("a_follower_sees_output_while_it_runs").await else {
        return;
    };
    let made = world.sh("echo early; sleep 1000").await;
    let mut log = world.engine().logs(&made.id, true, Some(10)).unwrap();
    let first = tokio::time::timeout(PATIENCE, log.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first.bytes, b"early\n");
    assert!(first.time_ms > 1_600_000_000_000);
    drop(log);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_hides_nothing_from_a_follower() {
    let Some(world) = World::new("a_rotation_hides_nothing_from_a_follower").await else {
        return;
    };
    // 80 MiB: more than one file holds, less than two.
    let script =
        "i=0; while [ $i -lt 80 ]; do i=$((i+1)); dd if=/dev/zero bs=1M count=1 2>/dev/null; done";
    let made = world.sh(script).await;
    let length = async |log: LogStream| {
        let lengths = log.map(|chunk| chunk.unwrap().bytes.len());
        tokio::time::timeout(PATIENCE, lengths.fold(0, |sum, length| sum + length))
            .await
            .unwrap()
    };
    assert_eq!(
        length(world.engine().logs(&made.id, true, None).unwrap()).await,
        80 << 20
    );
    assert!(
        world
            .root()
            .join("containers")
            .join(&made.id)
            .join("log.1")
            .exists()
    );
    assert_eq!(
        length(world.engine().logs(&made.id, false, None).unwrap()).await,
        80 << 20
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_stops_nobody_and_is_told_what_it_missed() {
    let Some(world) =
        World::new("a_client_that_stops_reading_stops_nobody_and_is_told_what_it_missed").await
    else {
        return;
    };
    let made = world
        .sh("dd if=/dev/zero bs=1M count=1; sleep 0.5; dd if=/dev/zero bs=1M count=220 2>/dev/null")
        .await;
    let mut log = world.engine().logs(&made.id, true, None).unwrap();
    log.next().await.unwrap().unwrap();
    world.wait(&made.id).await;
    let rest = collect(log).await;
    assert!(text(&rest, OutputStream::Stderr).contains("rotated away before it was read"));
    world.finish().await;
}

//! A further process in a running container.

use std::time::Duration;

use estiva_engine::Engine;
use estiva_shared::protocol::{ExecEvent, ExecRequest, LogChunk, OutputStream, RunRequest};
use tokio_stream::StreamExt as _;

use crate::world::{PATIENCE, World, bytes, collect, shell, text, until};

fn request(script: &str) -> ExecRequest {
    ExecRequest {
        args: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..ExecRequest::default()
    }
}

/// Its output and how it ended.
async fn exec(engine: &Engine, name: &str, request: ExecRequest) -> (Vec<LogChunk>, i32) {
    let stream = engine.exec(name, request).await.unwrap();
    let events = stream.collect::<Result<Vec<_>, _>>();
    let events = tokio::time::timeout(PATIENCE, events)
        .await
        .expect("it ends")
        .unwrap();
    let (mut chunks, mut end) = (Vec::new(), None);
    for event in events {
        assert_eq!(end, None, "nothing comes after the end");
        match event {
            ExecEvent::Output(chunk) => chunks.push(chunk),
            ExecEvent::Exited { code, .. } => end = Some(code),
        }
    }
    (chunks, end.expect("an end"))
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_inside_with_what_was_asked_for() {
    let Some(world) = World::new("runs_inside_with_what_was_asked_for").await else {
        return;
    };
    let env = vec![("FROM_RUN".to_owned(), "run".to_owned())];
    let made = world
        .run(RunRequest {
            env,
            ..shell("touch /marker; sleep 1000")
        })
        .await
        .unwrap();
    until("the marker", async || {
        exec(world.engine(), &made.id, request("test -e /marker"))
            .await
            .1
            == 0
    })
    .await;
    let asked = ExecRequest {
        env: vec![("FROM_EXEC".into(), "exec".into())],
        user: Some("1000".into()),
        workdir: Some("/tmp".into()),
        ..request("echo $FROM_RUN $FROM_EXEC $(id -u) $(pwd) $(hostname); echo oops >&2; exit 9")
    };
    let (chunks, code) = exec(world.engine(), &made.id, asked).await;
    assert_eq!(code, 9);
    assert_eq!(
        text(&chunks, OutputStream::Stdout),
        format!("run exec 1000 /tmp {}\n", &made.id[..12])
    );
    assert_eq!(text(&chunks, OutputStream::Stderr), "oops\n");
    let (_, code) = exec(world.engine(), &made.id, request("kill -9 $$")).await;
    assert_eq!(code, 137);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_program_that_is_not_there() {
    let Some(world) = World::new("refuses_a_program_that_is_not_there").await else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let missing = ExecRequest {
        args: vec!["no-such-program".into()],
        ..ExecRequest::default()
    };
    let error = world.engine().exec(&made.id, missing).await.unwrap_err();
    assert_eq!(
        (error.code(), error.exit_code()),
        ("program-not-found", 127)
    );
    let nothing = world
        .engine()
        .exec(&made.id, ExecRequest::default())
        .await
        .unwrap_err();
    assert_eq!(nothing.code(), "bad-request");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_a_lot_of_output_on() {
    let Some(world) = World::new("passes_a_lot_of_output_on").await else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let (chunks, code) = exec(
        world.engine(),
        &made.id,
        request("dd if=/dev/zero bs=1M count=8 2>/dev/null"),
    )
    .await;
    assert_eq!(code, 0);
    assert_eq!(text(&chunks, OutputStream::Stdout).len(), 8 << 20);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_with_its_client_and_not_with_what_it_left_behind() {
    let Some(world) = World::new("ends_with_its_client_and_not_with_what_it_left_behind").await
    else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let processes = async || {
        let (chunks, _) = exec(world.engine(), &made.id, request("ps -o args")).await;
        text(&chunks, OutputStream::Stdout)
    };
    let stream = world
        .engine()
        .exec(&made.id, request("exec sleep 777"))
        .await
        .unwrap();
    assert!(processes().await.contains("sleep 777"));
    drop(stream);
    until("it is killed", async || {
        !processes().await.contains("sleep 777")
    })
    .await;
    // One that leaves a process behind, which holds its output open, has ended all the same.
    let left = exec(world.engine(), &made.id, request("sleep 55 & echo done"));
    let (chunks, code) = tokio::time::timeout(Duration::from_secs(20), left)
        .await
        .unwrap();
    assert_eq!(
        (text(&chunks, OutputStream::Stdout).as_str(), code),
        ("done\n", 0)
    );
    world.finish().await;
}

/// Execs that this process has started and that have not ended.
fn execs() -> usize {
    let mine = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = parent.split_whitespace().collect();
        // A zombie is only waiting to be collected by the next start.
        fields.first().is_some_and(|state| *state != "Z")
            && fields.get(1) == Some(&std::process::id().to_string().as_str())
            && std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"exec"))
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.parse::<u32>().is_ok() && mine(name))
        .count()
}

// A container whose process stops all others as they appear made every exec hang before its program: nothing could
// cancel it, its processes stayed for ever, and with some hundred of them the server had no thread left.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_stops_its_execs_keeps_none_of_them() {
    let Some(world) = World::new("a_container_that_stops_its_execs_keeps_none_of_them").await
    else {
        return;
    };
    let made = world
        .sh("while :; do kill -STOP -1 2>/dev/null; done")
        .await;
    let asked = async || {
        let started = world.engine().exec(&made.id, request("sleep 1000"));
        // Started or not, the client leaves.
        drop(tokio::time::timeout(Duration::from_millis(500), started).await);
    };
    for _ in 0..3 {
        asked().await;
    }
    until("they are gone", async || execs() == 0).await;
    world.finish().await;
}

// Output went over the wire as text, so that `estiva exec app cat archive > copy` made a larger file of other bytes.
#[tokio::test(flavor = "multi_thread")]
async fn passes_bytes_on_that_are_no_text() {
    let Some(world) = World::new("passes_bytes_on_that_are_no_text").await else {
        return;
    };
    let made = world.sh("cat /bin/busybox; sleep 1000").await;
    let program = std::fs::read("/bin/busybox").unwrap();
    let (chunks, _) = exec(world.engine(), &made.id, request("cat /bin/busybox >&2")).await;
    assert!(bytes(&chunks, OutputStream::Stderr) == program);
    until("the log", async || {
        let log = world.engine().logs(&made.id, false, None).unwrap();
        bytes(&collect(log).await, OutputStream::Stdout) == program
    })
    .await;
    world.finish().await;
}

//! A container's life, from its start to its removal.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use estiva_shared::protocol::{ContainerStatus, NetworkMode, OutputStream, RunRequest};

use crate::world::{World, code, shell, until};

#[tokio::test(flavor = "multi_thread")]
async fn runs_exits_and_is_removed() {
    let Some(world) = World::new("runs_exits_and_is_removed").await else {
        return;
    };
    let mut changes = world.engine().changes();
    changes.mark_unchanged();
    let made = world
        .run(RunRequest {
            name: Some("web".into()),
            ..shell("echo hello; exit 7")
        })
        .await
        .unwrap();
    assert_eq!(made.id.len(), 64);
    assert_eq!(made.name, "web");
    assert!(changes.has_changed().unwrap());

    let status = world.wait("web").await;
    assert_eq!(code(&status), 7);
    let summary = world.engine().get(&made.id[..6]).unwrap();
    assert_eq!(summary.status, status);
    assert_eq!(summary.command, ["sh", "-c", "echo hello; exit 7"]);
    assert_eq!(summary.pid, None);
    assert!(summary.started_ms.unwrap() >= summary.created_ms);
    assert_eq!(world.output("web", OutputStream::Stdout).await, "hello\n");
    assert!(
        world.cgroups().is_empty(),
        "an ended container has no cgroup"
    );

    assert_eq!(world.engine().list(false), []);
    assert_eq!(world.engine().list(true).len(), 1);
    world.engine().remove("web", false).await.unwrap();
    assert_eq!(world.engine().list(true), []);
    assert_eq!(
        world.engine().get("web").unwrap_err().code(),
        "unknown-container"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_statuses_pass_through() {
    let Some(world) = World::new("exit_statuses_pass_through").await else {
        return;
    };
    for (script, expected, signal) in [
        ("exit 0", 0, None),
        ("exit 255", 255, None),
        ("trap - TERM; sleep 0; exit 3", 3, None),
    ] {
        let made = world.sh(script).await;
        match world.wait(&made.id).await {
            ContainerStatus::Exited {
                code,
                signal: by,
                oom_killed,
                ..
            } => {
                assert_eq!(
                    (code, by, oom_killed),
                    (expected, signal, false),
                    "{script}"
                );
            }
            other => panic!("{script}: {other:?}"),
        }
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sees_what_was_asked_for() {
    let Some(world) = World::new("sees_what_was_asked_for").await else {
        return;
    };
    let request = RunRequest {
        env: vec![("GREETING".into(), "olá".into())],
        workdir: Some("/made/here".into()),
        user: Some("1000:1001".into()),
        ..shell(
            "echo $GREETING $HOSTNAME $(hostname) $(pwd) $(id -u):$(id -g) $$; cat /etc/hosts; ls /sys/class/net",
        )
    };
    let made = world.run(request).await.unwrap();
    assert_eq!(code(&world.wait(&made.id).await), 0);
    let output = world.output(&made.id, OutputStream::Stdout).await;
    let host = &made.id[..12];
    assert!(
        output.starts_with(&format!("olá {host} {host} /made/here 1000:1001 1\n")),
        "{output}"
    );
    assert!(output.contains(&format!("127.0.1.1\t{host}\n")), "{output}");
    assert!(
        output.ends_with("\nlo\n"),
        "only the loopback interface: {output}"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_the_hosts_network_on_request() {
    let Some(world) = World::new("shares_the_hosts_network_on_request").await else {
        return;
    };
    let request = RunRequest {
        network: NetworkMode::Host,
        ..shell("hostname; readlink /proc/self/ns/net")
    };
    let made = world.run(request).await.unwrap();
    assert_eq!(code(&world.wait(&made.id).await), 0);
    let output = world.output(&made.id, OutputStream::Stdout).await;
    let namespace = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert!(
        output.ends_with(&format!("{}\n", namespace.display())),
        "{output}"
    );
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    assert!(output.starts_with(&format!("{host}\n")), "{output}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_stay_in_the_container() {
    let Some(world) = World::new("writes_stay_in_the_container").await else {
        return;
    };
    let one = world
        .sh("echo changed > /etc/passwd; rm -r /tmp; touch /new")
        .await;
    assert_eq!(code(&world.wait(&one.id).await), 0);
    let other = world
        .sh("test -d /tmp && test ! -e /new && grep -q root /etc/passwd")
        .await;
    assert_eq!(code(&world.wait(&other.id).await), 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stops_at_the_signal_it_handles() {
    let Some(world) = World::new("stops_at_the_signal_it_handles").await else {
        return;
    };
    let made = world
        .sh("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
        .await;
    until("ready", async || {
        world.output(&made.id, OutputStream::Stdout).await == "ready\n"
    })
    .await;
    let status = world
        .engine()
        .stop(&made.id, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(code(&status), 5);
    assert_eq!(
        world.output(&made.id, OutputStream::Stdout).await,
        "ready\nbye\n"
    );
    assert_eq!(
        world.engine().stop(&made.id, Duration::ZERO).await.unwrap(),
        status,
        "to stop again is no mistake"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_what_does_not_stop_in_time() {
    let Some(world) = World::new("kills_what_does_not_stop_in_time").await else {
        return;
    };
    // Process 1 without a handler ignores SIGTERM.
    let made = world.sh("sleep 1000").await;
    let before = Instant::now();
    let status = world
        .engine()
        .stop(&made.id, Duration::from_millis(300))
        .await
        .unwrap();
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert!(
        matches!(
            status,
            ContainerStatus::Exited {
                code: 137,
                signal: Some(9),
                oom_killed: false,
                ..
            }
        ),
        "{status:?}"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_sends_any_signal() {
    let Some(world) = World::new("kill_sends_any_signal").await else {
        return;
    };
    let made = world
        .sh("trap 'echo hup' HUP; echo ready; while :; do sleep 0.1; done")
        .await;
    until("ready", async || {
        world.output(&made.id, OutputStream::Stdout).await == "ready\n"
    })
    .await;
    world.engine().kill(&made.id, "SIGHUP").await.unwrap();
    until("hup", async || {
        world.output(&made.id, OutputStream::Stdout).await == "ready\nhup\n"
    })
    .await;
    world.engine().kill(&made.id, "9").await.unwrap();
    assert_eq!(code(&world.wait(&made.id).await), 137);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_takes_it_away_when_it_ends() {
    let Some(world) = World::new("rm_takes_it_away_when_it_ends").await else {
        return;
    };
    let made = world
        .run(RunRequest {
            remove: true,
            ..shell("exit 4")
        })
        .await
        .unwrap();
    assert_eq!(code(&world.wait(&made.id).await), 4);
    until("it is gone", async || world.engine().get(&made.id).is_err()).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_lingers_for_an_attached_client_and_the_next_engine_does_not_wait() {
    let Some(world) =
        World::new("rm_lingers_for_an_attached_client_and_the_next_engine_does_not_wait").await
    else {
        return;
    };
    let run = async |world: &World, linger: Duration| {
        let request = RunRequest {
            remove: true,
            ..shell("echo here")
        };
        let made = world.engine().run_attached(request, linger).await.unwrap();
        assert_eq!(code(&world.wait(&made.id).await), 0);
        made.id
    };
    let id = run(&world, Duration::from_secs(600)).await;
    assert_eq!(world.output(&id, OutputStream::Stdout).await, "here\n");
    world.engine().remove(&id, false).await.unwrap();
    let id = run(&world, Duration::from_millis(100)).await;
    until("it is gone", async || world.engine().get(&id).is_err()).await;
    let id = run(&world, Duration::from_secs(600)).await;
    let world = world.reopen().await;
    assert_eq!(
        world.engine().get(&id).unwrap_err().code(),
        "unknown-container"
    );
    world.finish().await;
}

// `estiva run --rm … | less` lost what was left unread a minute after the container's end.
#[tokio::test(flavor = "multi_thread")]
async fn rm_waits_for_a_client_that_still_reads_and_the_next_engine_does_too() {
    let Some(world) =
        World::new("rm_waits_for_a_client_that_still_reads_and_the_next_engine_does_too").await
    else {
        return;
    };
    let request = RunRequest {
        remove: true,
        ..shell("sleep 0.2")
    };
    let linger = Duration::from_millis(1);
    let made = world.engine().run_attached(request, linger).await.unwrap();
    let folder = Path::new(made.monitor_socket.as_deref().unwrap())
        .parent()
        .unwrap();
    let client = fs::File::open(folder).unwrap();
    rustix::fs::flock(&client, rustix::fs::FlockOperation::LockShared).unwrap();
    assert_eq!(code(&world.wait(&made.id).await), 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.engine().get(&made.id).is_ok());
    let world = world.reopen().await;
    assert!(world.engine().get(&made.id).is_ok());
    drop(client);
    until("it is gone", async || world.engine().get(&made.id).is_err()).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn force_removes_what_runs() {
    let Some(world) = World::new("force_removes_what_runs").await else {
        return;
    };
    let made = world
        .run(RunRequest {
            name: Some("busy".into()),
            ..shell("sleep 1000")
        })
        .await
        .unwrap();
    let refused = world.engine().remove("busy", false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "can't remove container busy: expected it ended, but it is running"
    );
    world.engine().remove(&made.id, true).await.unwrap();
    assert!(world.engine().get("busy").is_err());
    let again = world
        .run(RunRequest {
            name: Some("busy".into()),
            ..shell("true")
        })
        .await
        .unwrap();
    assert_eq!(again.name, "busy", "its name is free again");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_start_and_end_at_once() {
    let Some(world) = World::new("many_start_and_end_at_once").await else {
        return;
    };
    let runs = (0..12).map(|index| {
        let engine = world.engine().clone();
        tokio::spawn(async move {
            let made = engine.run(shell(&format!("exit {index}"))).await.unwrap();
            (index, engine.wait(&made.id).await.unwrap())
        })
    });
    for run in runs.collect::<Vec<_>>() {
        let (index, status) = run.await.unwrap();
        assert_eq!(code(&status), index);
    }
    let mut names: Vec<_> = world
        .engine()
        .list(true)
        .into_iter()
        .map(|container| container.name)
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 12);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_a_whole_container() {
    let Some(world) = World::new("a_caller_that_goes_away_leaves_a_whole_container").await else {
        return;
    };
    let engine = world.engine().clone();
    let caller = tokio::spawn(async move { engine.run(shell("sleep 1000")).await });
    until("it is listed", async || {
        !world.engine().list(true).is_empty()
    })
    .await;
    caller.abort();
    until("it runs", async || {
        world.engine().list(true)[0].status == ContainerStatus::Running
    })
    .await;
    world.finish().await;
}

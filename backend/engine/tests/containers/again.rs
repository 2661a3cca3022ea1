//! An engine that ends, or is killed, is followed by one that finds everything again.

use std::{fs, time::Duration};

use estiva_runtime::{
    Started,
    monitor::protocol::{exit_path, started_path},
};
use estiva_shared::protocol::{ContainerStatus, OutputStream, RunRequest};

use crate::world::{World, code, collect, shell, text, until};

fn started(world: &World, id: &str) -> Started {
    let folder = world.root().join("containers").join(id);
    serde_json::from_slice(&fs::read(started_path(&folder)).unwrap()).unwrap()
}

fn kill_monitor(world: &World, id: &str) {
    let pid = rustix::process::Pid::from_raw(started(world, id).monitor_pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_goes_on_and_is_found_again() {
    let Some(world) = World::new("a_container_goes_on_and_is_found_again").await else {
        return;
    };
    let script = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done";
    let made = world
        .run(RunRequest {
            name: Some("ticker".into()),
            ..shell(script)
        })
        .await
        .unwrap();
    let before = world.engine().get("ticker").unwrap();
    until("some ticks", async || {
        world
            .output("ticker", OutputStream::Stdout)
            .await
            .contains("3\n")
    })
    .await;
    let world = world.reopen().await;
    assert_eq!(world.engine().get("ticker").unwrap(), before);
    let seen = world
        .output("ticker", OutputStream::Stdout)
        .await
        .lines()
        .count();
    until("more ticks", async || {
        world
            .output("ticker", OutputStream::Stdout)
            .await
            .lines()
            .count()
            > seen + 3
    })
    .await;
    let follower = tokio::spawn(collect(world.engine().logs(&made.id, true, None).unwrap()));
    let status = world.engine().stop("ticker", Duration::ZERO).await.unwrap();
    assert_eq!(code(&status), 137);
    let all = text(&follower.await.unwrap(), OutputStream::Stdout);
    let counted: Vec<u32> = all.lines().map(|line| line.parse().unwrap()).collect();
    assert!(
        counted.iter().copied().eq(1..=counted.len() as u32),
        "each tick once: {counted:?}"
    );
    assert_eq!(
        world
            .run(RunRequest {
                name: Some("ticker".into()),
                ..shell("true")
            })
            .await
            .unwrap_err()
            .code(),
        "name-taken"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_meanwhile_is_read_and_what_was_to_go_goes() {
    let Some(world) = World::new("what_ended_meanwhile_is_read_and_what_was_to_go_goes").await
    else {
        return;
    };
    let stays = world.sh("sleep 0.5; echo later; exit 6").await;
    let goes = world
        .run(RunRequest {
            remove: true,
            ..shell("sleep 0.5")
        })
        .await
        .unwrap();
    let containers = world.root().join("containers");
    let exits = [&stays, &goes].map(|made| exit_path(&containers.join(&made.id)));
    // No engine follows them from here on: the tasks of this one end with it.
    let world = world
        .reopen_after(async || {
            until("both ended", async || {
                exits.iter().all(|exit| exit.exists())
            })
            .await;
        })
        .await;
    assert_eq!(code(&world.engine().get(&stays.id).unwrap().status), 6);
    assert_eq!(code(&world.wait(&stays.id).await), 6);
    assert_eq!(
        world.output(&stays.id, OutputStream::Stdout).await,
        "later\n"
    );
    until("it is gone", async || world.engine().get(&goes.id).is_err()).await;
    assert_eq!(world.engine().list(true).len(), 1);
    world.finish().await;
}

/// Whether the process runs; a zombie does not.
fn is_running(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_monitor_takes_its_container_along() {
    let Some(world) = World::new("a_killed_monitor_takes_its_container_along").await else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let init = started(&world, &made.id).init_pid;
    kill_monitor(&world, &made.id);
    let status = world.wait(&made.id).await;
    assert!(
        matches!(&status, ContainerStatus::Failed { message } if message.contains("monitor was killed")),
        "{status:?}"
    );
    assert!(!is_running(init));
    assert!(world.cgroups().is_empty());
    let world = world.reopen().await;
    assert_eq!(
        world.engine().get(&made.id).unwrap().status,
        status,
        "the next engine says the same"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_killed_while_nobody_looked_is_found_out() {
    let Some(world) = World::new("a_monitor_killed_while_nobody_looked_is_found_out").await else {
        return;
    };
    let made = world.sh("sleep 1000").await;
    let init = started(&world, &made.id).init_pid;
    let kill = (world.root().to_owned(), made.id.clone());
    let world = world
        .reopen_after(async move || {
            let folder = kill.0.join("containers").join(&kill.1);
            let started: Started =
                serde_json::from_slice(&fs::read(started_path(&folder)).unwrap()).unwrap();
            let pid = rustix::process::Pid::from_raw(started.monitor_pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            until("it is dead", async || !is_running(started.monitor_pid)).await;
        })
        .await;
    assert!(matches!(
        world.engine().get(&made.id).unwrap().status,
        ContainerStatus::Failed { .. }
    ));
    until("its container is gone", async || !is_running(init)).await;
    assert!(world.cgroups().is_empty());
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_left_half_done_is_cleared_and_nothing_else() {
    let Some(world) = World::new("what_a_kill_left_half_done_is_cleared_and_nothing_else").await
    else {
        return;
    };
    let containers = world.root().join("containers");
    let id = |digit: &str| digit.repeat(64);
    // Never acknowledged; half removed; a stranger's; of a newer version; written down and never started.
    fs::create_dir_all(containers.join(id("a")).join("upper")).unwrap();
    fs::create_dir_all(
        containers
            .join(format!(".removing-{}", id("b")))
            .join("upper"),
    )
    .unwrap();
    fs::create_dir_all(containers.join("notes")).unwrap();
    fs::create_dir_all(containers.join(id("c"))).unwrap();
    let image = world.store().resolve("busybox").unwrap().id;
    let newer = format!(r#"{{"version": 99, "shape": "unknown", "image_id": "{image}"}}"#);
    fs::write(containers.join(id("c")).join("container.json"), newer).unwrap();
    let made = world.sh("true").await;
    world.wait(&made.id).await;
    let folder = containers.join(&made.id);
    for file in ["monitor.json", "exit.json"] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    // Long ago, so that no monitor can still be at its start.
    let record = fs::read_to_string(folder.join("container.json")).unwrap();
    let created_ms = world.engine().get(&made.id).unwrap().created_ms.to_string();
    fs::write(
        folder.join("container.json"),
        record.replace(&created_ms, "1"),
    )
    .unwrap();
    let world = world.reopen().await;
    assert!(!containers.join(id("a")).exists());
    assert!(!containers.join(format!(".removing-{}", id("b"))).exists());
    assert!(containers.join("notes").exists());
    let newer = world.engine().get(&id("c")).unwrap();
    assert_eq!(newer.name, "c".repeat(12));
    assert!(
        world.engine().in_use(&image).contains(&newer.name),
        "its image is needed"
    );
    assert!(
        matches!(&newer.status, ContainerStatus::Failed { message } if message.contains("found version 99"))
    );
    let unstarted = world.engine().get(&made.id).unwrap().status;
    assert!(
        matches!(&unstarted, ContainerStatus::Failed { message } if message.contains("before the container was started"))
    );
    fs::remove_dir(containers.join("notes")).unwrap();
    world.finish().await;
}

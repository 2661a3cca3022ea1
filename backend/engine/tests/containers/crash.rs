//! A server that is killed at any moment, by SIGKILL: what is found afterwards is true, and nothing is lost or left.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use estiva_engine::Engine;
use estiva_network::Network;
use estiva_shared::protocol::{ContainerStatus, NetworkMode, PortRequest, RunRequest};
use estiva_store::Store;

use crate::world::{World, programs, shell, until};

/// How the root, the world and the programs are told to the process that is killed.
const ROOT: &str = "ESTIVA_TEST_CRASH_ROOT";
const WORLD: &str = "ESTIVA_TEST_CRASH_WORLD";
const RUNTIME: &str = "ESTIVA_TEST_CRASH_RUNTIME";
const PROXY: &str = "ESTIVA_TEST_CRASH_PROXY";

/// Moments to be killed at, in milliseconds after the first container was asked for. A start takes some 20.
const KILLED_AFTER_MS: [u64; 8] = [1, 5, 10, 15, 22, 40, 90, 200];

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_at_any_moment_leaves_only_what_the_next_one_finds() {
    let Some(mut world) =
        World::new("a_server_killed_at_any_moment_leaves_only_what_the_next_one_finds").await
    else {
        return;
    };
    for after_ms in KILLED_AFTER_MS {
        let server = server(&world);
        world = world
            .reopen_after(async || kill_after(server, Duration::from_millis(after_ms)).await)
            .await;
        for container in world.engine().list(true) {
            let is_true = async || match world
                .engine()
                .get(&container.id)
                .map(|now| (now.status, now.pid))
            {
                Ok((ContainerStatus::Running, Some(pid))) => {
                    PathBuf::from(format!("/proc/{pid}")).exists()
                }
                Ok((ContainerStatus::Failed { .. } | ContainerStatus::Exited { .. }, None)) => true,
                Ok(other) => panic!("{after_ms} ms: {other:?}"),
                // One with --rm that ended.
                Err(error) => error.code() == "unknown-container",
            };
            // Not at once for one that ends this moment.
            until("what is told is true", is_true).await;
        }
        // Those that run can be spoken with; then nothing of any is left.
        for container in world.engine().list(false) {
            if let Err(error) = world.engine().kill(&container.id, "CONT").await {
                assert!(
                    ["wrong-state", "unknown-container"].contains(&error.code()),
                    "{error}"
                );
            }
        }
        world.remove_all().await;
    }
    world.finish().await;
}

/// The process that is killed: this test's own program, running the test below.
fn server(world: &World) -> Command {
    let mut server = Command::new(std::env::current_exe().unwrap());
    server
        .args(["--exact", "crash::a_server_to_be_killed", "--nocapture"])
        .env(ROOT, world.root())
        .env(WORLD, world.world())
        .env(RUNTIME, world.runtime())
        .env(PROXY, world.proxy())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    server
}

/// The same on the bridge, with a port: a network, rules and a proxy to be left behind.
fn published(request: RunRequest) -> RunRequest {
    RunRequest {
        network: NetworkMode::Bridge,
        ports: vec![PortRequest {
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            container_port: 80,
            ..PortRequest::default()
        }],
        ..request
    }
}

async fn kill_after(mut server: Command, time: Duration) {
    let kill = move || {
        let mut server = server.spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().contains("ready")),
            "the server did not start"
        );
        std::thread::sleep(time);
        server.kill().unwrap();
        server.wait().unwrap();
    };
    tokio::task::spawn_blocking(kill).await.unwrap();
}

/// A part of the test above, which runs it in a process of its own; alone it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_to_be_killed() {
    let Some(root) = std::env::var_os(ROOT).map(PathBuf::from) else {
        return;
    };
    let world = std::env::var(WORLD).unwrap();
    let path = |variable: &str| PathBuf::from(std::env::var_os(variable).unwrap());
    let programs = programs(&path(RUNTIME), &path(PROXY));
    let store = Arc::new(Store::open(&root).unwrap());
    let network = Arc::new(Network::new(&world));
    let opened = Engine::open(&root, &world, store, programs, network).await;
    let engine = opened.unwrap();
    std::io::Write::write_all(&mut std::io::stdout(), b"ready\n").unwrap();
    loop {
        let stays = engine.run(published(shell("sleep 1000")));
        let ends = engine.run(RunRequest {
            remove: true,
            ..shell("true")
        });
        let is_removed = async {
            let made = engine.run(published(shell("sleep 1000"))).await.unwrap();
            engine.remove(&made.id, true).await.unwrap();
        };
        let (stays, ends, ()) = tokio::join!(stays, ends, is_removed);
        stays.unwrap();
        ends.unwrap();
    }
}

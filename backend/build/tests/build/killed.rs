//! A builder that is killed in the middle of a step, as the server can be.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use estiva_build::{Builder, CancelFlag, Context};
use estiva_shared::protocol::BuildEvent;
use estiva_store::Store;

use crate::world::{World, network, runtime};

/// Says to this test's own program that it is the builder to kill: the world's root, and its name.
const ROOT: &str = "ESTIVA_TEST_KILLED_ROOT";
const NAME: &str = "ESTIVA_TEST_KILLED_NAME";

/// Not a test of its own: what `a_killed_builder_leaves_no_process_and_an_open_store` starts and kills.
#[test]
fn builder_to_be_killed() {
    let (Some(root), Some(name)) = (std::env::var_os(ROOT), std::env::var(NAME).ok()) else {
        return;
    };
    let store = Arc::new(Store::open(Path::new(&root)).unwrap());
    let builder = Builder::new(store, runtime().unwrap(), network(&name), name);
    let request = World::request(
        "FROM busybox\nRUN echo done > /first\nRUN touch /half && echo running && sleep 1000\n",
    );
    let mut tell = |event: BuildEvent| {
        if matches!(event, BuildEvent::Output { .. }) {
            eprintln!("STEP RUNS");
        }
    };
    let _ = builder.build(
        &request,
        Context::Empty,
        &mut tell,
        &CancelFlag::new().unwrap(),
    );
}

#[test]
fn a_killed_builder_leaves_no_process_and_an_open_store() {
    let Some(mut world) = World::new("killed") else {
        return;
    };
    let root = world.store.root().to_owned();
    // One process at a time may have the store open.
    let closed = Arc::new(Store::open(&world.folder.path().join("other")).unwrap());
    world.store = Arc::clone(&closed);
    world.builder = Builder::new(
        closed,
        runtime().unwrap(),
        network(&world.name),
        world.name.clone(),
    );
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::builder_to_be_killed", "--exact", "--nocapture"])
        .env(ROOT, &root)
        .env(NAME, &world.name)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let runs = lines.map_while(Result::ok).any(|line| line == "STEP RUNS");
    let sleeping = processes_of(&world.name);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        runs && !sleeping.is_empty(),
        "the step must have been running: {sleeping:?}"
    );

    let started = Instant::now();
    while !processes_of(&world.name).is_empty() || sleeping.iter().any(|pid| is_alive(pid)) {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the step must be gone"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    world.store = Arc::new(Store::open(&root).unwrap());
    world.builder = Builder::new(
        Arc::clone(&world.store),
        runtime().unwrap(),
        network(&world.name),
        world.name.clone(),
    );
    assert!(
        world.store.resolve("test").is_err(),
        "no half-made image may have a name"
    );
    let files = world.built("FROM busybox\nRUN echo done > /first\nRUN echo whole > /second\n");
    assert_eq!(files.read("/first"), "done\n");
    assert!(!files.exists("/half"));
    drop(files);
    world.assert_clean();
}

/// The processes in the world's cgroups, by the first hierarchy that has any.
fn processes_of(world: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut found = Vec::new();
    for mount in mounts.lines().map(|line| line.split(' ').nth(4).unwrap()) {
        let Ok(steps) = fs::read_dir(Path::new(mount).join(format!("estiva-{world}"))) else {
            continue;
        };
        for step in steps.flatten() {
            let processes =
                fs::read_to_string(step.path().join("cgroup.procs")).unwrap_or_default();
            found.extend(processes.lines().map(str::to_owned));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn is_alive(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

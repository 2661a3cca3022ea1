//! The foreground of `run` as a user meets it: its output through slow pipes, and its signals.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::Read as _;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use world::{World, eventually};

/// Reads all of a command's standard output: how many bytes there were, and its exit status.
fn drain(child: &mut Child) -> (u64, Option<i32>) {
    let mut out = child.stdout.take().unwrap();
    let bytes = std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    (bytes, child.wait().unwrap().code())
}

// `estiva run … | wc -c` gave a third of the bytes, with status 0, where the container wrote faster than its reader
// read: the log had been rotated twice meanwhile.
#[test]
fn a_slow_reader_of_a_fast_container_loses_nothing() {
    let Some(world) = World::with_busybox("a_slow_reader_of_a_fast_container_loses_nothing") else {
        return;
    };
    let flood = "dd if=/dev/zero bs=1048576 count=300 2>/dev/null; exit 4";
    let mut run = world.start(&[
        "run",
        "--network=none",
        "--rm",
        "busybox",
        "sh",
        "-c",
        flood,
    ]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(drain(&mut run), (300 << 20, Some(4)));
    assert_eq!(world.ok(&["ps", "-aq"]), "");
}

#[test]
fn a_reader_that_is_slower_than_the_containers_end_loses_nothing() {
    let Some(world) =
        World::with_busybox("a_reader_that_is_slower_than_the_containers_end_loses_nothing")
    else {
        return;
    };
    let flood = "dd if=/dev/zero bs=1048576 count=100 2>/dev/null";
    let mut run = world.start(&[
        "run",
        "--network=none",
        "--rm",
        "--name",
        "flood",
        "busybox",
        "sh",
        "-c",
        flood,
    ]);
    eventually("the container's end", || {
        world.ok(&["ps", "-a"]).contains("Exited (")
    });
    // Beyond the two seconds that its monitor gives to its clients.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(drain(&mut run), (100 << 20, Some(0)));
    assert_eq!(world.ok(&["ps", "-aq"]), "");
}

/// Sends SIGINT again and again, until the command ends; its exit status, and what it said.
fn interrupt_until_it_ends(mut run: Child) -> (Option<i32>, String) {
    let pid = Pid::from_child(&run);
    for _ in 0..3 {
        assert_eq!(run.try_wait().unwrap(), None, "it ended too soon");
        kill_process(pid, Signal::INT).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    eventually("the command's end", || run.try_wait().unwrap().is_some());
    let mut said = String::new();
    run.stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (run.wait().unwrap().code(), said)
}

// The first process of a container is not even told of a signal that it has no handler for, and so Ctrl-C never ended
// `estiva run busybox sleep 100`.
#[test]
fn the_third_interrupt_kills_a_container_that_is_removed_and_leaves_any_other() {
    let Some(world) = World::with_busybox(
        "the_third_interrupt_kills_a_container_that_is_removed_and_leaves_any_other",
    ) else {
        return;
    };
    let running = || world.ok(&["ps"]).contains("Up ");
    let run = world.start(&["run", "--network=none", "--rm", "busybox", "sleep", "100"]);
    eventually("the container", running);
    assert_eq!(interrupt_until_it_ends(run).0, Some(137));
    assert_eq!(world.ok(&["ps", "-aq"]), "");

    let run = world.start(&[
        "run",
        "--network=none",
        "--name",
        "stays",
        "busybox",
        "sleep",
        "100",
    ]);
    eventually("the container", running);
    let (code, said) = interrupt_until_it_ends(run);
    assert_eq!(code, Some(130));
    assert!(said.contains("estiva stop stays"), "{said}");
    assert!(running());
}

//! Ctrl-C and Ctrl-Z, and readers that take nothing: what a command does that is stopped, paused or kept waiting.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::io::Read as _;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use world::World;

/// How soon a command that was interrupted has to be over.
const SOON: Duration = Duration::from_secs(5);

/// Writes without an end.
const CHATTY: &str = "while :; do echo words and words and words; done";

/// Takes what a command writes, as a terminal does, or leaves it in the pipe; interrupts it, and waits for its end.
fn interrupted(mut command: Child, reads: bool) -> Output {
    let mut out = command.stdout.take().unwrap();
    let mut begun = vec![0; 4096];
    assert!(out.read(&mut begun).unwrap() > 0);
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let mut piece = vec![0; 1 << 16];
        while reads && out.read(&mut piece).is_ok_and(|read| read > 0) {}
        // Who takes nothing keeps the pipe open nevertheless.
        let _ = is_over.recv();
    });
    // Long enough that a pipe that nobody reads is full.
    std::thread::sleep(Duration::from_millis(500));
    let pid = Pid::from_child(&command);
    kill_process(pid, Signal::INT).unwrap();
    let until = Instant::now() + SOON;
    while command.try_wait().unwrap().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let has_ended = command.try_wait().unwrap().is_some();
    if !has_ended {
        command.kill().unwrap();
    }
    let output = command.wait_with_output().unwrap();
    assert!(has_ended, "Ctrl-C was lost");
    drop(over);
    output
}

/// The signal was awaited anew for each message, so it was lost where one was written when it came: with a chatty
/// container nearly always.
#[test]
fn ctrl_c_ends_a_command_whose_output_flows_or_is_stuck() {
    let name = "ctrl_c_ends_a_command_whose_output_flows_or_is_stuck";
    let Some(world) = World::with_busybox(name) else {
        return;
    };
    world.ok(&[
        "run",
        "--network=none",
        "-d",
        "--name",
        "chatty",
        "busybox",
        "sh",
        "-c",
        CHATTY,
    ]);
    for reads in [true, false] {
        for words in [
            &["logs", "-f", "chatty"][..],
            &["exec", "chatty", "sh", "-c", CHATTY],
        ] {
            let output = interrupted(world.start(words), reads);
            assert_eq!(output.status.code(), Some(130), "{words:?}: {output:?}");
        }
    }
    world.ok(&["kill", "chatty"]);
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(
        context.join("Dockerfile"),
        format!("FROM busybox\nRUN {CHATTY}\n"),
    )
    .unwrap();
    let build = world.start(&["build", context.to_str().unwrap()]);
    let output = interrupted(build, true);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
}

//! A container's output: its log, and the clients that follow it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::{Scene, eventually, outcome, recorded_exit};
use estiva_runtime::log::{LOG_BYTES_MAX, Reader};
use estiva_runtime::monitor::client::{Attached, MonitorClient};
use estiva_runtime::monitor::frame::FrameKind;
use estiva_runtime::monitor::protocol::{AttachFrom, exit_path, started_path};
use estiva_runtime::{ExecSpec, Exit, Mode, exec, spawn_attended_container, spawn_container};

#[test]
fn a_client_is_sent_the_past_and_then_the_present_and_the_end() {
    let Some(scene) = Scene::new("a_client_is_sent_the_past_and_then_the_present_and_the_end")
    else {
        return;
    };
    let spec = scene.script(
        Mode::Container,
        "echo one; while ! test -e /go; do sleep 0.01; done; echo two >&2; exit 5",
    );
    spawn_container(&scene.runtime, &spec).unwrap();
    let read = |attached: &mut estiva_runtime::monitor::client::Attached| {
        attached.next_frame().unwrap().unwrap()
    };
    assert!(eventually(|| Reader::open(&spec.state_dir)
        .unwrap()
        .next_frame()
        .unwrap()
        .is_some()));
    let attach = |from| {
        MonitorClient::connect(&spec.state_dir)
            .unwrap()
            .attach(from)
            .unwrap()
    };
    let mut early = attach(AttachFrom::Start);
    assert_eq!(read(&mut early).payload, b"one\n");
    let state = MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .state()
        .unwrap();
    assert_eq!(state.lost_bytes, 0);
    let mut late = attach(AttachFrom::Now);
    let mut placed = attach(AttachFrom::Position(state.log_end));
    // Both have asked before the container is let go: the monitor has answered for each in turn.
    assert!(eventually(|| MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .state()
        .unwrap()
        .clients
        >= 4));
    let upper = spec.state_dir.join("upper");
    let go = ExecSpec::like(
        &spec,
        &serde_json::from_slice(&std::fs::read(started_path(&spec.state_dir)).unwrap()).unwrap(),
        ["touch", "/go"].map(str::to_owned).to_vec(),
    );
    // The container may end, and take this along, before `touch` itself has ended.
    let touched = outcome(exec(&scene.runtime, &go, None).unwrap()).unwrap();
    assert!(matches!(touched.exit.code, 0 | 137), "{touched:?}");
    for attached in [&mut early, &mut late, &mut placed] {
        let frame = read(attached);
        assert_eq!(
            (frame.kind, frame.payload.as_slice()),
            (FrameKind::Stderr, &b"two\n"[..])
        );
        let last = read(attached);
        let exit: Exit = serde_json::from_slice(&last.payload).unwrap();
        assert_eq!((last.kind, exit.code), (FrameKind::Exit, 5));
        assert!(attached.next_frame().unwrap().is_none());
    }
    assert!(upper.join("go").exists());
}

#[test]
fn a_client_that_doesnt_read_holds_nobody_up() {
    let Some(scene) = Scene::new("a_client_that_doesnt_read_holds_nobody_up") else {
        return;
    };
    let spec = scene.script(
        Mode::Container,
        "dd if=/dev/zero bs=65536 count=2000 2>/dev/null; echo; echo end",
    );
    spawn_container(&scene.runtime, &spec).unwrap();
    let lazy = MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .attach(AttachFrom::Start);
    assert_eq!(recorded_exit(&spec).code, 0);
    drop(lazy);
    // 125 MiB went by: the two files hold the end of it, in at most twice 64 MiB.
    let mut size = 0;
    for path in [
        estiva_runtime::log::path(&spec.state_dir),
        estiva_runtime::log::older_path(&spec.state_dir),
    ] {
        size += std::fs::metadata(path).unwrap().len();
    }
    assert!(size <= 2 * estiva_runtime::log::LOG_BYTES_MAX, "{size}");
    let mut tail = Reader::tail(&spec.state_dir, 1).unwrap();
    let mut text = Vec::new();
    while let Some(frame) = tail.next_frame().unwrap() {
        text.extend(frame.payload);
    }
    assert!(text.ends_with(b"end\n"));
}

/// More output than both log files hold.
const FLOOD: &str = "dd if=/dev/zero bs=1048576 count=200 2>/dev/null";
const FLOOD_BYTES: u64 = 200 << 20;

/// Reads to the end: how many bytes of output there were, and the exit status.
fn drain(mut attached: Attached) -> (u64, Option<i32>) {
    let mut bytes = 0;
    while let Some(frame) = attached.next_frame().unwrap() {
        match frame.kind {
            FrameKind::Stdout => bytes += frame.payload.len() as u64,
            FrameKind::Exit => {
                let exit: Exit = serde_json::from_slice(&frame.payload).unwrap();
                return (bytes, Some(exit.code));
            }
            _ => {}
        }
    }
    (bytes, None)
}

// A command that read more slowly than its container wrote was left behind by two rotations of the log and dropped:
// `estiva run … | sort` lost most of its input, and nobody said so.
#[test]
fn a_container_waits_for_a_client_that_holds_it_and_nothing_is_lost() {
    let Some(scene) =
        Scene::new("a_container_waits_for_a_client_that_holds_it_and_nothing_is_lost")
    else {
        return;
    };
    let spec = scene.script(Mode::Container, FLOOD);
    spawn_attended_container(&scene.runtime, &spec).unwrap();
    let end = || {
        let monitor = MonitorClient::connect(&spec.state_dir).unwrap();
        monitor.state().unwrap().log_end
    };
    // Before the client has come: the log is full, and the first file still there.
    let is_full = || end().generation == 1 && end().offset > LOG_BYTES_MAX - (1 << 20);
    assert!(eventually(is_full));
    let holding = MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .attach_holding(AttachFrom::Start)
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(end().generation, 1, "it waits for the client too");
    assert_eq!(drain(holding), (FLOOD_BYTES, Some(0)));
}

#[test]
fn a_holding_client_that_is_gone_holds_nobody() {
    let Some(scene) = Scene::new("a_holding_client_that_is_gone_holds_nobody") else {
        return;
    };
    let spec = scene.script(Mode::Container, FLOOD);
    spawn_attended_container(&scene.runtime, &spec).unwrap();
    let mut holding = MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .attach_holding(AttachFrom::Start)
        .unwrap();
    assert_eq!(
        holding.next_frame().unwrap().unwrap().kind,
        FrameKind::Place
    );
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(!exit_path(&spec.state_dir).exists(), "it is held");
    drop(holding);
    assert_eq!(recorded_exit(&spec).code, 0);
}

#[test]
fn a_held_container_can_be_killed() {
    let Some(scene) = Scene::new("a_held_container_can_be_killed") else {
        return;
    };
    let spec = scene.script(Mode::Container, FLOOD);
    spawn_attended_container(&scene.runtime, &spec).unwrap();
    let holding = MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .attach_holding(AttachFrom::Start)
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let monitor = MonitorClient::connect(&spec.state_dir).unwrap();
    monitor.kill(9).unwrap();
    assert_eq!(recorded_exit(&spec).code, 137);
    drop(holding);
}

// A pipe whose writers are all gone is ready for ever: the monitor of a container that had closed its output looked at
// it without a pause, and used a whole core.
#[test]
fn a_container_that_closes_its_output_costs_its_monitor_nothing() {
    let Some(scene) = Scene::new("a_container_that_closes_its_output_costs_its_monitor_nothing")
    else {
        return;
    };
    let spec = scene.script(Mode::Container, "exec sleep 1 >&- 2>&-");
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(800));
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.monitor_pid)).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    assert!(
        ticks < 20,
        "it used {ticks} hundredths of a second in 0.8 s"
    );
    assert_eq!(recorded_exit(&spec).code, 0);
}

//! Terminals and standard inputs: of containers, and of execs that outlive their spawner.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use common::{Scene, eventually, is_running, recorded_exit};
use estiva_runtime::monitor::client::{Attached, MonitorClient, connect};
use estiva_runtime::monitor::frame::{Frame, FrameKind};
use estiva_runtime::monitor::protocol::{AttachFrom, INPUT_BYTES_MAX, Request, exit_path};
use estiva_runtime::{
    ExecSpec, Exit, Mode, MonitorSpec, TerminalSize, oci, spawn_container, spawn_exec_session,
};

fn terminal(scene: &Scene, script: &str, size: Option<(u64, u64)>) -> MonitorSpec {
    let mut spec = scene.script(Mode::Container, script);
    spec.interactive = true;
    give_terminal(spec.spec.process_mut().as_mut().unwrap(), size);
    spec
}

fn give_terminal(process: &mut oci::Process, size: Option<(u64, u64)>) {
    process.set_terminal(Some(true));
    process.set_console_size(size.map(|(height, width)| {
        oci::BoxBuilder::default()
            .height(height)
            .width(width)
            .build()
            .unwrap()
    }));
}

fn attach(state_dir: &Path, from: AttachFrom) -> Attached {
    MonitorClient::connect(state_dir)
        .unwrap()
        .attach_typing(from)
        .unwrap()
}

/// Reads on until the output holds `text`; all of it so far.
fn read_until(attached: &mut Attached, text: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(text) {
        let frame = attached.next_frame().unwrap();
        let frame = frame.unwrap_or_else(|| panic!("the end before {text:?}: {seen:?}"));
        match frame.kind {
            FrameKind::Stdout => seen.push_str(&String::from_utf8_lossy(&frame.payload)),
            FrameKind::Place => {}
            kind => panic!("{kind:?} before {text:?}: {seen:?}"),
        }
    }
    seen
}

/// Reads to the end: all output, and the exit status.
fn drain(attached: &mut Attached) -> (Vec<u8>, i32) {
    let mut bytes = Vec::new();
    loop {
        let frame = attached.next_frame().unwrap().unwrap();
        match frame.kind {
            FrameKind::Exit => {
                let exit: Exit = serde_json::from_slice(&frame.payload).unwrap();
                return (bytes, exit.code);
            }
            FrameKind::Stdout | FrameKind::Stderr => bytes.extend(frame.payload),
            _ => {}
        }
    }
}

#[test]
fn a_container_knows_its_terminal_its_size_and_that_the_size_changes() {
    let Some(scene) =
        Scene::new("a_container_knows_its_terminal_its_size_and_that_the_size_changes")
    else {
        return;
    };
    let script = "tty; stty size; test -t 2 && echo three; ls -l /dev/console | cut -c1; \
                  exec 3>/dev/tty && echo controlling >&3; \
                  trap 'echo now $(stty size)' WINCH; while read line; do echo got $line; done";
    let spec = terminal(&scene, script, Some((33, 77)));
    spawn_container(&scene.runtime, &spec).unwrap();
    let mut attached = attach(&spec.state_dir, AttachFrom::Start);
    let seen = read_until(&mut attached, "controlling");
    assert!(
        seen.starts_with("/dev/pts/0\r\n33 77\r\nthree\r\nc\r\n"),
        "{seen:?}"
    );
    let mut typist = attached.typist().unwrap();
    typist.input(b"one\n").unwrap();
    read_until(&mut attached, "got one");
    let size = TerminalSize {
        rows: 50,
        columns: 132,
    };
    typist.resize(size).unwrap();
    typist.input(b"two\n").unwrap();
    read_until(&mut attached, "now 50 132");
    // An end that a terminal does not have, and then the letter that it takes for one.
    typist.end().unwrap();
    typist.input(b"\x04").unwrap();
    assert_eq!(drain(&mut attached).1, 0);
}

#[test]
fn a_user_owns_its_terminal_and_can_open_it_by_every_name() {
    let Some(scene) = Scene::new("a_user_owns_its_terminal_and_can_open_it_by_every_name") else {
        return;
    };
    let script = "for name in /dev/stdout /dev/tty /dev/console $(tty); do echo $name > $name; done; \
                  stat -c %u:%g:%a $(tty)";
    let mut spec = terminal(&scene, script, None);
    let process = spec.spec.process_mut().as_mut().unwrap();
    process.user_mut().set_username(Some("node".to_owned()));
    spawn_container(&scene.runtime, &spec).unwrap();
    let (output, code) = drain(&mut attach(&spec.state_dir, AttachFrom::Start));
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "/dev/stdout\r\n/dev/tty\r\n/dev/console\r\n/dev/pts/0\r\n1000:5:620\r\n"
    );
    assert_eq!(code, 0);
}

#[test]
fn keys_reach_the_foreground_as_signals() {
    let Some(scene) = Scene::new("keys_reach_the_foreground_as_signals") else {
        return;
    };
    let spec = terminal(
        &scene,
        "trap 'echo interrupted; exit 9' INT; echo ready; while true; do sleep 0.05; done",
        None,
    );
    spawn_container(&scene.runtime, &spec).unwrap();
    let mut attached = attach(&spec.state_dir, AttachFrom::Start);
    read_until(&mut attached, "ready");
    attached.typist().unwrap().input(b"\x03").unwrap();
    let (output, code) = drain(&mut attached);
    assert!(String::from_utf8_lossy(&output).contains("interrupted"));
    assert_eq!(code, 9);
}

#[test]
fn input_waits_for_who_types_and_ends_when_that_is_said() {
    let Some(scene) = Scene::new("input_waits_for_who_types_and_ends_when_that_is_said") else {
        return;
    };
    let mut spec = scene.script(Mode::Container, "cat; echo end; exit 3");
    spec.interactive = true;
    spawn_container(&scene.runtime, &spec).unwrap();
    let first = attach(&spec.state_dir, AttachFrom::Start);
    first.typist().unwrap().input(b"one\n").unwrap();
    // What was sent before it left arrives, and that it left ends nothing.
    drop(first);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!exit_path(&spec.state_dir).exists());
    let mut second = attach(&spec.state_dir, AttachFrom::Start);
    read_until(&mut second, "one\n");
    let mut typist = second.typist().unwrap();
    typist.input(b"two\n").unwrap();
    typist.end().unwrap();
    let (output, code) = drain(&mut second);
    assert_eq!(String::from_utf8(output).unwrap(), "two\nend\n");
    assert_eq!(code, 3);
}

#[test]
fn without_an_open_input_there_is_an_end_at_once() {
    let Some(scene) = Scene::new("without_an_open_input_there_is_an_end_at_once") else {
        return;
    };
    let spec = scene.script(Mode::Container, "cat");
    spawn_container(&scene.runtime, &spec).unwrap();
    assert_eq!(recorded_exit(&spec).code, 0);
}

// 8 MiB through a program that reads slowly: more than every buffer on the way holds.
#[test]
fn input_for_a_slow_program_waits_and_arrives_whole() {
    let Some(scene) = Scene::new("input_for_a_slow_program_waits_and_arrives_whole") else {
        return;
    };
    let mut spec = scene.script(Mode::Container, "sleep 0.5; wc -c; cat");
    spec.interactive = true;
    spawn_container(&scene.runtime, &spec).unwrap();
    let mut attached = attach(&spec.state_dir, AttachFrom::Start);
    let mut typist = attached.typist().unwrap();
    let writer = std::thread::spawn(move || {
        for _ in 0..128 {
            typist.input(&[b'x'; 64 << 10]).unwrap();
        }
        typist.end().unwrap();
    });
    let (output, code) = drain(&mut attached);
    writer.join().unwrap();
    assert_eq!(String::from_utf8(output).unwrap().trim(), "8388608");
    assert_eq!(code, 0);
}

#[test]
fn a_terminals_output_waits_for_a_slow_client_and_no_line_is_lost() {
    let Some(scene) = Scene::new("a_terminals_output_waits_for_a_slow_client_and_no_line_is_lost")
    else {
        return;
    };
    let holder = scene.script(Mode::Container, "exec sleep 300");
    let started = spawn_container(&scene.runtime, &holder).unwrap();
    // An exec, whose log is the smaller one: 100,000 lines are more than it holds.
    let folder = scene.folder.path().join("session");
    std::fs::create_dir(&folder).unwrap();
    let script = "awk 'BEGIN { for (i = 1; i <= 100000; i++) print \"line \" i \" of a hundred thousand, and what \
                  stands beside it to be long, which is some more words than are needed here\" }'";
    let args = ["sh", "-c", script].map(str::to_owned).to_vec();
    let mut asked = ExecSpec::like(&holder, &started, args);
    asked.interactive = true;
    give_terminal(&mut asked.process, Some((24, 500)));
    spawn_exec_session(&scene.runtime, &asked, &folder).unwrap();
    let mut attached = attach(&folder, AttachFrom::Start);
    std::thread::sleep(std::time::Duration::from_millis(800));
    let size = |path: std::path::PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let kept =
        size(estiva_runtime::log::path(&folder)) + size(estiva_runtime::log::older_path(&folder));
    assert!(kept <= 8 << 20, "{kept}");
    let mut seen = 0;
    let mut rest = Vec::new();
    loop {
        let frame = attached.next_frame().unwrap().unwrap();
        match frame.kind {
            FrameKind::Stdout => rest.extend(frame.payload),
            FrameKind::Exit => break,
            _ => {}
        }
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            seen += 1;
            let line: Vec<u8> = rest.drain(..=end).collect();
            assert!(
                line.starts_with(format!("line {seen} of").as_bytes()),
                "{seen}"
            );
        }
    }
    assert_eq!((seen, rest.len()), (100_000, 0));
    MonitorClient::connect(&holder.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(&holder);
}

#[test]
fn an_exec_with_a_terminal_is_left_and_come_back_to_and_ends_by_itself() {
    let Some(scene) =
        Scene::new("an_exec_with_a_terminal_is_left_and_come_back_to_and_ends_by_itself")
    else {
        return;
    };
    let holder = scene.script(Mode::Container, "exec sleep 300");
    let started = spawn_container(&scene.runtime, &holder).unwrap();
    let folder = scene.folder.path().join("session");
    std::fs::create_dir(&folder).unwrap();
    let mut asked = ExecSpec::like(&holder, &started, vec!["sh".to_owned()]);
    asked.interactive = true;
    give_terminal(&mut asked.process, Some((20, 60)));
    let session = spawn_exec_session(&scene.runtime, &asked, &folder).unwrap();
    let mut attached = attach(&folder, AttachFrom::Start);
    let mut typist = attached.typist().unwrap();
    typist.input(b"tty; stty size; id -u\n").unwrap();
    let seen = read_until(&mut attached, "\r\n0\r\n");
    assert!(seen.contains("/dev/pts/0\r\n20 60\r\n"), "{seen:?}");
    drop((typist, attached));
    // Two at once, who see and type into the same.
    let mut one = attach(&folder, AttachFrom::Recent);
    let mut other = attach(&folder, AttachFrom::Recent);
    assert!(read_until(&mut one, "20 60").contains("stty"));
    other
        .typist()
        .unwrap()
        .input(b"echo $((6*7)).; exit 5\n")
        .unwrap();
    read_until(&mut one, "42.");
    assert_eq!((drain(&mut one).1, drain(&mut other).1), (5, 5));
    let exit: Exit = serde_json::from_slice(&std::fs::read(exit_path(&folder)).unwrap()).unwrap();
    assert_eq!(exit.code, 5);
    assert!(eventually(|| !is_running(session.monitor_pid)));
    assert!(is_running(started.init_pid), "the container goes on");
    MonitorClient::connect(&holder.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(&holder);
}

#[test]
fn an_exec_ends_with_its_container_and_with_its_monitor() {
    let Some(scene) = Scene::new("an_exec_ends_with_its_container_and_with_its_monitor") else {
        return;
    };
    let holder = scene.script(Mode::Container, "exec sleep 300");
    let started = spawn_container(&scene.runtime, &holder).unwrap();
    let begin = |name: &str| {
        let folder = scene.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let args = ["sleep", "300"].map(str::to_owned).to_vec();
        let mut asked = ExecSpec::like(&holder, &started, args);
        give_terminal(&mut asked.process, None);
        let session = spawn_exec_session(&scene.runtime, &asked, &folder).unwrap();
        (session, folder)
    };
    let (killed, _) = begin("killed");
    let pid = rustix::process::Pid::from_raw(killed.monitor_pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert!(eventually(|| !is_running(killed.init_pid)));
    let (session, folder) = begin("other");
    MonitorClient::connect(&holder.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(&holder);
    assert!(eventually(|| exit_path(&folder).exists()));
    assert!(eventually(|| !is_running(session.monitor_pid)));
}

#[test]
fn a_start_that_fails_leaves_no_socket_and_says_why() {
    let Some(scene) = Scene::new("a_start_that_fails_leaves_no_socket_and_says_why") else {
        return;
    };
    let mut spec = terminal(&scene, "", None);
    let process = spec.spec.process_mut().as_mut().unwrap();
    process.set_args(Some(vec!["nothing-of-this-name".to_owned()]));
    let error = spawn_container(&scene.runtime, &spec).unwrap_err();
    assert_eq!(error.exit_code(), 127, "{error}");
    assert!(connect(&spec.state_dir).is_err());
    let mut step = terminal(&scene, "", None);
    step.mode = Mode::Step;
    let error = estiva_runtime::spawn_step(&scene.runtime, &step).unwrap_err();
    assert!(error.to_string().contains("a step's terminal"), "{error}");
}

#[test]
fn a_client_that_sends_nonsense_is_dropped_and_costs_the_others_nothing() {
    let Some(scene) =
        Scene::new("a_client_that_sends_nonsense_is_dropped_and_costs_the_others_nothing")
    else {
        return;
    };
    let spec = terminal(&scene, "read line; echo got $line", None);
    spawn_container(&scene.runtime, &spec).unwrap();
    let mut good = attach(&spec.state_dir, AttachFrom::Start);
    let long = vec![b'x'; INPUT_BYTES_MAX as usize + 1];
    for nonsense in [
        Frame::encode(FrameKind::Input, 0, &long),
        Frame::encode(FrameKind::Exit, 0, b"{}"),
        Frame::encode(FrameKind::Resize, 0, b"1"),
        vec![0xff; 4096],
    ] {
        let mut stream: UnixStream = connect(&spec.state_dir).unwrap();
        let request = Request::AttachTyping(AttachFrom::Now).encode().unwrap();
        stream.write_all(&[request, nonsense].concat()).unwrap();
        while let Ok(Some(frame)) = Frame::read(&mut stream) {
            assert_eq!(frame.kind, FrameKind::Place);
        }
    }
    good.typist().unwrap().input(b"well\n").unwrap();
    let (output, code) = drain(&mut good);
    assert!(String::from_utf8_lossy(&output).contains("got well"));
    assert_eq!(code, 0);
}

// A client that goes away while its input waits is told of for ever: its monitor must not look at it without a pause.
#[test]
fn one_that_left_its_input_waiting_costs_its_monitor_nothing() {
    let Some(scene) = Scene::new("one_that_left_its_input_waiting_costs_its_monitor_nothing")
    else {
        return;
    };
    let mut spec = scene.script(Mode::Container, "sleep 1.5; wc -c");
    spec.interactive = true;
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    let attached = attach(&spec.state_dir, AttachFrom::Start);
    let bytes = 100 << 10;
    attached
        .typist()
        .unwrap()
        .input(&vec![b'x'; bytes])
        .unwrap();
    drop(attached);
    std::thread::sleep(std::time::Duration::from_millis(1000));
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.monitor_pid)).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    assert!(ticks < 20, "it used {ticks} hundredths of a second in 1 s");
    let mut attached = attach(&spec.state_dir, AttachFrom::Start);
    attached.typist().unwrap().end().unwrap();
    let (output, _) = drain(&mut attached);
    assert_eq!(String::from_utf8_lossy(&output).trim(), bytes.to_string());
}

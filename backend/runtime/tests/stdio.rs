//! The standard descriptors: whose they are, and what becomes of them; and that there are no others.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs::Permissions;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

use common::{Outcome, Scene, eventually, outcome, recorded_exit};
use estiva_runtime::log::Reader;
use estiva_runtime::monitor::client::MonitorClient;
use estiva_runtime::{ExecSpec, Mode, MonitorSpec, Started, exec, spawn_container};

/// The host's null device. Whatever a test has done to it is undone.
struct HostNull {
    mode: u32,
}

impl HostNull {
    const PATH: &str = "/dev/null";

    fn look() -> Self {
        Self { mode: Self::mode() }
    }

    fn mode() -> u32 {
        std::fs::metadata(Self::PATH).unwrap().mode()
    }
}

impl Drop for HostNull {
    fn drop(&mut self) {
        if Self::mode() != self.mode {
            std::fs::set_permissions(Self::PATH, Permissions::from_mode(self.mode)).unwrap();
        }
    }
}

fn run_in(scene: &Scene, spec: &MonitorSpec, started: &Started, script: &str) -> Outcome {
    let args = ["sh", "-c", script].map(str::to_owned).to_vec();
    let asked = ExecSpec::like(spec, started, args);
    outcome(exec(&scene.runtime, &asked, None).unwrap()).unwrap()
}

fn end(spec: &MonitorSpec) {
    MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(spec);
}

fn logged(spec: &MonitorSpec) -> String {
    let mut reader = Reader::open(&spec.state_dir).unwrap();
    let mut text = String::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        text.push_str(&String::from_utf8_lossy(&frame.payload));
    }
    text
}

// Standard input was the host's own /dev/null, opened before the container had one. `chmod` of what a process has open
// changes the device that it was opened from: a container could shut the host's /dev/null, or give it away.
#[test]
fn standard_input_is_the_containers_own_null_device() {
    let Some(scene) = Scene::new("standard_input_is_the_containers_own_null_device") else {
        return;
    };
    let host = HostNull::look();
    let script =
        "chmod 667 /proc/self/fd/0; stat -L -c '%a %t:%T' /dev/stdin; read line || echo end";
    let expected = "667 1:3\nend\n";
    let step = scene.run(script);
    assert_eq!(step.stdout, expected, "{}", step.stderr);
    assert_eq!(HostNull::mode(), host.mode, "a step's");

    let spec = scene.script(Mode::Container, &format!("{script}; exec sleep 300"));
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    assert!(eventually(|| logged(&spec) == expected));
    assert_eq!(HostNull::mode(), host.mode, "a container's");

    let further = run_in(&scene, &spec, &started, script);
    assert_eq!(further.stdout, expected, "{}", further.stderr);
    assert_eq!(HostNull::mode(), host.mode, "an exec's");
    end(&spec);
}

// The pipes were root's and 0600. An ordinary user could write to what it had, but programs that open /dev/stdout or
// /dev/stderr (nginx's log, for one) were told "permission denied".
#[test]
fn an_ordinary_user_can_open_its_outputs_by_name() {
    let Some(scene) = Scene::new("an_ordinary_user_can_open_its_outputs_by_name") else {
        return;
    };
    let script = "id -u; echo out > /dev/stdout; echo err > /dev/stderr";
    let with_user = |mode, script: &str| {
        scene.spec(mode, |options| {
            options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
            options.user = Some("node".to_owned());
        })
    };
    let step = scene.run_spec(&with_user(Mode::Step, script)).unwrap();
    assert_eq!(
        (step.stdout.as_str(), step.stderr.as_str()),
        ("1000\nout\n", "err\n")
    );

    let spec = with_user(Mode::Container, &format!("{script}; exec sleep 300"));
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    assert!(eventually(
        || logged(&spec).len() == "1000\nout\nerr\n".len()
    ));

    let further = run_in(&scene, &spec, &started, script);
    assert_eq!(
        (further.stdout.as_str(), further.stderr.as_str()),
        ("1000\nout\n", "err\n")
    );
    end(&spec);
}

// A pipe that was closed stayed among those that the monitor waited for. The kernel reports a hang-up unasked, so the
// monitor never waited again, and took a whole core for as long as the container ran.
#[test]
fn a_monitor_rests_when_its_container_has_closed_its_outputs() {
    let Some(scene) = Scene::new("a_monitor_rests_when_its_container_has_closed_its_outputs")
    else {
        return;
    };
    for script in [
        "exec >&- 2>&-; exec sleep 300",
        "exec 2>/dev/null; exec sleep 300",
    ] {
        let spec = scene.script(Mode::Container, script);
        let started = spawn_container(&scene.runtime, &spec).unwrap();
        // Once the shell has become the sleep, its outputs are closed.
        let command = format!("/proc/{}/cmdline", started.init_pid);
        assert!(eventually(|| {
            std::fs::read(&command).is_ok_and(|words| words.starts_with(b"sleep\0"))
        }));
        let before = cpu_ticks(started.monitor_pid);
        std::thread::sleep(Duration::from_secs(1));
        let used = cpu_ticks(started.monitor_pid) - before;
        // A hundredth of a second each; even on a busy host, one that spins gets more.
        assert!(used <= 2, "{script}: {used} ticks in a second");
        // And it still listens.
        end(&spec);
    }
}

/// The CPU time that a process has used, in clock ticks: fields 14 and 15 of its `stat`.
fn cpu_ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
    fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum()
}

// Whatever the shell that started the server had open without a mark, each monitor and exec kept open: who waited for
// the end of such a pipe, or for such a lock, waited for as long as any container ran.
#[test]
fn a_monitor_and_an_exec_hold_nothing_of_their_callers() {
    let Some(scene) = Scene::new("a_monitor_and_an_exec_hold_nothing_of_their_callers") else {
        return;
    };
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&writer, rustix::io::FdFlags::empty()).unwrap();
    let spec = scene.script(Mode::Container, "exec sleep 300");
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    let args = ["sleep", "300"].map(str::to_owned).to_vec();
    let further = exec(&scene.runtime, &ExecSpec::like(&spec, &started, args), None).unwrap();
    drop(writer);
    let mut watched = [rustix::event::PollFd::from_borrowed_fd(
        reader.as_fd(),
        rustix::event::PollFlags::IN,
    )];
    let a_second = rustix::time::Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let ended = rustix::event::poll(&mut watched, Some(&a_second)).unwrap();
    further.canceller().unwrap().cancel();
    outcome(further).unwrap();
    end(&spec);
    assert_eq!(ended, 1, "somebody holds the pipe");
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

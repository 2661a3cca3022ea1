//! Beginning and end: exit status, signals, failures, and what happens when somebody on the way dies.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Instant;

use common::{PATIENCE, Scene, eventually, is_running, outcome, recorded_exit};
use estiva_runtime::cgroup::{Cgroup, sweep};
use estiva_runtime::defaults::DEFAULT_PATH;
use estiva_runtime::log::Reader;
use estiva_runtime::monitor::claim;
use estiva_runtime::monitor::client::MonitorClient;
use estiva_runtime::monitor::protocol::{exit_path, socket_path, started_path};
use estiva_runtime::{
    ExecSpec, LaunchError, Mode, MonitorSpec, Rootfs, Started, exec, spawn_container, spawn_step,
};

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_step_passes_its_status_and_both_outputs_through() {
    let Some(scene) = Scene::new("a_step_passes_its_status_and_both_outputs_through") else {
        return;
    };
    let outcome = scene.run("echo out; echo err >&2; exit 42");
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(
        (
            outcome.exit.code,
            outcome.exit.signal,
            outcome.exit.oom_killed
        ),
        (42, None, false)
    );
}

#[test]
fn a_folder_serves_as_a_root_and_is_left_unmounted() {
    let Some(scene) = Scene::new("a_folder_serves_as_a_root_and_is_left_unmounted") else {
        return;
    };
    let mut spec = scene.script(
        Mode::Step,
        "echo kept > /made; env | grep -e ^HOME -e ^HOSTNAME -e ^PATH",
    );
    spec.rootfs = Rootfs::Folder(scene.image());
    let outcome = scene.run_spec(&spec).unwrap();
    let expected = format!("HOME=/root\nHOSTNAME=inside\nPATH={DEFAULT_PATH}\n");
    let mut lines: Vec<_> = outcome
        .stdout
        .lines()
        .map(|line| format!("{line}\n"))
        .collect();
    lines.sort();
    assert_eq!(lines.concat(), expected, "{}", outcome.stderr);
    assert_eq!(
        std::fs::read_to_string(scene.image().join("made")).unwrap(),
        "kept\n"
    );
}

#[test]
fn death_by_a_signal_is_told_as_one() {
    let Some(scene) = Scene::new("death_by_a_signal_is_told_as_one") else {
        return;
    };
    // As process 1 a shell ignores its own signals, so it becomes a program that another one kills.
    let spec = scene.script(Mode::Container, "exec sleep 60");
    spawn_container(&scene.runtime, &spec).unwrap();
    MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    let exit = MonitorClient::connect(&spec.state_dir).and_then(MonitorClient::wait);
    let exit = exit.unwrap_or_else(|_| recorded_exit(&spec));
    assert_eq!((exit.code, exit.signal), (137, Some(9)));
}

#[test]
fn a_missing_program_and_one_that_cant_run_are_told_apart() {
    let Some(scene) = Scene::new("a_missing_program_and_one_that_cant_run_are_told_apart") else {
        return;
    };
    let run = |program: &str| {
        let spec = scene.spec(Mode::Step, |options| {
            options.args = vec![program.to_owned()]
        });
        scene.run_spec(&spec).unwrap_err()
    };
    let missing = run("nothing-of-the-kind");
    assert!(
        matches!(missing, LaunchError::ProgramNotFound(_)),
        "{missing}"
    );
    assert_eq!(
        missing.to_string(),
        "can't run \"nothing-of-the-kind\": no such file in the container's PATH"
    );
    assert_eq!(
        (missing.exit_code(), run("/bin/nothing").exit_code()),
        (127, 127)
    );
    let refused = run("/etc/passwd");
    assert!(
        matches!(refused, LaunchError::ProgramNotExecutable(_)),
        "{refused}"
    );
    assert_eq!((refused.exit_code(), run("/etc").exit_code()), (126, 126));
    std::fs::write(scene.image().join("bin/script"), "#!/bin/none\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(scene.image().join("bin/script"), mode).unwrap();
    assert!(run("script").to_string().contains("interpreter"));
}

#[test]
fn the_processes_that_a_step_leaves_behind_end_with_it() {
    let Some(scene) = Scene::new("the_processes_that_a_step_leaves_behind_end_with_it") else {
        return;
    };
    let began = Instant::now();
    let outcome = scene.run("sleep 300 & sleep 300 & echo done");
    assert_eq!(outcome.stdout, "done\n");
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_fork_bomb_is_held_by_its_limit_and_cleaned_up() {
    let Some(scene) = Scene::new("a_fork_bomb_is_held_by_its_limit_and_cleaned_up") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        // One of `f | f &` may have burnt out before it is looked at; what this makes stays.
        options.args = ["sh", "-c", "(while :; do sleep 60 & done); sleep 60"]
            .map(str::to_owned)
            .to_vec();
        options.limits.pids = Some(40);
    });
    let step = spawn_step(&scene.runtime, &spec).unwrap();
    let cgroup = Cgroup::find(&spec.cgroup).unwrap();
    assert!(
        eventually(|| cgroup.usage().pids >= 30),
        "{:?}",
        cgroup.usage()
    );
    assert!(cgroup.usage().pids <= 40);
    step.canceller().unwrap().cancel();
    let exit = step.wait().unwrap();
    assert_eq!(exit.signal, Some(9));
}

#[test]
fn a_step_dies_with_its_spawner() {
    let Some(scene) = Scene::new("a_step_dies_with_its_spawner") else {
        return;
    };
    let step = spawn_step(
        &scene.runtime,
        &scene.script(Mode::Step, "sleep 300 & sleep 300"),
    )
    .unwrap();
    let started = step.started;
    assert!(is_running(started.init_pid));
    drop(step);
    assert!(eventually(
        || !is_running(started.init_pid) && !is_running(started.monitor_pid)
    ));
}

#[test]
fn a_cancelled_step_says_that_it_was_killed() {
    let Some(scene) = Scene::new("a_cancelled_step_says_that_it_was_killed") else {
        return;
    };
    let step = spawn_step(&scene.runtime, &scene.script(Mode::Step, "sleep 300")).unwrap();
    let canceller = step.canceller().unwrap();
    let waiting = std::thread::spawn(move || outcome(step).unwrap());
    canceller.cancel();
    assert_eq!(waiting.join().unwrap().exit.code, 137);
}

/// Set for a second process of this test program, which starts the container that it names and then waits.
const SPAWNER: &str = "ESTIVA_TEST_SPAWNER";

#[test]
fn a_container_outlives_the_death_of_its_spawner() {
    let name = "a_container_outlives_the_death_of_its_spawner";
    if let Some(spec) = std::env::var_os(SPAWNER) {
        let spec: MonitorSpec = serde_json::from_slice(&std::fs::read(spec).unwrap()).unwrap();
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_estiva-runtime"));
        spawn_container(&estiva_runtime::RuntimeBinary::at(program).unwrap(), &spec).unwrap();
        std::thread::sleep(PATIENCE);
        return;
    }
    let Some(scene) = Scene::new(name) else {
        return;
    };
    let spec = scene.script(
        Mode::Container,
        "while ! test -e /dev/shm/go; do sleep 0.01; done; echo late; exit 3",
    );
    let file = scene.folder.path().join("spec.json");
    std::fs::write(&file, serde_json::to_vec(&spec).unwrap()).unwrap();
    let mut spawner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(SPAWNER, &file)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert!(eventually(
        || MonitorClient::connect(&spec.state_dir).is_ok_and(|client| client.state().is_ok())
    ));
    spawner.kill().unwrap();
    spawner.wait().unwrap();

    let kept = std::fs::read(started_path(&spec.state_dir)).unwrap();
    let started: Started = serde_json::from_slice(&kept).unwrap();
    assert!(is_running(started.init_pid) && is_running(started.monitor_pid));
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", started.monitor_pid)).unwrap();
    let session = stat
        .rsplit_once(") ")
        .unwrap()
        .1
        .split(' ')
        .nth(3)
        .unwrap()
        .to_owned();
    assert_eq!(session, started.monitor_pid.to_string());
    assert_eq!(
        std::fs::read_link(format!("/proc/{}/cwd", started.monitor_pid))
            .unwrap()
            .to_str(),
        Some("/")
    );
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", started.monitor_pid)).unwrap();
    assert!(
        groups.contains(&format!(":memory:/estiva-{}/monitors", scene.world))
            || !groups.contains(":memory:")
    );

    let waiting = MonitorClient::connect(&spec.state_dir).unwrap();
    let go = ExecSpec::like(
        &spec,
        &started,
        ["touch", "/dev/shm/go"].map(str::to_owned).to_vec(),
    );
    // The container may end, and take this along, before `touch` itself has ended.
    let touched = outcome(exec(&scene.runtime, &go, None).unwrap()).unwrap();
    assert!(matches!(touched.exit.code, 0 | 137), "{touched:?}");
    assert_eq!(waiting.wait().unwrap().code, 3);
    assert_eq!(recorded_exit(&spec).code, 3);
    let mut log = Reader::open(&spec.state_dir).unwrap();
    assert_eq!(log.next_frame().unwrap().unwrap().payload, b"late\n");
    assert!(eventually(
        || !is_running(started.monitor_pid) && !socket_path(&spec.state_dir).exists()
    ));
}

#[test]
fn a_killed_monitor_takes_its_container_along_and_a_sweep_clears_the_rest() {
    let Some(scene) =
        Scene::new("a_killed_monitor_takes_its_container_along_and_a_sweep_clears_the_rest")
    else {
        return;
    };
    let spec = scene.script(Mode::Container, "sleep 300 & sleep 300");
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    let other = scene.script(Mode::Container, "exec sleep 300");
    let other_started = spawn_container(&scene.runtime, &other).unwrap();
    kill(started.monitor_pid);
    assert!(eventually(|| !is_running(started.init_pid)));
    let swept = sweep(&scene.world, &|id| id == other.id).unwrap();
    assert_eq!(
        (swept.removed, swept.failures),
        (vec![spec.id.clone()], vec![])
    );
    assert!(
        is_running(other_started.init_pid),
        "what is alive is left alone"
    );
    assert!(
        !exit_path(&spec.state_dir).exists(),
        "nobody knows how it ended"
    );
    MonitorClient::connect(&other.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(&other);
}

#[test]
fn a_step_whose_monitor_is_killed_ends_and_its_status_is_unknown() {
    let Some(scene) = Scene::new("a_step_whose_monitor_is_killed_ends_and_its_status_is_unknown")
    else {
        return;
    };
    let spec = scene.script(Mode::Step, "exec sleep 300");
    let step = spawn_step(&scene.runtime, &spec).unwrap();
    let started = step.started;
    kill(started.monitor_pid);
    assert!(matches!(step.wait(), Err(LaunchError::MonitorDied)));
    assert!(eventually(|| !is_running(started.init_pid)));
    assert_eq!(sweep(&scene.world, &|_| false).unwrap().removed, [spec.id]);
}

// A monitor that came to its turn late started a container that the next server had listed as never started.
#[test]
fn a_container_that_was_given_up_never_starts() {
    let Some(scene) = Scene::new("a_container_that_was_given_up_never_starts") else {
        return;
    };
    let spec = scene.script(Mode::Container, "exec sleep 300");
    assert!(claim::give_up(&spec.state_dir).unwrap());
    let error = spawn_container(&scene.runtime, &spec).unwrap_err();
    assert!(
        error.to_string().contains("given the container up"),
        "{error}"
    );
    assert!(!started_path(&spec.state_dir).exists() && !socket_path(&spec.state_dir).exists());
    // What runs can't be given up any more, and need not be: it has said so.
    let spec = scene.script(Mode::Container, "exec sleep 300");
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    assert_eq!(
        claim::claimant(&spec.state_dir).unwrap(),
        Some((started.monitor_pid, started.monitor_start_ticks))
    );
    assert!(claim::give_up(&spec.state_dir).unwrap() && started_path(&spec.state_dir).exists());
    kill(started.init_pid);
    recorded_exit(&spec);
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    let Some(scene) = Scene::new("a_start_that_fails_leaves_nothing") else {
        return;
    };
    let spec = scene.spec(Mode::Container, |options| {
        options.args = vec!["nothing".to_owned()]
    });
    assert_eq!(
        spawn_container(&scene.runtime, &spec)
            .unwrap_err()
            .exit_code(),
        127
    );
    assert!(!socket_path(&spec.state_dir).exists());
    let mut spec = scene.script(Mode::Step, "true");
    let process = spec.spec.process_mut().as_mut().unwrap();
    process.set_terminal(Some(true));
    let error = scene.run_spec(&spec).unwrap_err().to_string();
    assert_eq!(
        error,
        "expected a spec without a step's terminal, which this runtime doesn't do"
    );
}

//! Further processes in a running container.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{Read as _, Write as _};

use common::{Scene, eventually, is_running, outcome, recorded_exit};
use estiva_runtime::monitor::client::MonitorClient;
use estiva_runtime::{ExecSpec, Mode, exec, spawn_container};

#[test]
fn an_exec_is_in_the_container_and_passes_its_status_on() {
    let Some(scene) = Scene::new("an_exec_is_in_the_container_and_passes_its_status_on") else {
        return;
    };
    let spec = scene.script(Mode::Container, "touch /dev/shm/mine; exec sleep 300");
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    let run = |script: &str, change: &dyn Fn(&mut ExecSpec)| {
        let args = ["sh", "-c", script].map(str::to_owned).to_vec();
        let mut asked = ExecSpec::like(&spec, &started, args);
        change(&mut asked);
        outcome(exec(&scene.runtime, &asked, None)?)
    };
    assert!(eventually(
        || run("ls /dev/shm", &|_| ()).unwrap().stdout == "mine\n"
    ));
    let seen = run(
        "hostname; for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done;\n\
         grep -e CapEff -e CapBnd -e NoNewPrivs -e Seccomp: /proc/self/status; ls /proc/self/fd; exit 7",
        &|_| (),
    );
    let seen = seen.unwrap();
    let lines: Vec<_> = seen.stdout.lines().collect();
    assert_eq!((lines[0], seen.exit.code), ("inside", 7), "{}", seen.stderr);
    for pair in lines[1..13].chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    let rest = [
        "CapEff:\t00000000a80425fb",
        "CapBnd:\t00000000a80425fb",
        "NoNewPrivs:\t0",
        "Seccomp:\t2",
        "0",
        "1",
        "2",
        "3",
    ];
    assert_eq!(lines[13..], rest);

    let as_node = run("id -u; pwd", &|asked| {
        asked
            .process
            .user_mut()
            .set_username(Some("node".to_owned()));
        asked.process.set_cwd("/home/node".into());
    });
    assert_eq!(as_node.unwrap().stdout, "1000\n/home/node\n");
    let missing = run("", &|asked| {
        asked.process.set_args(Some(vec!["nothing".to_owned()]));
    });
    assert_eq!(missing.unwrap_err().exit_code(), 127);

    // `exec -w` of a folder that isn't there made it, wherever a typing mistake led.
    let nowhere = run("pwd", &|asked| {
        asked.process.set_cwd("/typing/mistake".into());
    });
    let nowhere = nowhere.unwrap_err().to_string();
    assert!(
        nowhere.contains("/typing/mistake: No such file"),
        "{nowhere}"
    );
    assert!(run("test -e /typing || echo none", &|_| ()).unwrap().stdout == "none\n");

    MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(&spec);
    let late = run("true", &|_| ()).unwrap_err().to_string();
    assert!(late.contains("but found it ended"), "{late}");
}

#[test]
fn an_exec_reads_the_input_it_is_given_and_dies_when_cancelled() {
    let Some(scene) = Scene::new("an_exec_reads_the_input_it_is_given_and_dies_when_cancelled")
    else {
        return;
    };
    let spec = scene.script(Mode::Container, "exec sleep 300");
    let started = spawn_container(&scene.runtime, &spec).unwrap();
    let (input, mut writer) = std::io::pipe().unwrap();
    let asked = ExecSpec::like(&spec, &started, vec!["cat".to_owned()]);
    let running = exec(&scene.runtime, &asked, Some(input.into())).unwrap();
    writer.write_all(b"typed").unwrap();
    drop(writer);
    assert_eq!(outcome(running).unwrap().stdout, "typed");

    let asked = ExecSpec::like(
        &spec,
        &started,
        ["sleep", "300"].map(str::to_owned).to_vec(),
    );
    let mut running = exec(&scene.runtime, &asked, None).unwrap();
    running.canceller().unwrap().cancel();
    let mut nothing = Vec::new();
    running
        .take_stdout()
        .unwrap()
        .read_to_end(&mut nothing)
        .unwrap();
    assert_eq!(running.wait().unwrap().signal, Some(9));
    assert!(is_running(started.init_pid));
    MonitorClient::connect(&spec.state_dir)
        .unwrap()
        .kill(9)
        .unwrap();
    recorded_exit(&spec);
}

//! The life of a server, seen from outside: who starts it, who comes second, what a kill leaves, and whom it answers.

// Closures and helpers beside the tests panic as tests do; a skip is printed for the log to be counted.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod world;

use std::fs;
use std::io::Read as _;

use world::{World, eventually, is_alive};

#[test]
fn the_second_server_says_who_is_there_and_stops() {
    let Some(world) = World::new("the_second_server_says_who_is_there_and_stops") else {
        return;
    };
    world.ok(&["images"]);
    let refused = world.fails(1, &["serve"]);
    assert!(
        refused.contains("already runs") && refused.contains(&world.server().to_string()),
        "{refused}"
    );
    assert!(refused.contains("hint: "), "{refused}");
    world.ok(&["images"]);
}

#[test]
fn commands_that_start_a_server_at_once_all_work_and_one_server_is_left() {
    let Some(world) =
        World::new("commands_that_start_a_server_at_once_all_work_and_one_server_is_left")
    else {
        return;
    };
    let commands: Vec<_> = (0..6).map(|_| world.start(&["images"])).collect();
    for command in commands {
        let output = command.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let needle = world.root().canonicalize().unwrap();
    let servers = fs::read_dir("/proc").unwrap().filter(|entry| {
        let line = fs::read(entry.as_ref().unwrap().path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&line).into_owned();
        words.contains(needle.to_str().unwrap()) && words.contains("serve")
    });
    assert_eq!(servers.count(), 1);
}

#[test]
fn stopping_a_server_twice_is_no_mistake_and_the_next_command_starts_another() {
    let Some(world) =
        World::new("stopping_a_server_twice_is_no_mistake_and_the_next_command_starts_another")
    else {
        return;
    };
    world.ok(&["images"]);
    let first = world.server();
    assert!(world.ok(&["stop-server"]).contains("has ended"));
    eventually("the server's end", || !is_alive(first));
    assert!(world.ok(&["stop-server"]).contains("no server runs"));
    assert!(world.estiva(&["dashboard", "--no-start"]).status.code() == Some(1));
    world.ok(&["images"]);
    assert_ne!(world.server(), first);
    assert_eq!(world.ok(&["stop-server", "--if-other-build"]), "");
    assert!(is_alive(world.server()));
}

#[test]
fn a_root_with_a_path_too_long_for_a_socket_works() {
    let Some(world) = World::new("a_root_with_a_path_too_long_for_a_socket_works") else {
        return;
    };
    let long = world.path(&"long".repeat(50));
    let root = long.to_str().unwrap();
    let estiva = |words: &[&str]| {
        std::process::Command::new(world::program())
            .args(["--root", root])
            .args(words)
            .output()
            .unwrap()
    };
    let images = estiva(&["images"]);
    let reset = estiva(&["reset", "--yes"]);
    assert!(images.status.success(), "{images:?}");
    assert!(reset.status.success(), "{reset:?}");
    assert!(!long.exists());
}

/// Inside of a container the root mostly lies on overlayfs. All went well there until the first container or RUN, which
/// failed with "Invalid argument".
#[test]
fn a_root_on_overlayfs_is_refused_with_a_sentence() {
    let Some(world) = World::new("a_root_on_overlayfs_is_refused_with_a_sentence") else {
        return;
    };
    let folder = |name: &str| {
        let path = world.path(name);
        fs::create_dir(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (lower, upper, work, merged) = (
        folder("lower"),
        folder("upper"),
        folder("work"),
        folder("merged"),
    );
    let run = |program: &str, words: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(words).output().unwrap()
    };
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let mounted = run(
        "mount",
        &["-t", "overlay", "overlay", "-o", &options, &merged],
    );
    if !mounted.status.success() {
        eprintln!(
            "SKIP a_root_on_overlayfs_is_refused_with_a_sentence: needs a place for an overlayfs"
        );
        return;
    }
    let root = format!("{merged}/root");
    let program = world::program();
    let refused = run(program.to_str().unwrap(), &["--root", &root, "images"]);
    let unmounted = run("umount", &[&merged]);
    assert!(unmounted.status.success(), "{unmounted:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("overlayfs") && said.contains("hint: "),
        "{said}"
    );
}

#[test]
fn a_store_of_a_newer_schema_is_refused_and_untouched() {
    let Some(world) = World::new("a_store_of_a_newer_schema_is_refused_and_untouched") else {
        return;
    };
    world.ok(&["images"]);
    world.ok(&["stop-server"]);
    let path = world.root().join("store.db");
    let mut bytes = fs::read(&path).unwrap();
    // The user version, four bytes at offset 60 (SQLite's file format, "The Database Header").
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let refused = world.fails(1, &["images"]);
    assert!(
        refused.contains("9999") && refused.contains("newer"),
        "{refused}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_container_runs_on_when_its_server_is_killed_and_is_found_again() {
    let Some(world) =
        World::with_busybox("a_container_runs_on_when_its_server_is_killed_and_is_found_again")
    else {
        return;
    };
    world.ok(&[
        "run",
        "--network=none",
        "-d",
        "--name",
        "tough",
        "busybox",
        "sh",
        "-c",
        "while :; do date; sleep 0.2; done",
    ]);
    let listed =
        || serde_json::from_str::<serde_json::Value>(&world.ok(&["ps", "--json"])).unwrap();
    let pid = i32::try_from(listed()[0]["pid"].as_i64().unwrap()).unwrap();
    world.kill_server();
    assert!(is_alive(pid));
    let again = listed();
    assert_eq!(
        (
            again[0]["name"].as_str(),
            again[0]["status"]["state"].as_str()
        ),
        (Some("tough"), Some("running"))
    );
    assert_eq!(again[0]["pid"].as_i64(), Some(i64::from(pid)));
    assert!(world.ok(&["logs", "tough"]).lines().count() >= 1);
    world.ok(&["stop", "-t", "1", "tough"]);
    assert!(!is_alive(pid));
    assert!(world.ok(&["ps", "-a"]).contains("Exited"));
}

#[test]
fn a_foreground_run_outlives_its_server_and_passes_the_exit_status_on() {
    let name = "a_foreground_run_outlives_its_server_and_passes_the_exit_status_on";
    let Some(world) = World::with_busybox(name) else {
        return;
    };
    let mut run = world.start(&[
        "run",
        "--network=none",
        "--rm",
        "busybox",
        "sh",
        "-c",
        "echo begun; sleep 2; echo end; exit 7",
    ]);
    let mut out = run.stdout.take().unwrap();
    let mut begun = [0; 6];
    out.read_exact(&mut begun).unwrap();
    world.kill_server();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "end\n");
    assert_eq!(run.wait().unwrap().code(), Some(7));
    assert_eq!(
        world.ok(&["ps", "-aq"]),
        "",
        "it is removed by the next server"
    );
}

#[test]
fn a_build_whose_server_is_killed_leaves_nothing() {
    let Some(world) = World::with_busybox("a_build_whose_server_is_killed_leaves_nothing") else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(
        context.join("Dockerfile"),
        "FROM busybox\nRUN echo begun; sleep 87654\n",
    )
    .unwrap();
    let mut build = world.start(&["build", "-t", "half", context.to_str().unwrap()]);
    let mut seen = Vec::new();
    let mut out = build.stdout.take().unwrap();
    while !String::from_utf8_lossy(&seen).contains("begun\n") {
        let mut byte = [0; 256];
        let read = out.read(&mut byte).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&byte[..read]);
    }
    world.kill_server();
    assert_eq!(build.wait().unwrap().code(), Some(1));
    let sleeps = || {
        fs::read_dir("/proc").unwrap().filter(|entry| {
            fs::read(entry.as_ref().unwrap().path().join("cmdline"))
                .is_ok_and(|line| line == b"sleep\x0087654\0")
        })
    };
    eventually("the step's end", || sleeps().count() == 0);
    assert!(!world.ok(&["images"]).contains("half"));
}

#[test]
fn a_build_is_cancelled_by_a_signal_and_leaves_nothing() {
    let Some(world) = World::with_busybox("a_build_is_cancelled_by_a_signal_and_leaves_nothing")
    else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(
        context.join("Dockerfile"),
        "FROM busybox\nRUN sleep 76543\n",
    )
    .unwrap();
    let build = world.start(&["build", "-t", "half", context.to_str().unwrap()]);
    let is_asleep = || {
        fs::read_dir("/proc").unwrap().any(|entry| {
            fs::read(entry.as_ref().unwrap().path().join("cmdline"))
                .is_ok_and(|line| line == b"sleep\x0076543\0")
        })
    };
    eventually("the step", is_asleep);
    let pid = rustix::process::Pid::from_child(&build);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = build.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(!is_asleep());
    assert!(!world.ok(&["images"]).contains("half"));
}

/// What the guard looks like from another program on the same host.
#[test]
fn nobody_without_the_token_is_answered_and_no_cookie_is_ever_set() {
    let Some(world) = World::new("nobody_without_the_token_is_answered_and_no_cookie_is_ever_set")
    else {
        return;
    };
    let address = world.ok(&["dashboard"]);
    let (base, code) = address
        .trim()
        .strip_prefix("http://")
        .unwrap()
        .split_once("/#code=")
        .unwrap();
    let ask = |method: &str, path: &str, headers: &str, body: &str| {
        let length = body.len();
        let answer = world.http(base, &format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ));
        assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
        assert!(
            answer
                .to_lowercase()
                .contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );
        answer
    };
    let host = format!("Host: {base}\r\n");
    assert!(ask("GET", "/api/v1/images", &host, "").starts_with("HTTP/1.1 401"));
    assert!(ask("GET", "/api/v1/images", "Host: evil.example\r\n", "").starts_with("HTTP/1.1 421"));
    assert!(
        ask(
            "GET",
            "/api/v1/images",
            &format!("{host}Origin: http://127.0.0.1:1\r\n"),
            ""
        )
        .starts_with("HTTP/1.1 403")
    );
    assert!(ask("POST", "/api/v1/codes", &host, "").starts_with("HTTP/1.1 403"));
    let traded = ask(
        "POST",
        "/api/v1/session",
        &host,
        &format!("{{\"code\":\"{code}\"}}"),
    );
    let body = traded.split("\r\n\r\n").nth(1).unwrap();
    let token = serde_json::from_str::<serde_json::Value>(body).unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        ask(
            "POST",
            "/api/v1/session",
            &host,
            &format!("{{\"code\":\"{code}\"}}")
        )
        .starts_with("HTTP/1.1 401")
    );
    let bearer = format!("{host}Authorization: Bearer {token}\r\n");
    assert!(ask("GET", "/api/v1/images", &bearer, "").starts_with("HTTP/1.1 200"));
    assert!(
        ask(
            "GET",
            "/api/v1/images",
            &format!("{bearer}Origin: http://localhost:1\r\n"),
            ""
        )
        .starts_with("HTTP/1.1 403")
    );
    let huge = ask(
        "POST",
        "/api/v1/shares",
        &bearer,
        &"x".repeat((1 << 20) + 1),
    );
    assert!(huge.starts_with("HTTP/1.1 413"), "{huge}");
    let wrong = ask("POST", "/api/v1/shares", &bearer, "{");
    assert!(
        wrong.starts_with("HTTP/1.1 400") && wrong.contains("\"code\":\"bad-request\""),
        "{wrong}"
    );
}

#[test]
fn a_server_listens_for_the_dashboard_on_loopback_only() {
    let Some(world) = World::new("a_server_listens_for_the_dashboard_on_loopback_only") else {
        return;
    };
    let refused = world.fails(1, &["serve", "--listen", "0.0.0.0:7879"]);
    assert!(
        refused.contains("expected a loopback address") && refused.contains("--share-listen"),
        "{refused}"
    );
}

#[test]
fn a_context_is_uploaded_and_one_that_leads_outside_is_refused() {
    let name = "a_context_is_uploaded_and_one_that_leads_outside_is_refused";
    let Some(world) = World::new(name) else {
        return;
    };
    let folder = world.path("files");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    let tar = |words: &[&str]| {
        let output = std::process::Command::new("tar")
            .arg("-C")
            .arg(&folder)
            .args(["-cP"])
            .args(words)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let (base, token) = world.session();
    let upload = |body: &str| {
        let length = body.len();
        world.http(
            &base,
            &format!(
                "POST /api/v1/contexts HTTP/1.1\r\nHost: {base}\r\nConnection: close\r\n\
                 Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        )
    };
    let taken = upload(&tar(&["Dockerfile"]));
    assert!(
        taken.starts_with("HTTP/1.1 200") && taken.contains("\"entries\":1"),
        "{taken}"
    );
    let hostile = upload(&tar(&[
        "--transform",
        "s,Dockerfile,../../escaped,",
        "Dockerfile",
    ]));
    assert!(
        hostile.starts_with("HTTP/1.1 422") && hostile.contains("bad-context"),
        "{hostile}"
    );
    assert!(!world.root().join("escaped").exists() && !world.path("escaped").exists());
    assert_eq!(
        fs::read_dir(world.root().join("contexts")).unwrap().count(),
        1,
        "the refused one left nothing"
    );
}

#[test]
fn the_second_listener_shows_shared_links_and_nothing_else() {
    let name = "the_second_listener_shows_shared_links_and_nothing_else";
    let Some(world) = World::new(name) else {
        return;
    };
    let (mut server, port) = world.serve_shares("127.0.0.1");
    let shares = format!("127.0.0.1:{port}");
    let (_, token) = world.session();
    for path in [
        "/",
        "/api/v1/images",
        "/api/v1/version",
        "/s/00000000000000000000000000000000",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let answer = world.http(&shares, &request);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    world.ok(&["stop-server"]);
    assert!(server.wait().unwrap().success());
}

// The server that a command starts in the background lived on with what that command's shell had: a lock that a script
// held was held for ever, files of images could not be read by others, and containers had a job's limits.
#[test]
fn a_server_takes_nothing_over_from_the_shell_that_started_it() {
    let Some(world) =
        World::with_busybox("a_server_takes_nothing_over_from_the_shell_that_started_it")
    else {
        return;
    };
    world.ok(&["stop-server"]);
    let lock = world.path("lock");
    let script = "exec 9>\"$LOCK\"; umask 077; ulimit -S -n 150; ulimit -S -f 1000; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, "sh"]).env("LOCK", &lock);
    let estiva = world.command(&[
        "run",
        "--network=none",
        "--rm",
        "busybox",
        "sh",
        "-c",
        "ulimit -n; umask",
    ]);
    command.arg(estiva.get_program()).args(estiva.get_args());
    let output = command.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1024\n0022\n",
        "{output:?}"
    );

    let proc = std::path::PathBuf::from(format!("/proc/{}", world.server()));
    let descriptors = fs::read_dir(proc.join("fd")).unwrap();
    let opened = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    assert!(!opened.into_iter().any(|path| path == lock));
    let status = fs::read_to_string(proc.join("status")).unwrap();
    assert!(status.contains("Umask:\t0022"), "{status}");
    let limits = fs::read_to_string(proc.join("limits")).unwrap();
    let limit = |name: &str| -> Vec<String> {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let files = limit("Max open files");
    assert!(
        files[0] == files[1] && files[0].parse::<u64>().unwrap() > 1024,
        "{files:?}"
    );
    let size = limit("Max file size");
    assert_eq!(size[0], size[1]);
}

#[test]
fn a_server_in_the_background_has_a_cgroup_of_its_own_and_leaves_none() {
    let Some(world) =
        World::with_busybox("a_server_in_the_background_has_a_cgroup_of_its_own_and_leaves_none")
    else {
        return;
    };
    let groups = || {
        let mut folders = world.cgroups();
        folders.iter_mut().for_each(|folder| folder.push("server"));
        folders.retain(|folder| folder.exists());
        folders
    };
    assert!(!groups().is_empty());
    let server = world.server().to_string();
    for group in groups() {
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        assert_eq!(members.trim(), server, "{}", group.display());
    }
    // Those of containers lie beside it.
    world.ok(&[
        "run",
        "--network=none",
        "-d",
        "--name",
        "beside",
        "busybox",
        "sleep",
        "1000",
    ]);
    for group in groups() {
        let inner = fs::read_dir(group).unwrap();
        assert!(
            !inner
                .into_iter()
                .any(|entry| entry.unwrap().path().is_dir())
        );
    }
    world.ok(&["stop-server"]);
    assert_eq!(groups(), Vec::<std::path::PathBuf>::new());
    world.ok(&["rm", "-f", "beside"]);
    assert!(!groups().is_empty());
    // The reset at the end of this world finds no server, and removes its group all the same.
    world.kill_server();
}

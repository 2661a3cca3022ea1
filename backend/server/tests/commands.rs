//! The commands as a user meets them: exit statuses, what is printed where, and what a shared report does not hold.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;

use estiva_shared::image::Digest;
use world::World;

#[test]
fn the_exit_status_of_a_run_is_the_programs_or_dockers() {
    let Some(world) = World::with_busybox("the_exit_status_of_a_run_is_the_programs_or_dockers")
    else {
        return;
    };
    for code in [0, 1, 42] {
        let output = world.estiva(&[
            "run",
            "--net=none",
            "--rm",
            "busybox",
            "sh",
            "-c",
            &format!("echo out; echo err >&2; exit {code}"),
        ]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }
    world.fails(
        127,
        &["run", "--net=none", "--rm", "busybox", "no-such-program"],
    );
    world.fails(
        126,
        &["run", "--net=none", "--rm", "busybox", "/etc/passwd"],
    );
    let unknown = world.fails(125, &["run", "busibox"]);
    assert!(
        unknown.contains("busybox:latest"),
        "names like it are offered: {unknown}"
    );
    world.fails(125, &["run", "--net=none", "-p80:80", "busybox"]);
    // Options end at the image: these were once taken from the program.
    let own = world.ok(&[
        "run",
        "--net=none",
        "--rm",
        "--entrypoint",
        "echo",
        "busybox",
        "--rm",
        "-e",
        "A=1",
        "--help",
        "--",
        "--root",
        "/x",
    ]);
    assert_eq!(own, "--rm -e A=1 --help -- --root /x\n");
    // The first process of a pid namespace can't kill itself; its child can.
    world.fails(
        137,
        &[
            "run",
            "--net=none",
            "--rm",
            "busybox",
            "sh",
            "-c",
            "sh -c 'kill -9 $$'; exit $?",
        ],
    );
    assert_eq!(world.ok(&["ps", "-aq"]), "", "--rm removes each");
}

#[test]
fn a_program_that_ends_at_once_loses_no_output() {
    let Some(world) = World::with_busybox("a_program_that_ends_at_once_loses_no_output") else {
        return;
    };
    for round in 0..10 {
        let word = format!("round-{round}");
        assert_eq!(
            world.ok(&["run", "--net=none", "--rm", "busybox", "echo", &word]),
            format!("{word}\n")
        );
    }
}

#[test]
fn a_containers_life_by_its_commands() {
    let Some(world) = World::with_busybox("a_containers_life_by_its_commands") else {
        return;
    };
    let id = world.ok(&[
        "run",
        "--net=none",
        "-d",
        "--name",
        "web",
        "-e",
        "LEVEL=3",
        "-w",
        "/tmp",
        "busybox",
        "sh",
        "-c",
        "echo begun; sleep 1000",
    ]);
    assert_eq!(id.trim().len(), 64);
    let list = world.ok(&["ps"]);
    assert!(
        list.starts_with("CONTAINER ID") && list.contains("web") && list.contains("Up "),
        "{list}"
    );
    assert_eq!(
        world.ok(&["exec", "web", "sh", "-c", "echo $LEVEL; pwd"]),
        "3\n/tmp\n"
    );
    assert_eq!(
        world
            .estiva(&["exec", "web", "sh", "-c", "exit 9"])
            .status
            .code(),
        Some(9)
    );
    world.fails(127, &["exec", "web", "no-such-program"]);
    assert_eq!(world.ok(&["logs", "web"]), "begun\n");
    let running = world.fails(1, &["rm", "web"]);
    assert!(running.contains("hint: "), "{running}");
    world.ok(&["stop", "-t", "1", "web"]);
    assert_eq!(world.ok(&["ps", "-q"]), "");
    assert!(world.ok(&["ps", "-a"]).contains("Exited"));
    assert!(
        world.fails(1, &["rmi", "busybox"]).contains("web"),
        "an image in use stays"
    );
    world.ok(&["rm", "web"]);
    world.fails(1, &["logs", "web"]);
    world.ok(&["rmi", "busybox"]);
    assert_eq!(world.ok(&["images", "-q"]), "");
}

#[test]
fn a_mistake_in_a_dockerfile_stands_at_its_line_and_nothing_is_built() {
    let Some(world) =
        World::with_busybox("a_mistake_in_a_dockerfile_stands_at_its_line_and_nothing_is_built")
    else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    let file = context.join("Dockerfile");
    fs::write(&file, "FROM busybox\nRUNN echo hello\n").unwrap();
    let told = world.fails(1, &["build", "-t", "wrong", context.to_str().unwrap()]);
    assert!(
        told.contains(&format!("{}:2:1: error: ", file.display())),
        "{told}"
    );
    assert!(told.contains("RUNN echo hello\n  ^^^^"), "{told}");
    fs::write(&file, "FROM busybox\nRUN echo words; exit 3\n").unwrap();
    let output = world.estiva(&["build", "-t", "wrong", context.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        out.contains("words") && err.contains(":2: ") && err.contains('3'),
        "{out}{err}"
    );
    assert!(!world.ok(&["images"]).contains("wrong"));
}

/// The builder looked for `FILE.dockerignore` inside the context under the path as the caller wrote it, never found it,
/// and copied the secrets that it names; and it passed over patterns that it couldn't read.
#[test]
fn what_an_ignore_file_names_never_gets_into_an_image() {
    let Some(world) = World::with_busybox("what_an_ignore_file_names_never_gets_into_an_image")
    else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    let write = |name: &str, text: &str| fs::write(context.join(name), text).unwrap();
    write("secret", "x");
    write("Dockerfile", "FROM busybox\nCOPY . /x\nRUN ls /x\n");
    write("Dockerfile.dockerignore", "secret\n*ockerfile*\n");
    let folder = context.to_str().unwrap();
    let said = world.ok(&["build", folder]);
    assert!(!said.contains("secret"), "{said}");

    // One that lies elsewhere has its own beside it, and not the context's file of the same name.
    let elsewhere = world.path("web.Dockerfile");
    fs::write(
        &elsewhere,
        "FROM busybox\nCOPY . /x\nRUN ls /x | tr a-z A-Z\n",
    )
    .unwrap();
    let file = elsewhere.to_str().unwrap();
    let said = world.ok(&["build", "-f", file, folder]);
    assert!(said.contains("SECRET"), "{said}");
    fs::write(world.path("web.Dockerfile.dockerignore"), "secret\n").unwrap();
    let said = world.ok(&["build", "-f", file, folder]);
    assert!(
        !said.contains("SECRET") && said.contains("DOCKERFILE"),
        "{said}"
    );

    write(".dockerignore", "secr[et\n");
    write("Dockerfile.dockerignore", "# none\n[\n");
    let said = world.fails(1, &["build", folder]);
    assert!(
        said.contains("Dockerfile.dockerignore:2: expected"),
        "{said}"
    );
    fs::remove_file(context.join("Dockerfile.dockerignore")).unwrap();
    let said = world.fails(1, &["build", folder]);
    assert!(said.contains(".dockerignore:1: expected"), "{said}");
}

#[test]
fn a_shared_report_holds_no_value_of_the_image() {
    let Some(world) = World::with_busybox("a_shared_report_holds_no_value_of_the_image") else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("file"), "canary-in-file").unwrap();
    fs::write(
        context.join("Dockerfile"),
        "FROM busybox\nARG TOKEN\nENV SECRET=canary-in-env\nLABEL note=canary-in-label\nCOPY file /file\nRUN echo canary-in-run $TOKEN > /made\n",
    )
    .unwrap();
    world.ok(&[
        "build",
        "-t",
        "secret",
        "--build-arg",
        "TOKEN=canary-in-arg",
        context.to_str().unwrap(),
    ]);
    let cached = world.ok(&[
        "build",
        "-t",
        "secret",
        "--build-arg",
        "TOKEN=canary-in-arg",
        context.to_str().unwrap(),
    ]);
    assert!(cached.contains("CACHED"), "{cached}");
    let report = world.ok(&["report", "secret", "--format", "json"]);
    assert!(
        report.contains("SECRET") && !report.contains("canary"),
        "{report}"
    );
    let shown = world.ok(&["report", "secret", "--include-run-text"]);
    for place in [
        "canary-in-env",
        "canary-in-label",
        "canary-in-file",
        "canary-in-arg",
    ] {
        assert!(!shown.contains(place), "{place}: {shown}");
    }
    assert!(shown.contains("canary-in-run"), "{shown}");
    let html = world.path("secret.html");
    world.ok(&["share", "secret", "--html", html.to_str().unwrap()]);
    assert!(!fs::read_to_string(html).unwrap().contains("canary"));
    let link = world.ok(&["share", "secret"]);
    let (address, path) = link
        .trim()
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let get = || {
        world.http(
            address,
            &format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
        )
    };
    let page = get();
    assert!(
        page.starts_with("HTTP/1.1 200")
            && page.contains("secret:latest")
            && !page.contains("canary"),
        "{page}"
    );
    let id = path.strip_prefix("s/").unwrap();
    assert!(world.ok(&["share", "ls"]).contains(id));
    world.ok(&["share", "rm", id]);
    assert!(get().starts_with("HTTP/1.1 404"));
}

/// A link was once made from the name alone: when the tag had moved since the preview, an image was shared that nobody had
/// looked at.
#[test]
fn a_link_is_refused_when_the_name_leads_elsewhere_since_the_preview() {
    let name = "a_link_is_refused_when_the_name_leads_elsewhere_since_the_preview";
    let Some(world) = World::with_busybox(name) else {
        return;
    };
    let context = world.path("moved");
    fs::create_dir(&context).unwrap();
    let build = |folder: &str| {
        let text = format!("FROM busybox\nWORKDIR {folder}\n");
        fs::write(context.join("Dockerfile"), text).unwrap();
        world.ok(&["build", "-t", "moved", context.to_str().unwrap()]);
    };
    let (address, token) = world.session();
    let ask = |line: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        world.http(&address, &request)
    };
    let preview = || {
        let answer = ask("GET /api/v1/images/moved/report", "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        Digest::of(body.as_bytes()).to_string()
    };
    let share = |digest: &str| {
        let body = format!("{{\"image\":\"moved\",\"report_digest\":\"{digest}\"}}");
        ask("POST /api/v1/shares", &body)
    };
    build("/first");
    let seen = preview();
    build("/second");
    let refused = share(&seen);
    assert!(
        refused.starts_with("HTTP/1.1 409") && refused.contains("\"code\":\"report-changed\""),
        "{refused}"
    );
    assert!(!world.ok(&["share", "ls"]).contains("moved"));
    let made = share(&preview());
    assert!(made.starts_with("HTTP/1.1 200"), "{made}");
}

/// The builder writes `WORKDIR $TOKEN` into the history and the folder's true name into the configuration, from where the
/// report took it: no text held the argument's value, so nothing knew that it had to go.
#[test]
fn a_build_argument_in_the_settings_of_an_image_is_in_no_report() {
    let Some(world) =
        World::with_busybox("a_build_argument_in_the_settings_of_an_image_is_in_no_report")
    else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("file"), "content").unwrap();
    fs::write(
        context.join("Dockerfile"),
        "FROM busybox\nARG TOKEN\nARG PORT\nWORKDIR /srv/$TOKEN\nCOPY file .\nEXPOSE $PORT 80\nUSER $TOKEN\n",
    )
    .unwrap();
    world.ok(&[
        "build",
        "-t",
        "secret",
        "--build-arg",
        "TOKEN=canary-build-arg",
        "--build-arg",
        "PORT=31337",
        context.to_str().unwrap(),
    ]);
    let report = world.ok(&["report", "secret", "--format", "json"]);
    assert!(
        report.contains("80/tcp") && report.contains("srv/…/file"),
        "{report}"
    );
    let shown = world.ok(&["report", "secret", "--format", "json", "--include-run-text"]);
    let html = world.path("secret.html");
    world.ok(&["share", "secret", "--html", html.to_str().unwrap()]);
    for text in [report, shown, fs::read_to_string(html).unwrap()] {
        for canary in ["canary", "31337"] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
}

#[test]
fn an_archive_is_saved_inspected_without_a_server_and_loaded_again() {
    let Some(world) =
        World::with_busybox("an_archive_is_saved_inspected_without_a_server_and_loaded_again")
    else {
        return;
    };
    let file = world.path("busybox.tar");
    let name = file.to_str().unwrap();
    world.ok(&["save", "-o", name, "busybox"]);
    world.ok(&["save", "-o", "/dev/null", "busybox"]);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let piped = world.estiva(&["save", "-o", "/dev/stdout", "busybox"]);
    assert_eq!(piped.stdout.len(), fs::read(&file).unwrap().len());
    let id = world.ok(&["images", "-q"]);
    world.ok(&["rmi", "busybox"]);
    world.ok(&["stop-server"]);
    let inspected = world.ok(&["inspect", name]);
    assert!(
        inspected.contains("busybox:latest") && inspected.contains("LAYER"),
        "{inspected}"
    );
    assert!(
        world.ok(&["stop-server"]).contains("no server runs"),
        "inspecting a file starts none"
    );
    assert!(
        world
            .ok(&["load", "-i", name])
            .contains("Loaded image: busybox:latest")
    );
    assert_eq!(world.ok(&["images", "-q"]), id);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    world.fails(1, &["load", "-i", name]);
    world.fails(1, &["inspect", name]);
}

#[test]
fn version_doctor_and_help_need_no_root_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    // The variable without a value broke every command.
    let unset = std::process::Command::new(world::program())
        .env("ESTIVA_ROOT", "")
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    assert!(unset.stderr.is_empty(), "{unset:?}");
    let bare = std::process::Command::new(world::program())
        .output()
        .unwrap();
    assert_eq!(bare.status.code(), Some(1));
    let help = String::from_utf8(bare.stderr).unwrap();
    assert!(help.starts_with("From a Dockerfile"), "{help}");
    for words in [
        &["version"][..],
        &["doctor", "--json"],
        &["--help"],
        &["run", "--help"],
    ] {
        let output = std::process::Command::new(world::program())
            .arg("--root")
            .arg(&root)
            .args(words)
            .output()
            .unwrap();
        assert!(!output.stdout.is_empty(), "{words:?}: {output:?}");
    }
    assert!(!root.exists());
}

#[test]
fn mistakes_in_the_words_are_told_before_anything_is_asked_of_a_server() {
    let Some(world) = World::new("mistakes_in_the_words_are_told_before_anything_is_asked") else {
        return;
    };
    world.fails(125, &["run", "--cpus", "0", "busybox"]);
    world.fails(125, &["run", "-m", "much", "busybox"]);
    let said = world.fails(125, &["run", "--pids-limit", "-2", "busybox"]);
    assert!(said.contains("--pids-limit"), "{said}");
    let folder = world.path("folder");
    fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    for words in [["load", "-i", folder].as_slice(), &["inspect", folder]] {
        let said = world.fails(1, words);
        assert!(said.contains("found a folder"), "{said}");
    }
    let said = world.fails(1, &["inspect", "/dev/null"]);
    assert!(said.contains("a pipe or a device"), "{said}");
    let said = world.fails(1, &["build", "-"]);
    assert!(said.contains("-f -"), "{said}");
    let said = world.fails(1, &["build", "--build-arg", "=1", folder]);
    assert!(said.contains("no KEY"), "{said}");
    fs::write(world.path("folder/Dockerfile"), "word\n".repeat(60)).unwrap();
    let said = world.fails(1, &["build", folder]);
    assert!(said.contains("more mistakes are not shown"), "{said}");
    assert!(said.lines().count() < 100, "{said}");
}

#[test]
fn exec_and_logs_pass_bytes_on_as_they_are() {
    let Some(world) = World::with_busybox("exec_and_logs_pass_bytes_on_as_they_are") else {
        return;
    };
    let program = fs::read("/bin/busybox").unwrap();
    let script = "cat /bin/busybox; exec sleep 1000";
    world.ok(&[
        "run",
        "--net=none",
        "-d",
        "--name",
        "app",
        "busybox",
        "sh",
        "-c",
        script,
    ]);
    let copied = world.estiva(&["exec", "app", "cat", "/bin/busybox"]);
    assert!(copied.status.success() && copied.stdout == program);
    world::eventually("the log", || {
        world.estiva(&["logs", "app"]).stdout == program
    });
}

/// What a build that failed left stayed on the disk for ever.
#[test]
fn what_only_later_builds_would_use_is_freed_on_request_and_images_stay() {
    let Some(world) =
        World::with_busybox("what_only_later_builds_would_use_is_freed_on_request_and_images_stay")
    else {
        return;
    };
    let context = world.path("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(
        context.join("Dockerfile"),
        "FROM busybox\nRUN head -c 3000000 /dev/zero >/large\nRUN false\n",
    )
    .unwrap();
    world.fails(1, &["build", context.to_str().unwrap()]);
    let snapshots = || {
        std::fs::read_dir(world.root().join("snapshots"))
            .unwrap()
            .count()
    };
    assert_eq!(snapshots(), 2);
    assert!(world.fails(1, &["prune"]).contains("--force"));
    assert_eq!(snapshots(), 2);
    let told = world.ok(&["prune", "--force"]);
    assert!(told.starts_with("Total reclaimed space: 6"), "{told}");
    assert_eq!(snapshots(), 1);
    assert_eq!(
        world.ok(&["run", "--net=none", "--rm", "busybox", "echo", "still here"]),
        "still here\n"
    );
    assert!(world.ok(&["prune", "-y"]).contains("space: 0"));
}

/// A container that nested folders by the thousand could not be removed, and the root neither.
#[test]
fn folders_nested_by_the_thousand_fail_their_step_and_go_with_their_container() {
    let Some(world) = World::with_busybox(
        "folders_nested_by_the_thousand_fail_their_step_and_go_with_their_container",
    ) else {
        return;
    };
    let nest = "i=0; while [ $i -lt 1100 ]; do mkdir d && cd d; i=$((i+1)); done; echo done";
    world.ok(&["run", "--net=none", "--rm", "busybox", "sh", "-c", nest]);
    let containers = world.root().join("containers");
    assert_eq!(std::fs::read_dir(containers).unwrap().count(), 0);
    let context = world.path("context");
    std::fs::create_dir(&context).unwrap();
    let text = format!("FROM busybox\nRUN {nest}\n");
    std::fs::write(context.join("Dockerfile"), text).unwrap();
    let told = world.fails(1, &["build", context.to_str().unwrap()]);
    assert!(told.contains("expected at most 400 folders"), "{told}");
    world.ok(&["stop-server"]);
    world.ok(&["images"]);
    let ingest = world.root().join("ingest");
    assert_eq!(std::fs::read_dir(ingest).unwrap().count(), 0);
}

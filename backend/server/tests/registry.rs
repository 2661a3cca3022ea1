//! Images from a registry and to it, by the commands: Debian's docker-registry on loopback, in a world of its own.

// Helpers of tests are tests: a panic is how they fail, and a skip is printed for the log to be counted.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod world;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use estiva_shared::image::Digest;
use estiva_shared::protocol::RemoteImage;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use world::World;

/// Debian's registry; it ends with this.
struct Registry {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Registry {
    /// A registry for all, or for `ada` with the password `correct horse`; none where the package is missing.
    fn start(test: &str, guarded: bool) -> Option<Self> {
        for tool in ["docker-registry", "htpasswd"] {
            let paths = std::env::var_os("PATH").unwrap();
            if !std::env::split_paths(&paths).any(|path| path.join(tool).is_file()) {
                eprintln!("SKIP {test}: needs {tool}");
                return None;
            }
        }
        // A free port may be taken by another test a moment later: the registry says so by its end.
        (0..10).find_map(|_| Self::try_start(guarded))
    }

    fn try_start(guarded: bool) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let data = folder.path().join("data");
        let mut config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            data.display()
        );
        if guarded {
            let line = Command::new("htpasswd")
                .args(["-Bbn", "ada", "correct horse"])
                .output()
                .unwrap();
            let file = folder.path().join("htpasswd");
            fs::write(&file, line.stdout).unwrap();
            let file = file.display();
            config.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {file}\n"
            ));
        }
        let file = folder.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve".as_ref(), file.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if child.try_wait().unwrap().is_some() || Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.try_wait().unwrap().is_none().then_some(Self {
            child,
            port,
            _folder: folder,
        })
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A registry, and a world with the base image; nothing, with a printed reason, where one of them can't be had.
fn registry_and_world(test: &str, guarded: bool) -> Option<(Registry, World)> {
    Some((Registry::start(test, guarded)?, World::with_busybox(test)?))
}

#[test]
fn an_image_goes_to_a_registry_and_comes_back_for_a_run_and_for_a_build() {
    let test = "an_image_goes_to_a_registry_and_comes_back_for_a_run_and_for_a_build";
    let Some((registry, world)) = registry_and_world(test, false) else {
        return;
    };
    let name = format!("{}/team/box:1", registry.host());
    world.ok(&["tag", "busybox", &name]);
    let pushed = world.ok(&["push", &name]);
    assert!(
        pushed.contains("Digest: sha256:") && pushed.contains(&format!("Pushed: {name}")),
        "{pushed}"
    );
    let output = world.estiva(&["push", &name]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("there already"),
        "{output:?}"
    );
    world.ok(&["rmi", "-f", &name, "busybox"]);
    assert_eq!(world.ok(&["images", "-q"]), "");

    // A run brings it, and keeps its own output clean.
    let output = world.estiva(&["run", "--rm", &name, "echo", "there"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "there\n");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("pulling"),
        "{output:?}"
    );
    let output = world.estiva(&["run", "--rm", &name, "true"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "it is there");
    let again = world.ok(&["pull", &name]);
    assert!(again.contains("Up to date"), "{again}");
    assert_eq!(world.ok(&["pull", "-q", &name]), format!("{name}\n"));

    // A build brings its base, and the image that it copies from.
    world.ok(&["rmi", "-f", &name]);
    let missing = world.fails(125, &["run", "--rm", "--pull", "never", &name, "true"]);
    assert!(missing.contains("image"), "{missing}");
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    let other = format!("{}/team/box", registry.host());
    fs::write(
        context.join("Dockerfile"),
        format!("ARG TAG=none\nFROM {other}:$TAG\nCOPY --from={name} /bin/busybox /copied\nRUN echo built > /made\n"),
    )
    .unwrap();
    let context = context.display().to_string();
    let built = world.ok(&["build", "-t", "app", "--build-arg", "TAG=1", &context]);
    assert!(
        built.contains("pulling") && built.contains("built app:latest"),
        "{built}"
    );
    assert_eq!(world.ok(&["run", "--rm", "app", "cat", "/made"]), "built\n");
    let cached = world.ok(&["build", "-t", "app", "--build-arg", "TAG=1", &context]);
    assert!(!cached.contains("pulling"), "{cached}");
    let asked = world.ok(&[
        "build",
        "--pull",
        "-t",
        "app",
        "--build-arg",
        "TAG=1",
        &context,
    ]);
    assert!(asked.contains("pulling"), "{asked}");
}

#[test]
fn a_login_is_kept_for_its_user_and_opens_the_registry_for_pushes_pulls_and_builds() {
    let test = "a_login_is_kept_for_its_user_and_opens_the_registry_for_pushes_pulls_and_builds";
    let Some((registry, world)) = registry_and_world(test, true) else {
        return;
    };
    let host = registry.host();
    let name = format!("{host}/box:1");
    world.ok(&["tag", "busybox", &name]);
    let refused = world.fails(1, &["push", &name]);
    assert!(
        refused.contains(&format!("estiva login {host}")),
        "{refused}"
    );

    let login = |password: &str| {
        let mut command = world.command(&["login", "-u", "ada", "--password-stdin", &host]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(password.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let file = world.path("docker").join("config.json");
    let wrong = login("wrong horse");
    assert!(!wrong.status.success());
    assert!(
        !String::from_utf8_lossy(&wrong.stderr).contains("horse"),
        "{wrong:?}"
    );
    assert!(!file.exists(), "what is refused is not kept");
    let right = login("correct horse\n");
    assert!(right.status.success(), "{right:?}");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    world.ok(&["push", &name]);
    world.ok(&["rmi", "-f", &name, "busybox"]);
    world.ok(&["run", "--rm", &name, "true"]);
    world.ok(&["rmi", "-f", &name]);
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(
        context.join("Dockerfile"),
        format!("FROM {name}\nENV A=1\n"),
    )
    .unwrap();
    world.ok(&["build", "-t", "app", &context.display().to_string()]);

    // The server has kept nothing: without the file, the registry is closed again, and no log has the password.
    world.ok(&["logout", &host]);
    world.fails(1, &["pull", &name]);
    let log = fs::read_to_string(world.root().join("server.log")).unwrap();
    assert!(
        !log.contains("correct horse") && !log.contains("YWRhOmNvcnJlY3Q"),
        "{log}"
    );
}

#[test]
fn a_helper_that_keeps_the_password_is_asked_and_told() {
    let test = "a_helper_that_keeps_the_password_is_asked_and_told";
    let Some((registry, world)) = registry_and_world(test, true) else {
        return;
    };
    let host = registry.host();
    let tools = world.path("tools");
    fs::create_dir(&tools).unwrap();
    let helper = tools.join("docker-credential-shelf");
    let shelf = world.path("shelf").display().to_string();
    let script = format!(
        "#!/bin/sh\ncase $1 in\nstore) cat > {shelf};;\nget) cat >/dev/null; if [ -e {shelf} ]; then cat {shelf}; else echo credentials not found in native keychain; exit 1; fi;;\nerase) cat >/dev/null; rm {shelf};;\nesac\n"
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(world.path("docker")).unwrap();
    let file = world.path("docker").join("config.json");
    let config = r#"{"credsStore": "shelf"}"#;
    fs::write(&file, config).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let run = |words: &[&str], input: &str| {
        let mut command = world.command(words);
        let mut child = command
            .env("PATH", &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that reads no input may have ended.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let name = format!("{host}/box:1");
    run(&["tag", "busybox", &name], "");
    assert!(!run(&["push", &name], "").status.success());
    let login = run(
        &["login", "-u", "ada", "--password-stdin", &host],
        "correct horse",
    );
    assert!(login.status.success(), "{login:?}");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        config,
        "the file has no secret"
    );
    let pushed = run(&["push", &name], "");
    assert!(pushed.status.success(), "{pushed:?}");
    assert!(run(&["logout", &host], "").status.success());
    assert!(!run(&["pull", &name], "").status.success());
}

#[test]
fn a_name_that_nobody_knows_offers_those_that_are_there() {
    let test = "a_name_that_nobody_knows_offers_those_that_are_there";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    for words in [
        &["run", "--rm", "bussybox", "true"][..],
        &["run", "-d", "bussybox"],
    ] {
        let told = world.fails(125, words);
        assert!(told.contains("no image is named bussybox"), "{told}");
        assert!(told.contains("names like it: busybox:latest"), "{told}");
        assert!(told.contains("block the registry docker.io"), "{told}");
    }
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("Dockerfile"), "FROM bussybox\n").unwrap();
    let told = world.fails(1, &["build", &context.display().to_string()]);
    assert!(
        told.contains("bussybox") && told.contains("there is: busybox:latest"),
        "{told}"
    );
    // A port where nobody is: told at once.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let told = world.fails(1, &["pull", &format!("127.0.0.1:{port}/app")]);
    assert!(told.contains("can't reach the registry"), "{told}");
}

#[test]
fn a_name_is_given_and_taken_by_tag() {
    let Some(world) = World::with_busybox("a_name_is_given_and_taken_by_tag") else {
        return;
    };
    world.ok(&["tag", "busybox", "mine:2"]);
    assert!(world.ok(&["images"]).contains("mine"));
    let told = world.fails(1, &["tag", "bussybox", "mine:3"]);
    assert!(told.contains("names like it"), "{told}");
    for bad in [
        "UPPER",
        "a@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "-x:",
    ] {
        world.fails(1, &["tag", "busybox", "--", bad]);
    }
}

#[test]
fn a_pull_a_run_and_a_build_that_wait_for_a_silent_registry_end_with_ctrl_c() {
    let test = "a_pull_a_run_and_a_build_that_wait_for_a_silent_registry_end_with_ctrl_c";
    let Some(world) = World::new(test) else {
        return;
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("{}/app", silent.local_addr().unwrap());
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("Dockerfile"), format!("FROM {name}\n")).unwrap();
    let context = context.display().to_string();
    for (words, signal) in [
        (&["pull", &name][..], Signal::INT),
        (&["run", "--rm", &name], Signal::INT),
        // A run catches these, and has no container yet to pass them on to.
        (&["run", "--rm", &name], Signal::TERM),
        (&["run", "--rm", "--pull", "always", &name], Signal::HUP),
        (&["build", &context], Signal::INT),
    ] {
        let child = world.start(words);
        // The server has come to ask, and gets no answer.
        let asked = silent.accept().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{words:?}: {output:?}");
        drop(asked);
    }
    let ingest = world.root().join("ingest");
    assert!(fs::read_dir(ingest).unwrap().next().is_none());
}

// What had heard Ctrl-C for the pull ended the run at the second one, and left the container behind.
#[test]
fn signals_go_to_the_container_of_a_run_that_pulled_its_image() {
    let test = "signals_go_to_the_container_of_a_run_that_pulled_its_image";
    let Some((registry, world)) = registry_and_world(test, false) else {
        return;
    };
    let name = format!("{}/box", registry.host());
    world.ok(&["tag", "busybox", &name]);
    world.ok(&["push", &name]);
    world.ok(&["rmi", "-f", &name, "busybox"]);
    let script = "trap 'echo heard' INT; echo ready; while true; do sleep 0.1; done";
    let mut child = world.start(&["run", "--rm", &name, "sh", "-c", script]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let interrupt = || kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    for _ in 0..2 {
        interrupt();
        assert_eq!(lines.next().unwrap().unwrap(), "heard");
    }
    // The third kills it, because it is to be removed.
    interrupt();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(137), "{output:?}");
    assert_eq!(world.ok(&["ps", "-aq"]), "");
}

#[test]
fn an_image_is_looked_at_where_it_is_and_nothing_of_it_is_kept() {
    let test = "an_image_is_looked_at_where_it_is_and_nothing_of_it_is_kept";
    let Some((registry, world)) = registry_and_world(test, true) else {
        return;
    };
    let host = registry.host();
    let name = format!("{host}/team/box:1");
    world.ok(&["tag", "busybox", &name]);
    fs::create_dir(world.path("docker")).unwrap();
    // ada:correct horse
    let login = format!(r#"{{"auths": {{"{host}": {{"auth": "YWRhOmNvcnJlY3QgaG9yc2U="}}}}}}"#);
    fs::write(world.path("docker").join("config.json"), login).unwrap();
    world.ok(&["push", &name]);
    world.ok(&["rmi", "-f", &name, "busybox"]);

    let (base, token) = world.session();
    let ask = |path: &str, body: &serde_json::Value| {
        let (body, length) = (body.to_string(), body.to_string().len());
        let answer = world.http(
            &base,
            &format!(
                "POST /api/v1/remote/{path} HTTP/1.1\r\nHost: {base}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    let credentials = serde_json::json!({
        "registry": host,
        "login": {"kind": "password", "username": "ada", "password": "correct horse"},
    });
    let (head, body) = ask("images", &serde_json::json!({"reference": name}));
    assert!(head.starts_with("HTTP/1.1 403"), "{head}\n{body}");
    let wanted = serde_json::json!({"reference": name, "credentials": credentials});
    let (head, body) = ask("images", &wanted);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
    let image: RemoteImage = serde_json::from_str(&body).unwrap();
    assert_eq!(image.manifest_digest, Digest::of(image.manifest.as_bytes()));
    let manifest: serde_json::Value = serde_json::from_str(&image.manifest).unwrap();
    let config = Digest::of(image.config.as_bytes()).to_string();
    assert_eq!(manifest["config"]["digest"], config.as_str());

    let layer = &manifest["layers"][0];
    let wanted = serde_json::json!({
        "reference": name, "digest": layer["digest"], "credentials": credentials,
    });
    let (head, _) = ask("layers", &wanted);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = format!("content-length: {}", layer["size"]);
    assert!(head.to_ascii_lowercase().contains(&length), "{head}");
    let missing = serde_json::json!({
        "reference": name, "digest": Digest::of(b"nothing").to_string(), "credentials": credentials,
    });
    let (head, body) = ask("layers", &missing);
    assert!(head.starts_with("HTTP/1.1 404"), "{head}\n{body}");
    assert!(body.contains("layer sha256:"), "{body}");

    // Whose platform is not there is told which are.
    let other = serde_json::json!({
        "reference": name, "platform": "linux/s390x", "credentials": credentials,
    });
    let (head, body) = ask("images", &other);
    assert!(
        head.starts_with("HTTP/1.1 404") && body.contains("linux/s390x"),
        "{head}\n{body}"
    );
    assert_eq!(world.ok(&["images", "-q"]), "");
    assert_eq!(
        fs::read_dir(world.root().join("ingest")).unwrap().count(),
        0
    );
}

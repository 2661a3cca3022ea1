//! What COPY makes of its sources and destination.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use estiva_build::{CancelFlag, Context};
use estiva_shared::protocol::{BuildEvent, DockerfileOrigin};

use crate::world::World;

#[test]
fn sources_and_destinations_follow_dockers_rules() {
    let Some(world) = World::new("copy_rules") else {
        return;
    };
    for file in [
        "a.txt",
        "b.txt",
        "c.md",
        "dir/inner.txt",
        "dir/sub/deep.txt",
    ] {
        world.write(file, file);
    }
    let cases: [(&str, &[(&str, &str)]); 13] = [
        ("COPY a.txt /x", &[("/x", "a.txt")]),
        ("COPY a.txt /x/", &[("/x/a.txt", "a.txt")]),
        ("COPY a.txt /etc", &[("/etc/a.txt", "a.txt")]),
        ("COPY a.txt /new/deep/x", &[("/new/deep/x", "a.txt")]),
        (
            "COPY a.txt b.txt /x/",
            &[("/x/a.txt", "a.txt"), ("/x/b.txt", "b.txt")],
        ),
        (
            "COPY *.txt /x/",
            &[("/x/a.txt", "a.txt"), ("/x/b.txt", "b.txt")],
        ),
        ("COPY ?.md /x", &[("/x", "c.md")]),
        ("COPY */inner.* /x/", &[("/x/inner.txt", "dir/inner.txt")]),
        (
            "COPY dir /x",
            &[
                ("/x/inner.txt", "dir/inner.txt"),
                ("/x/sub/deep.txt", "dir/sub/deep.txt"),
            ],
        ),
        (
            "COPY dir/ a.txt /x/",
            &[("/x/inner.txt", "dir/inner.txt"), ("/x/a.txt", "a.txt")],
        ),
        ("COPY /dir/sub /x", &[("/x/deep.txt", "dir/sub/deep.txt")]),
        (
            "WORKDIR /w\nCOPY a.txt b.txt .",
            &[("/w/a.txt", "a.txt"), ("/w/b.txt", "b.txt")],
        ),
        (
            "WORKDIR /w\nCOPY . src",
            &[("/w/src/dir/sub/deep.txt", "dir/sub/deep.txt")],
        ),
    ];
    for (copy, expected) in cases {
        let files = world.built(&format!("FROM busybox\n{copy}\n"));
        for (path, content) in expected {
            assert_eq!(files.read(path), *content, "{copy}: {path}");
        }
    }
    world.assert_clean();
}

#[test]
fn a_file_of_the_context_replaces_one_of_the_image() {
    let Some(world) = World::new("copy_replaces") else {
        return;
    };
    world.write("a", "new");
    world.write("dir/f", "newer");
    let files = world.built(
        "FROM busybox\nRUN echo old > /x && mkdir /d && echo old > /d/f && echo kept > /d/g\n\
         COPY a /x\nCOPY dir /d\n",
    );
    assert_eq!(
        (files.read("/x"), files.read("/d/f")),
        ("new".into(), "newer".into())
    );
    assert_eq!(files.read("/d/g"), "kept\n");
}

#[test]
fn what_is_in_the_way_is_told_by_name() {
    let Some(world) = World::new("copy_in_the_way") else {
        return;
    };
    world.write("tree/etc", "a file where the image has a folder");
    world.write("other/x/y", "a folder where the image has a file");
    for copy in ["COPY other /x", "COPY other /x/", "COPY tree/etc /x/"] {
        let failure = world.refused(&format!("FROM busybox\nRUN touch /x\n{copy}\n"));
        assert!(
            failure.message.contains("found a file or link: x"),
            "{copy}: {}",
            failure.message
        );
    }
    let failure = world.refused("FROM busybox\nCOPY tree /\n");
    assert!(
        failure.message.contains("found a folder: etc"),
        "{}",
        failure.message
    );
    let failure = world.refused("FROM busybox\nRUN touch /x\nCOPY other /\n");
    assert!(
        failure.message.contains("found a file or link: x"),
        "{}",
        failure.message
    );
    assert_eq!(
        (failure.code.as_str(), failure.line),
        ("step-failed", Some(3))
    );
    world.assert_clean();
}

#[test]
fn modes_and_times_are_kept_and_the_owner_is_root() {
    let Some(world) = World::new("copy_attributes") else {
        return;
    };
    world.write("dir/tool", "x");
    fs::set_permissions(
        world.context("dir/tool"),
        fs::Permissions::from_mode(0o4751),
    )
    .unwrap();
    fs::set_permissions(world.context("dir"), fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(world.context("dir/tool"), Some(1234), Some(1234)).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(world.context("dir/tool"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    let context = world.context("dir/tool");
    fs::set_permissions(context, fs::Permissions::from_mode(0o4751)).unwrap();
    let files = world.built("FROM busybox\nUSER 5\nCOPY . /copy\n");
    assert_eq!(files.mode_and_owner("/copy/dir/tool"), (0o4751, 0, 0));
    assert_eq!(files.mode_and_owner("/copy/dir"), (0o700, 0, 0));
    assert_eq!(files.mode_and_owner("/copy"), (0o755, 0, 0));
    let tool = fs::metadata(files.path("/copy/dir/tool")).unwrap();
    assert_eq!(tool.mtime(), 1_000_000_000);
}

#[test]
fn chown_takes_names_and_numbers_and_chmod_sets_all() {
    let Some(world) = World::new("copy_chown") else {
        return;
    };
    world.write("dir/f", "x");
    let base = "FROM busybox\nRUN echo 'app:x:70:71::/:/bin/sh' >> /etc/passwd && echo 'team:x:90:' >> /etc/group\n";
    for (flags, expected) in [
        ("--chown=app", (0o644, 70, 71)),
        ("--chown=app:team", (0o644, 70, 90)),
        ("--chown=55", (0o644, 55, 55)),
        ("--chown=55:66", (0o644, 55, 66)),
        ("--chown=55 --chmod=0711", (0o711, 55, 55)),
    ] {
        let files = world.built(&format!("{base}COPY {flags} dir /made/\n"));
        assert_eq!(files.mode_and_owner("/made/f"), expected, "{flags}");
        assert_eq!(files.mode_and_owner("/made").1, expected.1, "{flags}");
    }
    let failure = world.refused("FROM busybox\nCOPY --chown=nobody-knows dir /x\n");
    assert!(
        failure.message.contains("nobody-knows"),
        "{}",
        failure.message
    );
}

#[test]
fn names_that_are_not_utf8_arrive_as_they_are() {
    let Some(world) = World::new("copy_bytes") else {
        return;
    };
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(world.context("dir")).unwrap();
    fs::write(world.context("dir").join(name), "x").unwrap();
    let files = world.built("FROM busybox\nCOPY dir /x\n");
    assert_eq!(
        fs::read_to_string(files.path("/x").join(name)).unwrap(),
        "x"
    );
}

#[test]
fn names_of_one_file_stay_names_of_one_file() {
    let Some(world) = World::new("copy_hard_links") else {
        return;
    };
    world.write("dir/a", "x");
    fs::hard_link(world.context("dir/a"), world.context("dir/b")).unwrap();
    let files = world.built("FROM busybox\nCOPY dir /x\n");
    let inode = |path: &str| fs::metadata(files.path(path)).unwrap().ino();
    assert_eq!(inode("/x/a"), inode("/x/b"));
}

#[test]
fn sockets_and_pipes_are_refused_by_name() {
    let Some(world) = World::new("copy_special") else {
        return;
    };
    world.write("dir/f", "x");
    let _socket = std::os::unix::net::UnixListener::bind(world.context("dir/talk.sock")).unwrap();
    let failure = world.refused("FROM busybox\nCOPY dir /x\n");
    assert!(
        failure.message.contains("a socket: dir/talk.sock"),
        "{}",
        failure.message
    );
    assert_eq!(failure.code, "context");
}

#[test]
fn ignored_files_are_not_there() {
    let Some(world) = World::new("copy_ignore") else {
        return;
    };
    for file in [
        "a.txt",
        "b.log",
        "dir/c.log",
        "dir/keep.log",
        "Dockerfile",
        "secret/key",
    ] {
        world.write(file, file);
    }
    world.write(
        ".dockerignore",
        "**/*.log\n!dir/keep.log\nDockerfile\nsecret\n",
    );
    let files = world.built("FROM busybox\nCOPY . /x\n");
    assert_eq!(files.names("/x"), [".dockerignore", "a.txt", "dir"]);
    assert_eq!(files.names("/x/dir"), ["keep.log"]);
    let files = world.built("FROM busybox\nCOPY * /x/\n");
    assert_eq!(files.names("/x"), [".dockerignore", "a.txt", "keep.log"]);
    let failure = world.refused("FROM busybox\nCOPY secret/key /x\n");
    assert!(
        failure
            .message
            .contains("excluded by .dockerignore: secret/key"),
        "{}",
        failure.message
    );
    let files = world.built("FROM busybox\nCOPY *.log a.txt /x/\n");
    assert_eq!(files.names("/x"), ["a.txt"]);
}

/// `COPY package.json yarn.lock* ./` without a yarn.lock, as in many Dockerfiles of Node's world, failed.
#[test]
fn a_wildcard_may_find_nothing_and_a_name_may_not() {
    let Some(world) = World::new("copy_empty_wildcard") else {
        return;
    };
    world.write("package.json", "{}");
    let files = world.built("FROM busybox\nCOPY package.json yarn.lock* lock/* /app/\n");
    assert_eq!(files.names("/app"), ["package.json"]);

    let outcome = world.build("FROM busybox\nCOPY yarn.lock* /none/\nRUN test ! -e /none\n");
    outcome.result.unwrap();
    let image = world.store.resolve("test").unwrap();
    let base = world.store.resolve("busybox").unwrap();
    assert_eq!(image.diff_ids[..base.diff_ids.len()], base.diff_ids);
    let history = image.config.history().clone().unwrap();
    let copy = history.iter().rev().nth(1).unwrap();
    assert_eq!(
        (copy.created_by().as_deref(), copy.empty_layer()),
        (Some("COPY yarn.lock* /none/"), Some(true))
    );
    let warned = |event: &BuildEvent| matches!(event, BuildEvent::Warning(found) if found.code == "empty-copy");
    assert!(outcome.events.iter().any(warned));

    for copy in [
        "COPY yarn.lock* package.lock /app/",
        r"COPY yarn.lock\\* /app/",
    ] {
        let failure = world.refused(&format!("FROM busybox\n{copy}\n"));
        assert_eq!(failure.code, "context", "{copy}");
    }
    // As the page builds without a folder.
    let mut events = |_| {};
    let built = world.builder.build(
        &World::request("FROM busybox\nCOPY yarn.lock* /app/\n"),
        Context::Empty,
        &mut events,
        &CancelFlag::new().unwrap(),
    );
    built.unwrap();
}

/// A pattern with an unclosed class was passed over, and the keys that it was to keep out were in the image.
#[test]
fn a_pattern_that_cant_be_read_stops_the_build_before_a_file_is_taken() {
    let Some(world) = World::new("copy_bad_ignore") else {
        return;
    };
    world.write("id_rsa", "secret");
    world.write(".dockerignore", "# keys\n*.log\nid_[rsa\nk/[a-\n");
    let failure = world.refused("FROM busybox\nCOPY . /x\n");
    assert_eq!(failure.code, "context");
    assert!(
        failure.message.starts_with(".dockerignore:3: expected")
            && failure.message.contains("id_[rsa"),
        "{}",
        failure.message
    );
    world.assert_clean();
}

#[test]
fn a_dockerfile_may_be_ignored_and_have_an_ignore_file_of_its_own() {
    let Some(world) = World::new("copy_own_ignore") else {
        return;
    };
    world.write("web.Dockerfile", "FROM busybox\nCOPY . /x\n");
    world.write("a.txt", "a");
    world.write("b.txt", "b");
    world.write(".dockerignore", "a.txt\n");
    world.write(
        "web.Dockerfile.dockerignore",
        "b.txt\n*Dockerfile*\n.dockerignore\n",
    );
    let mut request = World::request("");
    request.dockerfile_text = None;
    request.dockerfile_path = Some("web.Dockerfile".to_owned());
    world.build_request(&request).result.unwrap();
    assert_eq!(world.files("test").names("/x"), ["a.txt"]);
}

/// `estiva build -f FILE` sent the file's path as its caller saw it, and the builder looked beside that path in the
/// context, where there was nothing: what FILE.dockerignore was to keep out got in.
#[test]
fn an_ignore_file_beside_a_dockerfile_of_elsewhere_counts_alone() {
    let Some(world) = World::new("copy_ignore_of_elsewhere") else {
        return;
    };
    for file in ["a.txt", "b.txt", "secret"] {
        world.write(file, file);
    }
    world.write(".dockerignore", "a.txt\n");
    // Of another Dockerfile: the one that is built lies outside of the context.
    world.write("Dockerfile.dockerignore", "b.txt\n");
    let mut request = World::request("FROM busybox\nCOPY [abs]* /x/\n");
    let origin = |ignore: Option<&str>| {
        Some(DockerfileOrigin {
            name: "../web/Dockerfile".to_owned(),
            ignore: ignore.map(str::to_owned),
        })
    };
    request.dockerfile_origin = origin(Some("secret\n"));
    world.build_request(&request).result.unwrap();
    assert_eq!(world.files("test").names("/x"), ["a.txt", "b.txt"]);
    request.dockerfile_origin = origin(None);
    world.build_request(&request).result.unwrap();
    assert_eq!(world.files("test").names("/x"), ["b.txt", "secret"]);

    request.dockerfile_origin = origin(Some("[\n"));
    let failure = world.build_request(&request).result.unwrap_err();
    assert!(
        failure
            .message
            .starts_with("../web/Dockerfile.dockerignore:1: "),
        "{}",
        failure.message
    );
    assert_eq!(failure.dockerfile.as_deref(), Some("../web/Dockerfile"));
}

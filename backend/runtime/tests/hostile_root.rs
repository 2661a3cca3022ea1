//! Images that are made to lead out: links in every place that the runtime touches.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::Scene;
use estiva_runtime::Mode;
use estiva_runtime::defaults::Bind;

fn replace_with_link(scene: &Scene, inside: &str, target: impl AsRef<Path>) {
    let path = scene.image().join(inside);
    let _ = fs::remove_file(&path);
    let _ = fs::remove_dir_all(&path);
    symlink(target, path).unwrap();
}

#[test]
fn a_link_for_etc_leads_nowhere_but_into_the_container() {
    let Some(scene) = Scene::new("a_link_for_etc_leads_nowhere_but_into_the_container") else {
        return;
    };
    let host = scene.folder.path().join("host-etc");
    fs::create_dir(&host).unwrap();
    fs::write(host.join("passwd"), "evil:x:0:0::/:/bin/sh\n").unwrap();
    replace_with_link(&scene, "etc", &host);
    let hosts = scene.folder.path().join("hosts");
    fs::write(&hosts, "bound\n").unwrap();

    let spec = scene.spec(Mode::Step, |options| {
        options.args = ["cat", "/etc/hosts"].map(str::to_owned).to_vec();
        options.binds = vec![Bind {
            source: hosts.clone(),
            destination: "/etc/hosts".into(),
            read_only: true,
        }];
    });
    assert_eq!(scene.run_spec(&spec).unwrap().stdout, "bound\n");
    let names: Vec<_> = fs::read_dir(&host)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["passwd"], "nothing was made in the host's folder");

    // Nor is a user read from there.
    let mut spec = scene.script(Mode::Step, "true");
    spec.spec
        .process_mut()
        .as_mut()
        .unwrap()
        .user_mut()
        .set_username(Some("evil".to_owned()));
    let error = scene.run_spec(&spec).unwrap_err().to_string();
    assert!(error.starts_with("expected the user \"evil\""), "{error}");
}

#[test]
fn a_link_for_proc_dev_or_sys_is_refused() {
    let Some(scene) = Scene::new("a_link_for_proc_dev_or_sys_is_refused") else {
        return;
    };
    for name in ["proc", "dev", "sys"] {
        replace_with_link(&scene, name, "/tmp");
        let error = scene
            .run_spec(&scene.script(Mode::Step, "true"))
            .unwrap_err();
        assert!(error.to_string().starts_with("can't mount"), "{error}");
        assert_eq!(error.exit_code(), 125);
        fs::remove_file(scene.image().join(name)).unwrap();
    }
}

#[test]
fn a_user_file_that_is_a_pipe_or_a_magic_link_is_not_waited_for_or_followed() {
    let Some(scene) =
        Scene::new("a_user_file_that_is_a_pipe_or_a_magic_link_is_not_waited_for_or_followed")
    else {
        return;
    };
    for target in [
        "/proc/self/fd/0",
        "/proc/1/root/etc/passwd",
        "/proc/self/exe",
    ] {
        replace_with_link(&scene, "etc/passwd", target);
        let error = scene
            .run_spec(&scene.script(Mode::Step, "true"))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("can't read the image's /etc/passwd"),
            "{error}"
        );
    }
    let passwd = scene.image().join("etc/passwd");
    fs::remove_file(&passwd).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &passwd,
        rustix::fs::FileType::Fifo,
        0o644.into(),
        0,
    )
    .unwrap();
    let error = scene
        .run_spec(&scene.script(Mode::Step, "true"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected an ordinary file"), "{error}");
}

#[test]
fn a_working_directory_through_a_descriptor_or_a_link_stays_inside() {
    let Some(scene) = Scene::new("a_working_directory_through_a_descriptor_or_a_link_stays_inside")
    else {
        return;
    };
    let descriptors = (3..12).map(|number| format!("/proc/self/fd/{number}"));
    for cwd in descriptors.chain(["/proc/1/cwd".to_owned(), "/proc/self/root".to_owned()]) {
        let spec = scene.spec(Mode::Step, |options| {
            options.args = vec!["pwd".to_owned()];
            options.cwd = cwd.clone().into();
        });
        // CVE-2024-21626: magic links are not followed. Their text may be, as that of any link.
        if let Ok(outcome) = scene.run_spec(&spec) {
            assert!(outcome.stdout.starts_with("/proc/"), "{cwd}: {outcome:?}");
        }
    }
    symlink("../../../../..", scene.image().join("up")).unwrap();
    let spec = scene.spec(Mode::Step, |options| {
        options.args = ["sh", "-c", "pwd -P; ls /up/bin/sh"]
            .map(str::to_owned)
            .to_vec();
        options.cwd = "/up".into();
    });
    assert_eq!(scene.run_spec(&spec).unwrap().stdout, "/\n/up/bin/sh\n");
}

#[test]
fn nobody_inside_can_open_the_runtimes_program_for_writing() {
    let Some(scene) = Scene::new("nobody_inside_can_open_the_runtimes_program_for_writing") else {
        return;
    };
    // CVE-2019-5736: a program that is the runtime's own file, reached through /proc/self/exe.
    symlink("/proc/self/exe", scene.image().join("bin/again")).unwrap();
    let spec = scene.spec(Mode::Step, |options| {
        options.args = vec!["/bin/again".to_owned()]
    });
    let ended = scene.run_spec(&spec);
    // It becomes estiva-runtime once more, with the container's rights, and says how it is used.
    match ended {
        Ok(outcome) => assert_ne!(outcome.exit.code, 0, "{outcome:?}"),
        Err(error) => assert!(error.exit_code() >= 125, "{error}"),
    }
}

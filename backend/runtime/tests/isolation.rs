//! What a container sees of itself and of its host, asked from inside.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::Scene;
use estiva_runtime::Mode;
use estiva_runtime::defaults::{Bind, Network};

#[test]
fn it_is_process_1_with_a_host_name_and_hardly_anything_else() {
    let Some(scene) = Scene::new("it_is_process_1_with_a_host_name_and_hardly_anything_else")
    else {
        return;
    };
    let outcome = scene.run("echo $$; hostname; ls /proc | grep -c '^[0-9]*$'; umask");
    assert_eq!(outcome.stderr, "");
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("1", "inside", "0022"));
    // The shell, and the two ends of the pipeline.
    assert!(lines[2].parse::<u32>().unwrap() <= 3, "{lines:?}");
    assert_eq!(outcome.exit.code, 0);
}

#[test]
fn every_namespace_is_its_own_but_the_user_namespace() {
    let Some(scene) = Scene::new("every_namespace_is_its_own_but_the_user_namespace") else {
        return;
    };
    let names = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
    let outcome =
        scene.run("for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done");
    for (name, inside) in names.iter().zip(outcome.stdout.lines()) {
        let outside = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert_ne!(outside.to_str().unwrap(), inside, "{name}");
    }
    assert_eq!(outcome.stdout.lines().count(), names.len());
}

#[test]
fn rights_are_reduced_in_every_set_and_stay_so() {
    let Some(scene) = Scene::new("rights_are_reduced_in_every_set_and_stay_so") else {
        return;
    };
    let outcome = scene.run_spec(&scene.spec(Mode::Step, |options| {
        options.args = ["cat", "/proc/self/status"].map(str::to_owned).to_vec();
    }));
    let outcome = outcome.unwrap();
    let field = |name: &str| {
        let line = outcome.stdout.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("{name}: {outcome:?}"))
            .split_once(':')
            .unwrap()
            .1
            .trim()
            .to_owned()
    };
    assert_eq!(field("CapInh"), "0000000000000000");
    assert_eq!(field("CapAmb"), "0000000000000000");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(field(set), "00000000a80425fb", "{set}");
    }
    assert_eq!(
        (field("Seccomp:"), field("NoNewPrivs")),
        ("2".to_owned(), "0".to_owned())
    );
    assert_eq!(
        (field("SigBlk"), field("SigIgn")),
        ("0000000000000000".to_owned(), "0000000000000000".to_owned())
    );
}

// RUN steps could use sudo and su, and the container of the same image could not: there, no_new_privs was always on.
#[test]
fn su_raises_an_ordinary_user_unless_no_new_privileges_is_asked_for() {
    let Some(scene) =
        Scene::new("su_raises_an_ordinary_user_unless_no_new_privileges_is_asked_for")
    else {
        return;
    };
    let su = scene.image().join("bin/su");
    std::fs::copy("/bin/busybox", &su).unwrap();
    std::fs::set_permissions(&su, std::fs::Permissions::from_mode(0o4755)).unwrap();
    std::fs::write(
        scene.image().join("etc/passwd"),
        "root:$1$estiva$A6yg5DP2Syf4H4K7cAOPH.:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\n",
    )
    .unwrap();
    let run = |no_new_privileges| {
        let spec = scene.spec(Mode::Step, |options| {
            // By its path: the shell takes its own su for the name alone.
            let script = "echo secret | /bin/su root -c 'id -u; grep -e NoNewPrivs -e Seccomp: -e CapEff /proc/self/status' 2>/dev/null\n\
                          grep -e NoNewPrivs -e Seccomp: /proc/self/status";
            options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
            options.user = Some("node".to_owned());
            options.no_new_privileges = no_new_privileges;
        });
        scene.run_spec(&spec).unwrap().stdout
    };
    // Root again, but the container's root: what it may not call and not do stays as it was.
    let raised = "Password: \n0\nCapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n";
    assert_eq!(run(false), format!("{raised}NoNewPrivs:\t0\nSeccomp:\t2\n"));
    assert_eq!(run(true), "NoNewPrivs:\t1\nSeccomp:\t2\n");
}

#[test]
fn an_ordinary_user_has_no_capabilities_and_its_own_groups() {
    let Some(scene) = Scene::new("an_ordinary_user_has_no_capabilities_and_its_own_groups") else {
        return;
    };
    let mut spec = scene.script(
        Mode::Step,
        "id -u; id -g; id -G; echo $HOME; grep CapEff /proc/self/status",
    );
    spec.spec = with_user(&spec.spec, "node");
    let outcome = scene.run_spec(&spec).unwrap();
    let expected = "1000\n1001\n1001 50\n/home/node\nCapEff:\t0000000000000000\n";
    assert_eq!(outcome.stdout, expected, "{}", outcome.stderr);

    spec = scene.script(Mode::Step, "true");
    spec.spec = with_user(&spec.spec, "nobody");
    let error = scene.run_spec(&spec).unwrap_err().to_string();
    assert_eq!(
        error,
        "expected the user \"nobody\" in the image's /etc/passwd, but found no such entry"
    );
}

fn with_user(spec: &estiva_runtime::oci::Spec, user: &str) -> estiva_runtime::oci::Spec {
    let mut spec = spec.clone();
    let process = spec.process_mut().as_mut().unwrap();
    process.user_mut().set_username(Some(user.to_owned()));
    spec
}

#[test]
fn the_network_is_a_loopback_that_works_or_the_hosts() {
    let Some(scene) = Scene::new("the_network_is_a_loopback_that_works_or_the_hosts") else {
        return;
    };
    let outcome = scene.run("ls /sys/class/net; ifconfig lo | grep -o 'UP LOOPBACK RUNNING'");
    assert_eq!(
        outcome.stdout, "lo\nUP LOOPBACK RUNNING\n",
        "{}",
        outcome.stderr
    );

    let spec = scene.spec(Mode::Step, |options| {
        options.args = ["readlink", "/proc/self/ns/net"]
            .map(str::to_owned)
            .to_vec();
        options.network = Network::Host;
    });
    let inside = scene.run_spec(&spec).unwrap().stdout;
    let outside = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(inside.trim(), outside.to_str().unwrap());
}

#[test]
fn the_hosts_files_are_gone_and_the_kernels_are_guarded() {
    let Some(scene) = Scene::new("the_hosts_files_are_gone_and_the_kernels_are_guarded") else {
        return;
    };
    let outcome = scene.run(
        "ls /; wc -c < /proc/interrupts; ls -A /sys/firmware; wc -c < /proc/keys;\n\
         echo x > /proc/sys/kernel/hostname || echo sys-ro; mkdir /sys/x || echo sysfs-ro",
    );
    let expected = "bin\ndev\netc\nhome\nproc\nroot\nsys\ntmp\n0\n0\nsys-ro\nsysfs-ro\n";
    assert_eq!(outcome.stdout, expected, "{}", outcome.stderr);
    let mounts = scene.run("cat /proc/self/mountinfo").stdout;
    assert!(
        !mounts.contains("/oldroot") && !mounts.contains("ext4"),
        "{mounts}"
    );
    for line in mounts.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        // Nothing is shared with the host, and only the device nodes open devices.
        assert!(
            !line.contains("shared:") && !line.contains("master:"),
            "{line}"
        );
        let is_node = fields[3].trim_start_matches('/').parse::<u8>().is_err() && fields[3] != "/";
        assert!(
            fields[5].contains("nodev") || is_node || fields[4] == "/dev/pts",
            "{line}"
        );
    }
}

#[test]
fn a_container_can_use_its_devices_and_open_no_others() {
    let Some(scene) = Scene::new("a_container_can_use_its_devices_and_open_no_others") else {
        return;
    };
    let outcome = scene.run(
        "echo gone > /dev/null && head -c 3 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c;\n\
         ls -l /dev/null | cut -c1-10; readlink /dev/fd;\n\
         for where in /dev /tmp /; do mknod $where/kmsg c 1 11 && cat $where/kmsg; done 2>&1 | grep -c 'ermi'",
    );
    assert_eq!(
        outcome.stdout.lines().collect::<Vec<_>>(),
        ["3", "4", "crw-rw-rw-", "/proc/self/fd", "3"],
        "{outcome:?}"
    );
    let before = std::fs::metadata("/dev/null").unwrap();
    assert_eq!(
        scene
            .run("chmod 600 /dev/null; chown 1000 /dev/null")
            .exit
            .code,
        0
    );
    let after = std::fs::metadata("/dev/null").unwrap();
    let facts = |metadata: &std::fs::Metadata| {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.mode(), metadata.uid())
    };
    assert_eq!(
        facts(&before),
        facts(&after),
        "the container's nodes are not the host's"
    );
}

#[test]
fn no_descriptor_but_the_standard_three_is_inherited() {
    let Some(scene) = Scene::new("no_descriptor_but_the_standard_three_is_inherited") else {
        return;
    };
    // A careless host program: a descriptor that is open, and not marked to be closed.
    let leak = std::fs::File::open("/").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    // `ls` has the folder it lists open as well.
    let outcome =
        scene.run("ls /proc/self/fd; ls -l /proc/1/fd | grep -c -v -e pipe -e /dev/null -e total");
    assert_eq!(outcome.stdout, "0\n1\n2\n3\n0\n");
}

#[test]
fn the_cgroup_that_is_shown_is_its_own_with_either_version() {
    let Some(scene) = Scene::new("the_cgroup_that_is_shown_is_its_own_with_either_version") else {
        return;
    };
    let outcome = scene.run(
        "cd /sys/fs/cgroup; for folder in . pids; do test -e $folder/cgroup.procs && cd $folder && break; done\n\
         grep -x 1 cgroup.procs; ls | grep -x -e estiva-.* -e c0; mkdir x || echo ro",
    );
    assert_eq!(outcome.stdout, "1\nro\n", "{outcome:?}");
}

#[test]
fn dangerous_calls_are_refused() {
    let Some(scene) = Scene::new("dangerous_calls_are_refused") else {
        return;
    };
    let outcome = scene.run("mount -t tmpfs none /tmp; echo $?; busybox unshare -r true; echo $?");
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(
        lines.len() == 2 && lines.iter().all(|line| *line != "0"),
        "{outcome:?}"
    );
}

#[test]
fn host_files_are_bound_read_only_and_missing_targets_are_made() {
    let Some(scene) = Scene::new("host_files_are_bound_read_only_and_missing_targets_are_made")
    else {
        return;
    };
    let hosts = scene.folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 me\n").unwrap();
    let spec = scene.spec(Mode::Step, |options| {
        options.args = [
            "sh",
            "-c",
            "cat /etc/hosts; echo x > /etc/hosts || echo ro; pwd",
        ]
        .map(str::to_owned)
        .to_vec();
        options.cwd = "/made/for/me".into();
        options.binds = vec![Bind {
            source: hosts.clone(),
            destination: "/etc/hosts".into(),
            read_only: true,
        }];
    });
    let outcome = scene.run_spec(&spec).unwrap();
    assert_eq!(
        outcome.stdout, "127.0.0.1 me\nro\n/made/for/me\n",
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_read_only_root_keeps_its_writable_mounts() {
    let Some(scene) = Scene::new("a_read_only_root_keeps_its_writable_mounts") else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        let script = "touch /x || echo ro; touch /dev/shm/x && echo shm";
        options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
        options.read_only_root = true;
    });
    assert_eq!(scene.run_spec(&spec).unwrap().stdout, "ro\nshm\n");
}

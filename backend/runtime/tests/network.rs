//! A network namespace that somebody else made, joined by containers and steps; and the settings of a network of its own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use common::{Scene, outcome};
use estiva_runtime::defaults::Network;
use estiva_runtime::oci::{LinuxNamespaceBuilder, LinuxNamespaceType};
use estiva_runtime::{Mode, StepHandle, spawn_step};

/// A namespace whose loopback interface has a further address, so that it is known; it lives as long as the step.
fn made(scene: &Scene) -> (StepHandle, File) {
    let holder = spawn_step(&scene.runtime, &scene.script(Mode::Step, "sleep 300")).unwrap();
    let namespace = File::open(format!("/proc/{}/ns/net", holder.started.init_pid)).unwrap();
    (holder, namespace)
}

fn path_of(namespace: &File) -> PathBuf {
    let number = namespace.as_raw_fd();
    format!("/proc/{}/fd/{number}", std::process::id()).into()
}

#[test]
fn a_namespace_that_was_made_before_is_joined_and_outlives_the_descriptor_it_was_named_by() {
    let Some(scene) =
        Scene::new("a_namespace_that_was_made_before_is_joined_and_outlives_the_descriptor")
    else {
        return;
    };
    let (_holder, namespace) = made(&scene);
    let named = path_of(&namespace);
    let expected = std::fs::read_link(&named).unwrap();
    let spec = scene.spec(Mode::Step, |options| {
        // /sys shows the interfaces of the namespace that it was mounted in.
        let script = "readlink /proc/self/ns/net; ls /sys/class/net; ifconfig lo | grep -o 'UP LOOPBACK RUNNING'";
        options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
        options.network = Network::Joined(named);
    });
    let step = spawn_step(&scene.runtime, &spec).unwrap();
    drop(namespace);
    let outcome = outcome(step).unwrap();
    let expected = format!("{}\nlo\nUP LOOPBACK RUNNING\n", expected.display());
    assert_eq!(outcome.stdout, expected, "{}", outcome.stderr);
}

#[test]
fn what_is_no_network_namespace_is_not_joined_and_other_kinds_are_refused_by_name() {
    let Some(scene) =
        Scene::new("what_is_no_network_namespace_is_not_joined_and_other_kinds_are_refused")
    else {
        return;
    };
    let refused = |path: &str| {
        let spec = scene.spec(Mode::Step, |options| {
            options.args = vec!["true".to_owned()];
            options.network = Network::Joined(path.into());
        });
        scene.run_spec(&spec).unwrap_err().to_string()
    };
    let absent = refused("/proc/self/ns/nothing");
    assert!(
        absent.starts_with("can't open the network namespace: "),
        "{absent}"
    );
    for other in ["/proc/self/ns/mnt", "/dev/null"] {
        let error = refused(other);
        assert!(
            error.starts_with("can't join the network namespace: "),
            "{error}"
        );
    }
    let mut spec = scene.script(Mode::Step, "true");
    let linux = spec.spec.linux_mut().as_mut().unwrap();
    let joined = LinuxNamespaceBuilder::default()
        .typ(LinuxNamespaceType::Ipc)
        .path("/proc/self/ns/ipc")
        .build();
    linux
        .namespaces_mut()
        .as_mut()
        .unwrap()
        .push(joined.unwrap());
    let error = scene.run_spec(&spec).unwrap_err().to_string();
    assert!(error.contains("namespaces to join"), "{error}");
}

#[test]
fn an_ordinary_user_may_listen_on_every_port_of_a_network_of_its_own() {
    let Some(scene) =
        Scene::new("an_ordinary_user_may_listen_on_every_port_of_a_network_of_its_own")
    else {
        return;
    };
    let spec = scene.spec(Mode::Step, |options| {
        let script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range\n\
                      busybox timeout 1 busybox nc -l -p 80 127.0.0.1; echo $?";
        options.args = ["sh", "-c", script].map(str::to_owned).to_vec();
        options.user = Some("node".to_owned());
    });
    let outcome = scene.run_spec(&spec).unwrap();
    // 143: the one that listens is ended by its time; one that may not would say so at once, with 1.
    assert_eq!(
        outcome.stdout, "0\n0\t2147483647\n143\n",
        "{}",
        outcome.stderr
    );
    let host = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    assert_ne!(host, "0\n", "the host's own setting is as it was");
}

#[test]
fn settings_of_the_host_are_refused_by_name() {
    let Some(scene) = Scene::new("settings_of_the_host_are_refused_by_name") else {
        return;
    };
    let refused = |network: Network, name: &str| {
        let mut spec = scene.spec(Mode::Step, |options| {
            options.args = vec!["true".to_owned()];
            options.network = network;
        });
        let linux = spec.spec.linux_mut().as_mut().unwrap();
        linux.set_sysctl(Some([(name.to_owned(), "1".to_owned())].into()));
        scene.run_spec(&spec).unwrap_err().to_string()
    };
    for name in [
        "kernel.hostname",
        "net",
        "net..ipv4",
        "net./../kernel/panic",
    ] {
        let error = refused(Network::None, name);
        assert!(
            error.contains("sysctl settings") || error.starts_with("can't set /proc/sys/net"),
            "{error}"
        );
    }
    let error = refused(Network::Host, "net.ipv4.ip_forward");
    assert!(
        error.contains("sysctl settings of a network that is the host's"),
        "{error}"
    );
}

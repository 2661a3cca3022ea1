//! What a RUN step sees, and what of it stays.

use estiva_runtime::defaults::Limits;
use estiva_shared::protocol::NetworkMode;

use crate::world::World;

#[test]
fn a_step_is_apart_from_the_host() {
    let Some(world) = World::new("run_apart") else {
        return;
    };
    let host_file = world.folder.path().join("root/store.db");
    assert!(host_file.exists());
    let outcome = world.build(&format!(
        "FROM busybox\nRUN echo pid=$$ host=$(hostname) && ls /sys/class/net && \
         grep CapEff /proc/self/status && test ! -e {} && env\n",
        host_file.display()
    ));
    let output = outcome.output();
    outcome.result.unwrap();
    assert!(output.contains("pid=1 host=build\n"), "{output}");
    assert!(
        output.contains("\nlo\n") && !output.contains("eth0"),
        "{output}"
    );
    assert!(
        output.contains("00000000a80425fb"),
        "the default capabilities: {output}"
    );
    for variable in ["CARGO", "RUST", "ESTIVA", "SSH"] {
        assert!(!output.contains(variable), "{variable} leaked: {output}");
    }
    world.assert_clean();
}

#[test]
fn a_step_runs_as_its_user_in_its_folder_with_its_variables() {
    let Some(world) = World::new("run_as") else {
        return;
    };
    let outcome = world.build(
        "FROM busybox\nARG COLOUR=red\nENV SIZE=big\nUSER 1000:1001\nWORKDIR /app\n\
         RUN echo $(id -u):$(id -g) $(pwd) $COLOUR $SIZE && touch made\n",
    );
    assert!(
        outcome.output().contains("1000:1001 /app red big"),
        "{}",
        outcome.output()
    );
    outcome.result.unwrap();
    let files = world.files("test");
    // BuildKit gives the folder to USER, so that the step can write into it.
    assert_eq!(files.mode_and_owner("/app").1, 1000);
    assert_eq!(files.mode_and_owner("/app/made").1, 1000);
}

#[test]
fn nothing_of_the_steps_own_mounts_is_in_the_layer() {
    let Some(world) = World::new("run_stubs") else {
        return;
    };
    let outcome = world.build("FROM busybox\nRUN cat /etc/hosts && echo x > /made\n");
    assert!(outcome.output().contains("localhost"));
    outcome.result.unwrap();
    assert_eq!(world.last_layer(), ["made"]);
}

#[test]
fn a_dockerfile_with_lines_of_windows_builds_the_same() {
    let Some(world) = World::new("run_crlf") else {
        return;
    };
    world.write("a", "a");
    world.write("b", "b");
    world.write(".dockerignore", "b\r\n.dockerignore\r\n");
    let outcome = world.build(
        "FROM busybox\r\nENV A=1 \\\r\n  B=2\r\nRUN printf \"$A-$B\" && \\\r\n    printf end\r\nCOPY . /x\r\nCMD [\"sh\"]\r\n",
    );
    assert_eq!(outcome.output(), "1-2end");
    outcome.result.unwrap();
    assert_eq!(world.files("test").names("/x"), ["a"]);
}

#[test]
fn a_user_that_the_image_lacks_is_told_where_something_runs_as_it() {
    let Some(world) = World::new("run_user") else {
        return;
    };
    let failure = world.refused("FROM busybox\nUSER nosuch\nRUN id\n");
    assert_eq!(
        (failure.code.as_str(), failure.line),
        ("step-failed", Some(3))
    );
    assert!(failure.message.contains("nosuch"), "{}", failure.message);
    // As in Docker: who never runs anything need not exist.
    world.built("FROM busybox\nUSER nosuch\nCMD [\"sh\"]\n");
}

/// What a link of the image led to was made for the mount and stayed: a RUN that touched one file had
/// `run/systemd/resolve/stub-resolv.conf` in its layer.
#[test]
fn what_a_dangling_link_of_the_image_leads_to_is_not_in_the_layer() {
    let Some(world) = World::new("run_dangling") else {
        return;
    };
    // In a folder of their own first: under their names in /etc lie the step's mounts.
    let base = "FROM busybox AS links\nWORKDIR /new\nRUN mkdir -p etc run/kept x \\\n\
        && ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf && ln -s /x/hosts etc/hosts\n\
        FROM busybox\nCOPY --from=links /new /\n";
    world
        .build(&format!("{base}RUN touch /hello\n"))
        .result
        .unwrap();
    assert_eq!(world.last_layer(), ["hello"]);
    // What the step itself writes there is its own.
    world
        .build(&format!(
            "{base}RUN mkdir -p /run/systemd && echo x > /run/systemd/own\n"
        ))
        .result
        .unwrap();
    assert_eq!(
        world.last_layer(),
        ["run", "run/systemd", "run/systemd/own"]
    );
}

#[test]
fn mount_points_that_the_image_lacks_are_not_in_the_layer() {
    let Some(world) = World::new("run_bare") else {
        return;
    };
    let files = world.built(
        "FROM scratch\nCOPY --from=busybox /bin/busybox /bin/sh\nRUN echo x > /made\nRUN [\"/bin/sh\", \"-c\", \"echo y > /etc/own\"]\n",
    );
    assert_eq!(files.names("/"), ["bin", "etc", "made"]);
    assert_eq!(files.names("/etc"), ["own"]);
}

#[test]
fn removed_files_become_whiteouts() {
    let Some(world) = World::new("run_whiteouts") else {
        return;
    };
    let files = world.built(
        "FROM busybox\nRUN mkdir -p /d/e && echo x > /d/e/f && echo y > /g\nRUN rm -r /d && rm /g\n",
    );
    assert!(!files.exists("/d") && !files.exists("/g"));
    let analysis = world.store.analysis(&files.image).unwrap();
    let last = analysis.image.layers.last().unwrap();
    // What exactly counts as removed is the analysis's matter; both paths must be among it.
    assert!(last.removed >= 2, "{last:?}");
}

#[test]
fn a_step_that_changes_nothing_makes_no_layer() {
    let Some(world) = World::new("run_nothing") else {
        return;
    };
    let files = world.built("FROM busybox\nRUN true\nENV A=1\n");
    assert_eq!(files.image.diff_ids.len(), 1);
    let history = files.image.config.history().clone().unwrap();
    let ours: Vec<_> = history.iter().rev().take(2).rev().collect();
    assert_eq!(ours[0].created_by().as_deref(), Some("RUN true"));
    assert!(ours.iter().all(|line| line.empty_layer() == Some(true)));
}

#[test]
fn the_status_of_a_failed_step_is_told_with_its_line() {
    let Some(world) = World::new("run_fails") else {
        return;
    };
    let failure = world.refused("FROM busybox\nRUN true\nRUN echo bad >&2; exit 37\n");
    assert_eq!(
        (failure.code.as_str(), failure.line, failure.exit_code),
        ("step-failed", Some(3), Some(37))
    );
    let failure = world.refused("FROM busybox\nRUN [\"/no/such/program\"]\n");
    assert_eq!(failure.exit_code, Some(127), "{failure:?}");
    let failure = world.refused("FROM busybox\nRUN sh -c 'kill -9 $$'; exit $?\n");
    assert_eq!(failure.exit_code, Some(137), "{failure:?}");
    world.assert_clean();
}

#[test]
fn a_step_that_prints_without_end_is_cut_and_goes_on() {
    let Some(world) = World::new("run_prints") else {
        return;
    };
    let outcome =
        world.build("FROM busybox\nRUN head -c 3000000 /dev/zero | tr '\\0' x && touch /after\n");
    let output = outcome.output();
    outcome.result.unwrap();
    assert!(
        output.len() < 2_200_000 && output.contains("output cut"),
        "{}",
        output.len()
    );
    assert!(world.files("test").exists("/after"));
}

#[test]
fn a_process_left_behind_does_not_outlive_the_step() {
    let Some(world) = World::new("run_leaves") else {
        return;
    };
    world
        .build("FROM busybox\nRUN (sleep 1000 </dev/null >/dev/null 2>&1 &) ; echo done\n")
        .result
        .unwrap();
    world.assert_clean();
}

#[test]
fn the_hosts_network_is_there_where_the_build_asks_for_it() {
    let Some(world) = World::new("run_network") else {
        return;
    };
    let mut request = World::request(
        "FROM busybox\nRUN --network=none cat /proc/net/dev && echo apart\nRUN cat /proc/net/dev\n",
    );
    request.network = NetworkMode::Host;
    let interfaces = || {
        let table = std::fs::read_to_string("/proc/net/dev").unwrap();
        let names = table.lines().filter_map(|line| line.split_once(':'));
        names
            .map(|(name, _)| name.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let before = interfaces();
    let outcome = world.build_request(&request);
    let output = outcome.output();
    outcome.result.unwrap();
    let (apart, host) = output.split_once("apart").unwrap();
    // Other programs of this host make interfaces and remove them meanwhile.
    let after = interfaces();
    for name in before.iter().filter(|name| after.contains(name)) {
        assert!(host.contains(&format!("{name}:")), "{name}: {host}");
        assert!(
            name == "lo" || !apart.contains(&format!("{name}:")),
            "{name}: {apart}"
        );
    }
}

#[test]
fn a_step_that_takes_too_much_memory_is_killed_and_named_so() {
    let Some(mut world) = World::new("run_memory") else {
        return;
    };
    world.builder = world.builder.clone().with_limits(Limits {
        memory_bytes: Some(16 << 20),
        ..Limits::default()
    });
    // `tail` keeps a line without an end in its memory.
    let outcome = world.build("FROM busybox\nRUN tail /dev/zero\n");
    let failure = outcome.result.unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.line),
        ("step-failed", Some(2))
    );
    assert!(
        failure.message.contains("want of memory"),
        "{}",
        failure.message
    );
    world.assert_clean();
}

#[test]
fn a_step_cant_start_more_processes_than_it_may() {
    let Some(mut world) = World::new("run_pids") else {
        return;
    };
    world.builder = world.builder.clone().with_limits(Limits {
        pids: Some(10),
        ..Limits::default()
    });
    let outcome =
        world.build("FROM busybox\nRUN for i in $(seq 20); do sleep 5 & done; echo all started\n");
    let output = outcome.output();
    assert!(output.contains("can't fork"), "{output}");
    assert!(!output.contains("all started"), "{output}");
    world.assert_clean();
}

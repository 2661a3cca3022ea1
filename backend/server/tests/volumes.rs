//! The commands of mounts and volumes, from the words to what a container sees.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod world;

use std::fs;

use world::World;

#[test]
fn folders_variables_and_volumes_reach_a_container() {
    let Some(world) = World::with_busybox("folders_variables_and_volumes_reach_a_container") else {
        return;
    };
    let here = world.path("here");
    fs::create_dir_all(here.join("data")).unwrap();
    fs::write(here.join("data/file"), "from here\n").unwrap();
    fs::write(
        here.join("env"),
        "A=of the file\nB=\"1\"\nHOME_OF_CALLER\n# no\n",
    )
    .unwrap();
    let script = "cat /data/file; echo $A $B $HOME_OF_CALLER; touch /data/x || echo kept; echo 1 > /vol/1; ls /made";
    let output = world
        .command(&[
            "run",
            "--rm",
            "-v",
            "./data:/data:ro",
            "-v=vol:/vol",
            "-v./made:/made",
            "--tmpfs",
            "/t:size=1m",
            "--env-file",
            "env",
            "-e",
            "A=of the line",
            "--read-only",
            "busybox",
            "sh",
            "-c",
            script,
        ])
        .current_dir(&here)
        .env("HOME_OF_CALLER", "a home")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said, "from here\nof the line \"1\" a home\nkept\n",
        "{:?}",
        output.stderr
    );
    assert!(here.join("made").is_dir());

    let refused = world.fails(
        125,
        &[
            "run",
            "--mount",
            "type=bind,source=/nonexistent/x,target=/x",
            "busybox",
        ],
    );
    assert!(
        refused.contains("/nonexistent/x") && refused.contains("hint:"),
        "{refused}"
    );
    fs::write(here.join("env"), "A=1\nB C=2\n").unwrap();
    let file = here.join("env");
    let refused = world.fails(
        125,
        &["run", "--env-file", file.to_str().unwrap(), "busybox"],
    );
    assert!(
        refused.contains(":2: expected a KEY without spaces"),
        "{refused}"
    );
    for (words, sentence) in [
        ("-v=a:/b:rshared", "propagation"),
        ("--mount=target=/x,volume-opt=o", "drivers"),
        ("--volumes-from=web", "can't be taken over"),
        ("-v=/tmp:/proc/x", "outside of /proc"),
    ] {
        let refused = world.fails(125, &["run", words, "busybox"]);
        assert!(refused.contains(sentence), "{words}: {refused}");
    }
}

#[test]
fn volumes_are_made_listed_and_removed_by_name() {
    let Some(world) = World::with_busybox("volumes_are_made_listed_and_removed_by_name") else {
        return;
    };
    assert_eq!(world.ok(&["volume", "create", "db"]), "db\n");
    assert_eq!(world.ok(&["volume", "create"]).trim().len(), 64);
    world.ok(&[
        "run", "--name", "user", "-v", "db:/data", "-v", "/made-up", "busybox", "true",
    ]);
    assert_eq!(world.ok(&["volume", "ls", "-q"]).lines().count(), 3);
    let listed = world.ok(&["volume", "ls"]);
    assert!(
        listed.starts_with("VOLUME NAME") && listed.contains("db "),
        "{listed}"
    );
    let inspected = world.ok(&["volume", "inspect", "db"]);
    assert!(inspected.contains("volumes/db/_data"), "{inspected}");
    let shown = world.ok(&["ps", "-a", "--json"]);
    assert!(shown.contains("\"target\": \"/made-up\""), "{shown}");

    let refused = world.fails(1, &["volume", "rm", "db", "none"]);
    assert!(
        refused.contains("used by: user") && refused.contains("called: none"),
        "{refused}"
    );
    world.ok(&["volume", "rm", "-f", "none"]);
    world.fails(1, &["volume", "inspect", "none"]);
    world.fails(1, &["volume", "prune"]);
    // The one that was made up for nobody; the container's stays.
    assert_eq!(world.ok(&["volume", "prune", "--force"]).lines().count(), 1);
    world.ok(&["rm", "-v", "user"]);
    assert_eq!(world.ok(&["volume", "ls", "-q"]), "db\n");
    assert_eq!(world.ok(&["volume", "prune", "-af"]), "db\n");
    let refused = world.fails(1, &["volume", "create", "--driver", "nfs", "x"]);
    assert!(refused.contains("drivers"), "{refused}");
    let refused = world.fails(1, &["volume", "create", "../x"]);
    assert!(refused.contains("expected a volume's name"), "{refused}");
}

#[test]
fn a_killed_server_forgets_no_volume_and_a_reset_leaves_none() {
    let Some(world) =
        World::with_busybox("a_killed_server_forgets_no_volume_and_a_reset_leaves_none")
    else {
        return;
    };
    world.ok(&[
        "run",
        "-d",
        "--name",
        "writer",
        "-v",
        "db:/data",
        "busybox",
        "sh",
        "-c",
        "while true; do date > /data/now; sleep 0.1; done",
    ]);
    world.kill_server();
    assert!(world.fails(1, &["volume", "rm", "db"]).contains("writer"));
    world.ok(&["rm", "-f", "writer"]);
    assert_eq!(
        world.ok(&["run", "--rm", "-v", "db:/x", "busybox", "ls", "/x"]),
        "now\n"
    );
    let volumes = world.root().join("volumes");
    assert!(volumes.exists());
    world.ok(&["reset", "--yes"]);
    assert!(!volumes.exists());
}

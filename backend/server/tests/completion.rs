//! Words finished by a real bash: its function is given what readline would give it.

// A panic is how tests fail.
#![allow(clippy::unwrap_used)]

mod world;

use std::path::Path;
use std::process::Command;

use world::World;

/// What bash would offer for this line, the cursor at its end. `cut` are its words as readline cuts them.
fn offered(world: &World, line: &str, cut: &[&str]) -> Vec<String> {
    let program = world.command(&[]).get_program().to_owned();
    let folder = Path::new(&program).parent().unwrap().to_owned();
    // The word before the cursor: nothing after a separator.
    let own = cut.last().filter(|word| **word != ":").unwrap_or(&"");
    let script = "source <(estiva completion bash) && shift 2 && _estiva_complete estiva \"$OWN\" && printf '%s\\n' \"${COMPREPLY[@]}\"";
    let script = format!(
        "COMP_LINE=$1; own=$2; COMP_WORDS=(\"${{@:3}}\"); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); OWN=$own; {script}"
    );
    let path = format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &script, "bash", line, own])
        .args(cut)
        .env("PATH", path)
        .env("ESTIVA_ROOT", world.root())
        .current_dir(world.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8(output.stdout).unwrap();
    words
        .lines()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn commands_options_and_names_are_offered() {
    let test = "commands_options_and_names_are_offered";
    let Some(world) = World::with_busybox(test) else {
        return;
    };
    let name = "lighthouse";
    world.ok(&[
        "run",
        "-d",
        "--name",
        name,
        "--network",
        "none",
        "busybox",
        "sleep",
        "60",
    ]);
    assert_eq!(
        offered(&world, "estiva inspec", &["estiva", "inspec"]),
        ["inspect"]
    );
    let options = offered(&world, "estiva build --no", &["estiva", "build", "--no"]);
    assert_eq!(options, ["--no-cache"]);
    let line = "estiva inspect --ci --rule allowed";
    let rules = offered(
        &world,
        line,
        &["estiva", "inspect", "--ci", "--rule", "allowed"],
    );
    assert_eq!(rules, ["allowedSetuid="]);
    let images = offered(&world, "estiva run bus", &["estiva", "run", "bus"]);
    assert_eq!(images, ["busybox:latest"]);
    // readline cuts a name at its colon, and replaces only what stands behind it.
    for cut in [
        &["estiva", "rmi", "busybox", ":"][..],
        &["estiva", "rmi", "busybox", ":", "lat"],
    ] {
        let line = format!("estiva rmi {}", cut[2..].concat());
        assert_eq!(offered(&world, &line, cut), ["latest"], "{line}");
    }
    world.ok(&["volume", "create", "harbour"]);
    for words in [
        &["estiva", "volume", "rm", ""][..],
        &["estiva", "volume", "inspect", "ha"],
    ] {
        let line = words.join(" ");
        assert_eq!(offered(&world, &line, words), ["harbour"], "{line}");
    }
    for command in ["pull", "push", "tag"] {
        let line = format!("estiva {command} bus");
        let words = ["estiva", command, "bus"];
        assert_eq!(offered(&world, &line, &words), ["busybox:latest"], "{line}");
    }
    for command in ["stop", "logs", "exec", "rm", "attach", "port"] {
        let line = format!("estiva {command} ");
        assert_eq!(
            offered(&world, &line, &["estiva", command, ""]),
            [name],
            "{command}"
        );
    }
    let other = format!("--root={}", world.path("elsewhere").display());
    let none = offered(
        &world,
        &format!("estiva {other} rm "),
        &["estiva", &other, "rm", ""],
    );
    assert!(none.iter().all(|word| word.starts_with('-')), "{none:?}");
    std::fs::write(world.path("ship.tar"), "").unwrap();
    let files = offered(&world, "estiva inspect sh", &["estiva", "inspect", "sh"]);
    assert_eq!(files, ["ship.tar"]);
}

// A key that is pressed must not leave a server behind.
#[test]
fn no_server_is_started_for_a_name() {
    let Some(world) = World::new("no_server_is_started_for_a_name") else {
        return;
    };
    let words = offered(&world, "estiva rm ", &["estiva", "rm", ""]);
    assert!(words.contains(&"--force".to_owned()), "{words:?}");
    for made in ["server.log", "lock", "store.db"] {
        assert!(!world.root().join(made).exists(), "{made}");
    }
}

#[test]
fn every_shell_has_its_script() {
    let Some(world) = World::new("every_shell_has_its_script") else {
        return;
    };
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            world.ok(&["completion", shell]).contains("ESTIVA_COMPLETE"),
            "{shell}"
        );
    }
    assert!(
        world
            .fails(1, &["completion", "tcsh"])
            .contains("bash, zsh, fish")
    );
}

//! `estiva inspect --ci` as a pipeline meets it: a user without rights or a home, files in the working folder, exit statuses.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use world::World;

/// Any user but root; it needs no entry in /etc/passwd.
const NOBODY: u32 = 65_534;

/// A folder that everybody may enter, with an archive in it: 30 of its 170 bytes of content can't be seen.
struct Pipeline {
    folder: tempfile::TempDir,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let pipeline = Self { folder };
        pipeline.write("image.tar", &image());
        pipeline
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// The command with nothing but its words: no home, no path, no other variable, and no right where root can drop it.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command
            .args(["inspect", "image.tar", "--ci"])
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("CI", "true")
            .stdin(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// The program where that user can run it: the folder that it was built in may be closed to others.
    fn program(&self) -> PathBuf {
        let copy = self.path("estiva");
        if !copy.exists() {
            fs::copy(world::program(), &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        }
        copy
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs to its end with this status; standard output and error.
    fn ends(&self, code: i32, words: &[&str]) -> (String, String) {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in files {
        let mut header = [0_u8; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend(header);
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn image() -> Vec<u8> {
    let layers = [
        tar(&[("a", &[b'1'; 30]), ("keep", &[b'2'; 60])]),
        tar(&[("a", &[b'3'; 10]), ("own", &[b'4'; 70])]),
    ];
    let diff_ids = layers.iter().map(|layer| {
        let digest = Sha256::digest(layer);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    });
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>()},
        "history": [{"created_by": "COPY one /"}, {"created_by": "RUN make"}],
    });
    let manifest =
        json!([{"Config": "c.json", "RepoTags": ["gate:test"], "Layers": ["0.tar", "1.tar"]}]);
    tar(&[
        ("0.tar", &layers[0]),
        ("1.tar", &layers[1]),
        ("c.json", config.to_string().as_bytes()),
        ("manifest.json", manifest.to_string().as_bytes()),
    ])
}

#[test]
fn a_user_without_rights_or_a_home_gets_a_verdict_and_leaves_nothing() {
    let pipeline = Pipeline::new();
    // dive's defaults: 140 of 170 bytes are its score, and 40 are wasted beside the 80 of the upper layer.
    let (out, err) = pipeline.ends(1, &[]);
    assert_eq!(err, "");
    for line in [
        "no rules file: dive's defaults",
        "gate:test: failed, 2 of 4 rules",
        "fail      lowestEfficiency           0.8235       at least 0.9",
        "skipped   highestWastedBytes         -            disabled",
        "fail      highestUserWastedPercent   0.5          at most 0.1",
        "pass      highestProblems            0 problems   at most 0 problems",
        "     40 B  a (layer 1)",
    ] {
        assert!(out.contains(line), "{line} in:\n{out}");
    }
    let passes = [
        "--rule",
        "lowestEfficiency=0.8",
        "--rule",
        "highest-user-wasted-percent=50%",
    ];
    let (out, err) = pipeline.ends(0, &passes);
    assert!(
        out.contains("gate:test: passed") && err.is_empty(),
        "{out}{err}"
    );
    let names = fs::read_dir(pipeline.folder.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["estiva", "image.tar"]);
}

#[test]
fn rules_come_from_the_options_then_our_file_then_dives() {
    let pipeline = Pipeline::new();
    let rules = "rules:\n  lowestEfficiency: 0.5\n  highestWastedBytes: 39B\n  highestUserWastedPercent: disabled\n";
    pipeline.write(".dive-ci", rules.as_bytes());
    let (out, _) = pipeline.ends(1, &[]);
    assert!(out.starts_with("rules of .dive-ci\n"), "{out}");
    assert!(
        out.contains("expected at most 39 B, but found 40 B"),
        "{out}"
    );
    pipeline.ends(0, &["--rule", "highestWastedBytes=40"]);
    let ours = "rules:\n  lowestEfficiency: off\n  highestUserWastedPercent: off\n  forbiddenFiles: [own]\n";
    pipeline.write("estiva-ci.yaml", ours.as_bytes());
    let (out, _) = pipeline.ends(1, &[]);
    assert!(out.starts_with("rules of estiva-ci.yaml\n"), "{out}");
    assert!(out.contains("70 B  own (layer 1)"), "{out}");
    pipeline.ends(1, &["--ci-config", ".dive-ci"]);
    // One that leads nowhere is a mistake, and not as if there were none.
    fs::remove_file(pipeline.path("estiva-ci.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", pipeline.path("estiva-ci.yaml")).unwrap();
    let (_, err) = pipeline.ends(2, &[]);
    assert!(err.contains("can't read estiva-ci.yaml"), "{err}");
    pipeline.write(".dive-ci", ours.as_bytes());
    fs::remove_file(pipeline.path("estiva-ci.yaml")).unwrap();
    pipeline.ends(0, &["--rule", "forbiddenFiles=another"]);
}

#[test]
fn what_can_not_be_read_is_no_verdict() {
    let pipeline = Pipeline::new();
    pipeline.write(
        "wrong.yaml",
        b"rules:\n  lowestEficiency: 0.9\n  highestWastedBytes: much\n",
    );
    pipeline.write("list.yaml", b"- a\n");
    pipeline.write("latin.yaml", b"# caf\xe9\n");
    pipeline.write("long.yaml", &vec![b'#'; 70_000]);
    pipeline.write("cut.tar", b"no archive");
    let (out, err) = pipeline.ends(2, &["--ci-config", "wrong.yaml"]);
    assert_eq!(out, "");
    let lines: Vec<_> = err.lines().collect();
    assert_eq!(
        lines,
        [
            "wrong.yaml:2:3: error: lowestEficiency: expected the name of a rule, but found another word",
            "hint: did you mean lowestEfficiency?",
            "wrong.yaml:3:23: error: highestWastedBytes: expected a number of bytes, such as 20MB or 20MiB, but found: much",
        ]
    );
    for (words, said) in [
        (
            &["--ci-config", "list.yaml"][..],
            "list.yaml:1:1: error: expected rules:",
        ),
        (
            &["--ci-config", "latin.yaml"],
            "expected UTF-8, but found other bytes at 5",
        ),
        (
            &["--ci-config", "long.yaml"],
            "expected at most 65536 bytes",
        ),
        (&["--ci-config", "none.yaml"], "can't read none.yaml"),
        (&["--ci-config", "."], "found a folder"),
        (&["--ci-config", "/dev/zero"], "found a pipe or a device"),
        (&["--rule", "highestLayers"], "--rule: expected NAME=VALUE"),
        (&["--rule", "highestLayer=3"], "did you mean highestLayers?"),
        (&["--dockerfile", "none"], "can't read none"),
        (&["--format", "xml"], "invalid value 'xml'"),
        (&["--wrong"], "unexpected argument"),
    ] {
        let (out, err) = pipeline.ends(2, words);
        assert!(out.is_empty() && err.contains(said), "{words:?}: {err}");
    }
    for file in ["cut.tar", "none.tar", "."] {
        let output = Command::new(pipeline.program())
            .args(["inspect", file, "--ci"])
            .current_dir(pipeline.folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{file}: {output:?}");
    }
}

/// Without the gate the statuses are what they were.
#[test]
fn inspecting_without_the_gate_has_its_own_statuses() {
    let pipeline = Pipeline::new();
    pipeline.write("estiva-ci.yaml", b"not: read\n");
    let inspect = |words: &[&str]| {
        Command::new(pipeline.program())
            .arg("inspect")
            .args(words)
            .current_dir(pipeline.folder.path())
            .env("CI", "true")
            .output()
            .unwrap()
    };
    assert_eq!(inspect(&["image.tar"]).status.code(), Some(0));
    assert_eq!(inspect(&["none.tar"]).status.code(), Some(1));
    let without = inspect(&["image.tar", "--rule", "highestLayers=1"]);
    assert_eq!(without.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&without.stderr).contains("--ci"));
}

#[test]
fn a_damaged_archive_breaks_a_rule_and_its_own_limit_lets_it_pass() {
    let pipeline = Pipeline::new();
    let whole = fs::read(pipeline.path("image.tar")).unwrap();
    let mut damaged = whole.clone();
    // A byte of content of the upper layer: its diff ID is another then.
    let place = whole
        .windows(70)
        .position(|bytes| bytes == [b'4'; 70])
        .unwrap();
    damaged[place] = b'5';
    pipeline.write("image.tar", &damaged);
    let off = [
        "--rule",
        "lowestEfficiency=off",
        "--rule",
        "highestUserWastedPercent=off",
    ];
    let (out, _) = pipeline.ends(1, &off);
    assert!(
        out.contains("layer 1 (digest-mismatch: expected the diff ID"),
        "{out}"
    );
    let more = [&off[..], &["--rule", "highestProblems=1"]].concat();
    pipeline.ends(0, &more);
}

#[test]
fn every_format_goes_to_standard_output_and_keeps_the_verdict() {
    let pipeline = Pipeline::new();
    pipeline.write("Dockerfile", b"FROM scratch\nCOPY one /\nRUN make\n");
    let json = |words: &[&str]| -> Value {
        let (out, err) = pipeline.ends(1, words);
        assert_eq!(err, "");
        serde_json::from_str(&out).unwrap()
    };
    let document = json(&["--format", "json", "--dockerfile", "Dockerfile"]);
    assert_eq!(
        (&document["version"], &document["status"]),
        (&json!(1), &json!("fail"))
    );
    assert_eq!(document["subject"], "image.tar");
    assert_eq!(document["images"][0]["rules"][0]["places"][0]["line"], 3);
    let log = json(&["--format", "sarif", "--dockerfile", "Dockerfile"]);
    assert_eq!(log["version"], "2.1.0");
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "Dockerfile");
    assert_eq!(place["region"]["startLine"], 3);
    let (out, _) = pipeline.ends(1, &["--format", "markdown"]);
    assert!(out.starts_with("### Image gate: failed\n"), "{out}");
    let (out, err) = pipeline.ends(1, &["--json"]);
    let analysis: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(analysis["waste"]["reclaimable_bytes"], 30);
    assert!(err.contains("gate:test: failed"), "{err}");
    pipeline.write("Dockerfile", b"FROM scratch\nRUN another\n");
    let (_, err) = pipeline.ends(1, &["--dockerfile", "Dockerfile"]);
    assert!(
        err.contains("no instruction of Dockerfile made a layer"),
        "{err}"
    );
}

/// Of other commands the status is 0 then, and `… | head -1` would let an image pass.
#[test]
fn a_reader_that_goes_away_does_not_change_the_verdict() {
    let pipeline = Pipeline::new();
    let mut child = pipeline
        .command(&[])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn names_from_an_image_and_from_a_rules_file_move_no_cursor() {
    let pipeline = Pipeline::new();
    let mut rules = fs::File::create(pipeline.path("estiva-ci.yaml")).unwrap();
    rules
        .write_all(b"rules:\n  \"\\e[2Jx\\u202e\": 1\n")
        .unwrap();
    let (_, err) = pipeline.ends(2, &[]);
    assert!(
        err.contains("\\u{1b}[2Jx\\u{202e}: expected the name of a rule"),
        "{err}"
    );
    assert!(!err.contains(['\u{1b}', '\u{202e}']), "{err:?}");
}

#[test]
fn an_image_of_the_store_is_held_to_rules_too() {
    let Some(world) = World::with_busybox("an_image_of_the_store_is_held_to_rules_too") else {
        return;
    };
    let inspect = ["inspect", "busybox", "--ci", "--ci-config"];
    let rules = world.path("rules.yaml");
    fs::write(&rules, "rules:\n  highestLayers: 1\n").unwrap();
    let words = [&inspect[..], &[path(&rules)]].concat();
    let out = world.ok(&words);
    assert!(out.contains("busybox:latest: passed"), "{out}");
    let strict = [&words[..], &["--rule", "requiredUser=not-root"]].concat();
    world.fails(1, &strict);
    let unknown = world.fails(2, &["inspect", "no-such-image", "--ci"]);
    assert!(unknown.contains("no-such-image"), "{unknown}");
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

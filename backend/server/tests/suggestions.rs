//! What is said of a rebuild is what a rebuild does: patches are applied, files left out, and the image is built again.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod world;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use estiva_shared::image::{ImageAnalysis, LeftOut, WhatIf};
use estiva_shared::suggest::{Advice, Fit, Suggestions};
use serde_json::from_str;
use world::World;

/// One instruction for each patch that there is, on a base that has nothing to say.
const DOCKERFILE: &str = "FROM busybox
WORKDIR /app
COPY one two ./
RUN chown -R 7:8 /app
RUN cd / && \\
    head -c 300000 /dev/zero > made && \\
    mkdir -p /root/.cache/pip && head -c 20000 /dev/zero | tr '\\000' x > /root/.cache/pip/wheel
RUN rm /made
CMD [\"cat\", \"/app/one\"]
";

/// Applies a patch as a person would.
fn apply(folder: &Path, diff: &str) {
    fs::write(folder.join("patch"), diff).unwrap();
    let applied = Command::new("git")
        .args(["apply", "patch"])
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap())
        .current_dir(folder)
        .output()
        .unwrap();
    fs::remove_file(folder.join("patch")).unwrap();
    assert!(applied.status.success(), "{applied:?}\n{diff}");
}

#[test]
fn patches_save_what_they_say() {
    let Some(world) = World::with_busybox("patches_save_what_they_say") else {
        return;
    };
    if Command::new("git")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        eprintln!("SKIP patches_save_what_they_say: needs git");
        return;
    }
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("one"), vec![b'1'; 5000]).unwrap();
    fs::write(context.join("two"), vec![b'2'; 600]).unwrap();
    fs::write(context.join("Dockerfile"), DOCKERFILE).unwrap();
    let (folder, file) = (
        context.to_str().unwrap(),
        context.join("Dockerfile").to_str().unwrap().to_owned(),
    );
    let build = || world.ok(&["build", "--network", "none", "-t", "app", folder]);
    let inspect = || from_str::<ImageAnalysis>(&world.ok(&["inspect", "app", "--json"])).unwrap();
    let ask = ["inspect", "app", "--suggest", "--dockerfile", &file];
    let suggest =
        || -> Suggestions { from_str(&world.ok(&[&ask[..], &["--json"]].concat())).unwrap() };
    build();
    let mut done = Vec::new();
    loop {
        let (before, found) = (inspect(), suggest());
        assert_eq!(found.dockerfile, Fit::Fits);
        let Some(one) = found.list.into_iter().find(|one| one.diff.is_some()) else {
            break;
        };
        let text = world.ok(&ask);
        assert!(
            text.contains("\n--- a/Dockerfile\n+++ b/Dockerfile\n@@ "),
            "{text}"
        );
        apply(&context, one.diff.as_ref().unwrap());
        build();
        let after = inspect();
        let shipped = |analysis: &ImageAnalysis| {
            let seen = analysis
                .tree
                .iter()
                .map(|entry| entry.size_bytes)
                .sum::<u64>();
            let files = analysis
                .waste
                .by_cause
                .iter()
                .flat_map(|cause| &cause.files);
            let hidden = files.filter(|file| file.hidden_by.is_some());
            seen + hidden.map(|file| file.size_bytes).sum::<u64>()
        };
        assert_eq!(
            shipped(&before) - shipped(&after),
            one.saved_bytes,
            "{one:?}"
        );
        let saved = before.waste.reclaimable_bytes - after.waste.reclaimable_bytes;
        assert_eq!(saved, one.saved_bytes, "{one:?}");
        done.push((one.advice, one.saved_bytes));
    }
    assert_eq!(
        done,
        [
            (Advice::JoinRuns, 300_000),
            (Advice::CleanCache, 20_000),
            (Advice::SetOnCopy, 5600)
        ]
    );
    let analysis = inspect();
    let owners: Vec<_> = analysis
        .tree
        .iter()
        .filter(|entry| entry.path.starts_with("app"))
        .map(|entry| (entry.path.as_str(), entry.uid, entry.gid))
        .collect();
    assert_eq!(
        owners,
        [("app", 7, 8), ("app/one", 7, 8), ("app/two", 7, 8)]
    );
    assert!(!analysis.tree.iter().any(|entry| entry.path == "made"));
    let new = fs::read_to_string(&file).unwrap();
    assert!(
        new.contains("COPY --chown=7:8 one two ./\nRUN chown 7:8 /app\n"),
        "{new}"
    );
}

#[test]
fn a_dockerfile_of_another_image_is_told_by_its_line() {
    let Some(world) = World::with_busybox("a_dockerfile_of_another_image_is_told_by_its_line")
    else {
        return;
    };
    let file = world.path("Dockerfile");
    let name = file.to_str().unwrap();
    let ask = ["inspect", "busybox", "--suggest", "--dockerfile", name];
    fs::write(&file, "FROM scratch\n\nRUN make\n").unwrap();
    let said = world.fails(1, &ask);
    assert!(said.contains("Dockerfile:3: RUN make"), "{said}");
    fs::write(&file, "FROM scratch\nRUNN make\n").unwrap();
    let said = world.fails(1, &ask);
    assert!(said.contains("Dockerfile:2: "), "{said}");
    fs::remove_file(&file).unwrap();
    assert!(world.fails(1, &ask).contains("open the Dockerfile"));
    let without = ["inspect", "busybox", "--dockerfile", name];
    let output = world.estiva(&without);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--suggest"));
}

/// To the byte: the tars of the image that was built without these are as much smaller.
#[test]
fn an_image_without_files_weighs_what_was_said() {
    let Some(world) = World::with_busybox("an_image_without_files_weighs_what_was_said") else {
        return;
    };
    let context = world.path("context");
    fs::create_dir(&context).unwrap();
    for (name, bytes) in [("one", 5000), ("two", 600)] {
        fs::write(context.join(name), vec![b'x'; bytes]).unwrap();
    }
    let built = |name: &str, text: &str| -> ImageAnalysis {
        fs::write(context.join("Dockerfile"), text).unwrap();
        world.ok(&[
            "build",
            "--network",
            "none",
            "-t",
            name,
            context.to_str().unwrap(),
        ]);
        from_str(&world.ok(&["inspect", name, "--json"])).unwrap()
    };
    let all = built(
        "all",
        "FROM busybox
COPY one two /srv/
RUN mkdir -p /data/deep && head -c 300001 /dev/zero > /data/deep/a && ln /data/deep/a /data/b && ln -s a /data/c && echo k > /keep
RUN echo more > /more && head -c 7000 /dev/zero > /big
RUN rm /big && echo w > /w
",
    );
    let less = built(
        "less",
        "FROM busybox
COPY two /srv/
RUN echo k > /keep
RUN echo more > /more
RUN echo w > /w
",
    );
    let ask = [
        "inspect",
        "all",
        "--without",
        "/data/",
        "--without=srv/one",
        "--without-waste=deleted_file",
    ];
    let found: WhatIf = from_str(&world.ok(&[&ask[..], &["--json"]].concat())).unwrap();
    // The whiteout of what was never there goes as well, which is not counted.
    let whiteout = 512;
    assert_eq!(
        all.image.uncompressed_bytes - found.saved_bytes,
        less.image.uncompressed_bytes + whiteout
    );
    let parts: Vec<_> = found
        .parts
        .iter()
        .map(|part| (&part.left_out, part.entries))
        .collect();
    assert_eq!(
        parts,
        [
            (&LeftOut::Path("data".into()), 5),
            (&LeftOut::Path("srv/one".into()), 1),
            (&LeftOut::Waste("deleted_file".into()), 1),
        ]
    );
    let text = world.ok(&ask);
    assert!(
        text.contains("/srv/one") && text.contains(" less, "),
        "{text}"
    );
    let said = world.fails(1, &["inspect", "all", "--without", "srv/three"]);
    assert!(said.contains("found /srv/three"), "{said}");
    let said = world.fails(1, &["inspect", "all", "--without-layer", "9"]);
    assert!(said.contains("found 9"), "{said}");
    let said = world.fails(1, &["inspect", "all", "--without", "a", "--suggest"]);
    assert!(said.contains("cannot be used with"), "{said}");
}

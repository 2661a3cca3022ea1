//! What is suggested for an image is what a rebuild saves: the patches are applied, and the image is built again.

// Closures and helpers beside the tests panic as tests do.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod world;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use estiva_shared::image::ImageAnalysis;
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

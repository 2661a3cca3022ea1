//! Patches of Dockerfiles: what people's tools apply, and that none of them ever fails.
// Tools and proptest run on the host alone.
#![cfg(not(target_arch = "wasm32"))]

mod image_support;
mod suggest_support;

use estiva_shared::dockerfile;
use estiva_shared::suggest::{ApplyError, apply as apply_all, suggest_for};
use image_support::*;
use proptest::prelude::*;
use suggest_support::*;

/// `git apply` and `patch` are what people use; what they refuse is no patch.
#[test]
fn git_applies_the_patches() {
    use std::process::Command;
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: git is not installed");
        return;
    }
    let analysis = removed("dd of=/big", "rm /big");
    for text in [
        "FROM debian\nRUN dd of=/big\nRUN rm /big\nCMD [\"sh\"]\n",
        "FROM debian\r\nRUN dd \\\r\n of=/big\r\n\r\nRUN rm /big\r\n",
        "# a\n# b\n# c\n# d\nFROM debian\n\n\nRUN dd of=/big\nLABEL a=1\nLABEL b=1\nLABEL c=1\nLABEL d=1\nLABEL e=1\nLABEL f=1\nLABEL g=1\nLABEL h=1\nRUN rm /big",
    ] {
        let suggestions = suggest_for(&analysis, Some(text));
        let one = only(&suggestions);
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join("Dockerfile"), text).unwrap();
        std::fs::write(folder.path().join("patch"), one.diff.as_ref().unwrap()).unwrap();
        let applied = Command::new("git")
            .args([
                "-c",
                "core.autocrlf=false",
                "apply",
                "--whitespace=nowarn",
                "patch",
            ])
            .env("GIT_CEILING_DIRECTORIES", folder.path().parent().unwrap())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            applied.status.success(),
            "{}",
            String::from_utf8_lossy(&applied.stderr)
        );
        let new = std::fs::read_to_string(folder.path().join("Dockerfile")).unwrap();
        assert_eq!(new, patched(text, one));
    }
}

const LINES: [&str; 14] = [
    "RUN a && b",
    "RUN set -e; a; b",
    "RUN (a; b)",
    "RUN a \\\n  # c\n\n  && b",
    "RUN a \\",
    "RUN <<EOF\na\nEOF",
    "RUN [\"a\"]",
    "RUN --mount=type=cache,target=/x a",
    "COPY a /app/",
    "COPY [\"a\", \"/app/\"]",
    "RUN chown -R a:b /app",
    "ENV A=b",
    "# comment",
    "FROM y AS z",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Whatever the text, a patch applies, and the file that it makes has no mistake.
    #[test]
    fn no_patch_ever_fails(picked in proptest::collection::vec(0..LINES.len(), 1..9), ending in 0usize..3) {
        let newline = if ending == 1 { "\r\n" } else { "\n" };
        let mut text = "FROM x\n".to_owned();
        for line in &picked {
            text.push_str(LINES[*line]);
            text.push('\n');
        }
        let mut text = text.replace('\n', newline);
        if ending == 2 {
            text.pop();
        }
        let (parsed, _) = dockerfile::parse(&text);
        let making: Vec<_> = parsed.stages.iter().flat_map(|stage| &stage.instructions)
            .filter(|one| matches!(&*one.name, "RUN" | "COPY")).collect();
        let count = making.len();
        // Every instruction makes a cache, an archive and a file, and removes or changes what the ones before made.
        let history: Vec<_> = making.iter().map(|one| match &one.kind {
            dockerfile::InstructionKind::Copy { .. } => "COPY a /app/".to_owned(),
            dockerfile::InstructionKind::Run(dockerfile::Command::Exec(words)) => format!("RUN {}", words.join(" ")),
            _ => format!("RUN /bin/sh -c {} # buildkit", one.text),
        }).collect();
        let items: Vec<Vec<Item>> = (0..count).map(|number| {
            let mut items = vec![
                sized(&format!("root/.npm/_cacache/{number}"), 10 + number, 1),
                sized(&format!("tmp/{number}.tgz"), 40 + number, 2),
                sized(&format!("made{number}"), 70 + number, 3),
            ];
            if number > 0 {
                items.push(file(&format!(".wh.made{}", number - 1), ""));
            }
            if history[number].contains("chown") {
                items = vec![sized("app/a", 5, 1).owner(1)];
            } else if history[number].starts_with("COPY") {
                items = vec![sized("app/a", 5, 1)];
            }
            items
        }).collect();
        let lines: Vec<_> = history.iter().map(String::as_str).zip(items.iter().map(Vec::as_slice)).collect();
        let analysis = image(&lines);
        let list = suggest_for(&analysis, Some(&text)).list;
        let diffs: Vec<_> = list.iter().filter_map(|one| one.diff.as_deref()).collect();
        for one in list.iter().filter(|one| one.diff.is_some()) {
            let new = patched(&text, one);
            prop_assert_eq!(apply_all(&text, &[one.diff.as_deref().unwrap()]), Ok(new));
        }
        // Two of them go together, or one is told to be in the other's way.
        for (number, one) in diffs.iter().enumerate() {
            for other in &diffs[number + 1..] {
                let both = apply_all(&text, &[one, other]);
                prop_assert_eq!(&both, &apply_all(&text, &[other, one]));
                prop_assert!(matches!(both, Ok(_) | Err(ApplyError::Overlap { .. })), "{:?}", both);
            }
        }
    }

    /// Whatever the commands, they are looked at to their end, and a patch of them applies.
    #[test]
    fn any_command_is_read(made in "[a-z &|;()<>'\"$#{}=`\\\\é\t-]{1,40}", gone in "(set -e; )?\\PC{1,40}") {
        let text = format!("FROM x\nRUN {made}\nRUN {gone}\n");
        let (parsed, _) = dockerfile::parse(&text);
        let runs: Vec<_> = parsed.stages.iter().flat_map(|stage| &stage.instructions).skip(1)
            .map(|one| one.text.as_str()).collect();
        if let [made, gone] = runs[..] {
            let suggestions = suggest_for(&removed(made, gone), Some(&text));
            for suggestion in suggestions.list.iter().filter(|one| one.diff.is_some()) {
                patched(&text, suggestion);
            }
        }
    }
}

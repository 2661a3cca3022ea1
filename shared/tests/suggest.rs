//! Suggestions: for each cause what to do, on which lines, and patches that apply and say what was meant.

mod image_support;
mod suggest_support;

use estiva_shared::suggest::{Advice, Fit, LineRange, suggest_for};
use image_support::*;
use suggest_support::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn lines(first: u32, last: u32) -> LineRange {
    LineRange { first, last }
}

#[test]
fn a_run_that_removes_is_joined_with_the_one_that_makes() {
    let analysis = removed("dd of=/big", "rm /big");
    let text =
        "FROM debian\nRUN dd of=/big\n# no more needed\nLABEL a=b\nRUN rm /big\nCMD [\"sh\"]\n";
    let suggestions = suggest_for(&analysis, Some(text));
    let one = only(&suggestions);
    assert_eq!(one.advice, Advice::JoinRuns);
    assert_eq!(one.causes, ["deleted_file"]);
    assert_eq!((one.saved_bytes, one.files), (1000, 1));
    assert_eq!((&*one.made_by, one.hidden_by), (&[1][..], Some(2)));
    assert_eq!(one.lines, [lines(2, 2), lines(5, 5)]);
    assert_eq!(one.paths, ["big"]);
    assert_eq!(
        patched(text, one),
        "FROM debian\nRUN dd of=/big \\\n    && rm /big\n# no more needed\nLABEL a=b\nCMD [\"sh\"]\n"
    );
}

#[test]
fn commands_that_change_their_shell_are_joined_in_parentheses() {
    let analysis = removed("cd / && dd of=big", "rm /big || true; echo gone");
    let text = "FROM debian\nRUN cd / && \\\n  # the file\n  dd of=big\nRUN \\\n    rm /big || true; \\\n    echo gone";
    let suggestions = suggest_for(&analysis, Some(text));
    assert_eq!(
        patched(text, only(&suggestions)),
        "FROM debian\nRUN ( cd / && \\\n  # the file\n  dd of=big ) \\\n    && ( rm /big || true; \\\n    echo gone )\n"
    );
}

#[test]
fn what_stands_between_or_is_not_understood_gives_no_patch() {
    for (made, gone, text) in [
        ("a", "b", "FROM x\nRUN a\nWORKDIR /\nRUN b\n"),
        ("a", "b", "FROM x\nRUN a\nENV A=b\nRUN b\n"),
        ("a", "b", "FROM x\nRUN a\nUSER me\nRUN b\n"),
        (
            "a",
            "b",
            "FROM x\nSHELL [\"/bin/bash\", \"-c\"]\nRUN a\nRUN b\n",
        ),
        ("a", "b", "FROM x\nRUN --network=none a\nRUN b\n"),
        ("a", "b", "FROM x AS y\nRUN a\nFROM y\nRUN b\n"),
        ("set -x; a", "b", "FROM x\nRUN set -x; a\nRUN b\n"),
        ("a &", "b", "FROM x\nRUN a &\nRUN b\n"),
        ("a", "b", "FROM x\nRUN [\"a\"]\nRUN b\n"),
    ] {
        let suggestions = suggest_for(&removed(made, gone), Some(text));
        let one = only(&suggestions);
        assert_eq!(one.advice, Advice::JoinRuns, "{text}");
        assert_eq!(one.lines.len(), 2, "{text}");
        assert_eq!(one.diff, None, "{text}");
    }
}

#[test]
fn without_a_dockerfile_or_with_another_there_are_words_alone() {
    let analysis = removed("a", "b");
    let one = suggest_for(&analysis, None);
    assert_eq!(one.dockerfile, Fit::NotGiven);
    assert_eq!(one.list[0].advice, Advice::JoinRuns);
    assert!(one.list[0].lines.is_empty() && one.list[0].diff.is_none());
    for (text, line, found, expected) in [
        ("FROM x\nRUN a\nRUN c\n", Some(3), "RUN c", "RUN b"),
        ("FROM x\nRUN c\nRUN b\n", Some(2), "RUN c", "RUN a"),
        ("FROM x\nCOPY b .\n", Some(2), "COPY b .", "RUN b"),
        (
            "FROM x\nRUN 0\nCOPY . .\nRUN a\nRUN b\n",
            Some(3),
            "COPY . .",
            "ADD file:1 in /",
        ),
        ("FROM x\nCMD a\n", None, "", "RUN b"),
    ] {
        let suggestions = suggest_for(&analysis, Some(text));
        let fit = Fit::Other {
            line,
            found: found.into(),
            expected: expected.into(),
        };
        assert_eq!(suggestions.dockerfile, fit, "{text}");
        assert!(suggestions.list[0].lines.is_empty() && suggestions.list[0].diff.is_none());
    }
    let broken = suggest_for(&analysis, Some("FROM x\nRUNN b\n"));
    assert!(
        matches!(broken.dockerfile, Fit::Broken { line: 2, .. }),
        "{broken:?}"
    );
    assert_eq!(broken.list, one.list);
}

#[test]
fn joining_over_others_counts_what_goes_between() {
    let analysis = image(&[
        ("RUN one", &[sized("a", 1000, 1), sized("b", 500, 2)]),
        ("RUN two", &[file(".wh.a", "")]),
        ("RUN three", &[sized("b", 1, 3)]),
    ]);
    let text = "FROM x\nRUN one\nRUN two\nRUN three\n";
    let found = suggest_for(&analysis, Some(text));
    assert_eq!(found.list.len(), 2);
    let (all, some) = (&found.list[0], &found.list[1]);
    assert_eq!((all.saved_bytes, some.saved_bytes), (1500, 1000));
    assert_eq!((all.hidden_by, some.hidden_by), (Some(2), Some(1)));
    assert_eq!(all.causes, ["overwritten", "deleted_file"]);
    assert_eq!(all.lines, [lines(2, 2), lines(3, 3), lines(4, 4)]);
    assert_eq!(
        patched(text, all),
        "FROM x\nRUN one \\\n    && two \\\n    && three\n"
    );
    // Without the file each is told for itself.
    let bytes: Vec<_> = suggest_for(&analysis, None)
        .list
        .iter()
        .map(|one| one.saved_bytes)
        .collect();
    assert_eq!(bytes, [1000, 500]);
}

#[test]
fn the_stage_that_was_built_is_found_and_its_base_stages_count() {
    let analysis = image(&[
        ("RUN make # buildkit", &[sized("big", 1000, 2)]),
        (
            "RUN |1 A=b /bin/sh -c strip # buildkit",
            &[sized("big", 10, 3)],
        ),
    ]);
    let text = "FROM x AS one\nRUN make\nFROM One AS two\nRUN strip\nFROM x\nRUN other\n";
    let suggestions = suggest_for(&analysis, Some(text));
    let one = only(&suggestions);
    assert_eq!(one.causes, ["overwritten"]);
    assert_eq!(one.lines, [lines(2, 2), lines(4, 4)]);
}

#[test]
fn what_the_base_brought_is_told_apart() {
    let analysis = removed("a", "b");
    let suggestions = suggest_for(&analysis, Some("FROM x\nRUN b\n"));
    let one = only(&suggestions);
    assert_eq!(one.advice, Advice::ChangeBase);
    assert_eq!((one.made_by.as_slice(), one.hidden_by), (&[1][..], Some(2)));
    assert_eq!(one.lines, [lines(2, 2)]);
    assert_eq!(one.diff, None);
}

#[test]
fn caches_are_emptied_in_the_run_that_fills_them() {
    let lists = [
        sized("var/lib/apt/lists/a_Packages", 700, 1),
        sized("var/lib/apt/lists/partial/b", 70, 2),
        sized("var/cache/apt/archives/curl.deb", 7, 3),
    ];
    let command = "apt-get update && apt-get install -y curl";
    let analysis = image(&[(&format!("RUN /bin/sh -c {command} # buildkit"), &lists)]);
    let text = "FROM debian\nRUN apt-get update && \\\n    apt-get install -y curl\r\nRUN true\n";
    // Its own RUN makes no layer, and may stand in the history as empty.
    let mut with_true = analysis.clone();
    with_true
        .image
        .history
        .push(estiva_shared::image::HistoryView {
            created_by: "RUN /bin/sh -c true # buildkit".into(),
            created: None,
            comment: None,
            empty_layer: true,
            layer: None,
        });
    let suggestions = suggest_for(&with_true, Some(text));
    let one = only(&suggestions);
    assert_eq!((one.advice, one.saved_bytes), (Advice::CleanCache, 777));
    assert_eq!(one.manager.as_deref(), Some("apt"));
    assert_eq!(one.lines, [lines(2, 3)]);
    let new = patched(text, one);
    assert!(
        new.contains("    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb"),
        "{new}"
    );
    // Later instructions that may read the cache, or a RUN as somebody else.
    for (first, last) in [
        (command, "apt-get install -y git"),
        (command, "./install.sh"),
        (command, "sh -c x"),
        ("sudo apt-get update", "true"),
    ] {
        let analysis = image(&[
            (&format!("RUN /bin/sh -c {first} # buildkit"), &lists[..1]),
            (&format!("RUN /bin/sh -c {last} # buildkit"), &[]),
        ]);
        let text = format!("FROM debian\nRUN {first}\nRUN {last}\n");
        let suggestions = suggest_for(&analysis, Some(&text));
        assert_eq!(only(&suggestions).diff, None, "{text}");
    }
}

#[test]
fn a_strict_run_goes_on_after_a_semicolon() {
    let command = "set -eux; pip install flask; flask --version";
    let cache = [sized("root/.cache/pip/x", 900, 1)];
    let analysis = image(&[(&format!("RUN /bin/sh -c {command} # buildkit"), &cache)]);
    let text = format!("FROM python\nRUN {command}\nEXPOSE 80\n");
    let suggestions = suggest_for(&analysis, Some(&text));
    assert_eq!(
        patched(&text, only(&suggestions)),
        format!("FROM python\nRUN {command}; \\\n    rm -rf /root/.cache/pip/*\nEXPOSE 80\n")
    );
}

#[test]
fn archives_are_removed_where_nothing_needs_them() {
    let command = "curl -o /tmp/a.tgz https://x.org/a.tgz && tar -xf /tmp/a.tgz -C /srv";
    let history = format!("RUN /bin/sh -c {command} # buildkit");
    let items = [sized("tmp/a.tgz", 300, 1)];
    let text = format!("# escape=`\nFROM x\nRUN {command}\nCMD [\"/srv/a\"]\n");
    let suggestions = suggest_for(&image(&[(&history, &items)]), Some(&text));
    let one = only(&suggestions);
    assert_eq!(one.advice, Advice::RemoveArchive);
    assert_eq!(
        patched(&text, one),
        format!(
            "# escape=`\nFROM x\nRUN {command} `\n    && rm -rf /tmp/a.tgz\nCMD [\"/srv/a\"]\n"
        )
    );
    let text = format!("FROM x\nRUN {command}\nCMD tar -xf /tmp/a.tgz\n");
    let suggestions = suggest_for(&image(&[(&history, &items)]), Some(&text));
    assert_eq!(only(&suggestions).diff, None);
    // Copied, not made.
    let copied = image(&[("COPY a.tgz /tmp/ # buildkit", &items)]);
    let suggestions = suggest_for(&copied, Some("FROM x\nCOPY a.tgz /tmp/\n"));
    assert_eq!(only(&suggestions).advice, Advice::CopyLess);
}

#[test]
fn owner_is_set_by_copy_and_the_folder_that_was_there_keeps_its_line() {
    let analysis = image(&[
        ("WORKDIR /app", &[folder("app/")]),
        (
            "COPY a b ./ # buildkit",
            &[
                folder("app/"),
                sized("app/a", 100, 1),
                sized("app/b", 20, 2),
            ],
        ),
        (
            "COPY src src # buildkit",
            &[folder("app/"), folder("app/src/"), sized("app/src/c", 3, 3)],
        ),
        (
            "RUN /bin/sh -c chown -R node:node /app # buildkit",
            &[
                folder("app/").owner(7),
                sized("app/a", 100, 1).owner(7),
                sized("app/b", 20, 2).owner(7),
                folder("app/src/").owner(7),
                sized("app/src/c", 3, 3).owner(7),
            ],
        ),
    ]);
    let text = "FROM node\nWORKDIR /app\nCOPY a b ./\nCOPY src src\nRUN chown -R node:node \\\n  /app\nUSER node\n";
    let suggestions = suggest_for(&analysis, Some(text));
    let one = only(&suggestions);
    assert_eq!((one.advice, one.saved_bytes), (Advice::SetOnCopy, 123));
    assert_eq!(one.made_by, [1, 2]);
    assert_eq!(one.lines, [lines(3, 3), lines(4, 4), lines(5, 6)]);
    assert_eq!(
        patched(text, one),
        "FROM node\nWORKDIR /app\nCOPY --chown=node:node a b ./\nCOPY --chown=node:node src src\nRUN chown node:node /app\nUSER node\n"
    );
}

#[test]
fn mode_is_set_by_copy_and_the_run_goes() {
    let copied = [sized("usr/bin/go.sh", 50, 1)];
    let changed = [
        folder("usr/bin/"),
        sized("usr/bin/go.sh", 50, 1).mode(0o755),
    ];
    let base = [folder("usr/bin/")];
    let made = |run: &str, copied: &[Item], changed: &[Item]| {
        image(&[
            ("ADD base /", &base),
            ("COPY go.sh /usr/bin/ # buildkit", copied),
            (&format!("RUN /bin/sh -c {run} # buildkit"), changed),
        ])
    };
    let text = |run: &str| format!("FROM x\nCOPY --from=a go.sh /usr/bin/\nRUN {run}\nCMD go.sh\n");
    let run = "chmod 755 /usr/bin/go.sh";
    let suggestions = suggest_for(&made(run, &copied, &changed), Some(&text(run)));
    assert_eq!(
        patched(&text(run), only(&suggestions)),
        "FROM x\nCOPY --chmod=755 --from=a go.sh /usr/bin/\nCMD go.sh\n"
    );
    // More than is read, more that was copied, more that was written.
    let more_copied = [sized("usr/bin/go.sh", 50, 1), sized("usr/bin/x", 1, 2)];
    let more_changed = [
        sized("usr/bin/go.sh", 50, 1).mode(0o755),
        sized("usr/bin/y", 1, 2),
    ];
    for (run, copied, changed) in [
        ("chmod +x /usr/bin/go.sh", &copied[..], &changed[..]),
        ("chmod 755 go.sh", &copied, &changed),
        ("chmod -R 755 /usr/bin", &copied, &changed),
        ("chown me /usr/bin/go.sh", &copied, &changed),
        ("chown $A:b /usr/bin/go.sh", &copied, &changed),
        ("chmod 755 /usr/bin/go.sh && true", &copied, &changed),
        ("chmod 755 /usr/bin/go.sh", &more_copied, &changed),
        ("chmod 755 /usr/bin/go.sh", &copied, &more_changed),
    ] {
        let suggestions = suggest_for(&made(run, copied, changed), Some(&text(run)));
        let one = &suggestions.list[0];
        assert_eq!((one.advice, &one.diff), (Advice::SetOnCopy, &None), "{run}");
    }
}

#[test]
fn every_cause_has_its_advice() {
    let one = |lines: &[(&str, &[Item])]| {
        let suggestions = suggest_for(&image(lines), None);
        assert_eq!(suggestions.list.len(), 1);
        suggestions.list[0].advice
    };
    let a = [sized("a", 9, 1)];
    let gone = [file(".wh.a", "")];
    assert_eq!(
        one(&[("COPY a /", &a), ("RUN rm a", &gone)]),
        Advice::CopyLess
    );
    assert_eq!(
        one(&[("COPY a /", &a), ("COPY b /a", &[sized("a", 9, 2)])]),
        Advice::WriteOnce
    );
    assert_eq!(
        one(&[("COPY a /", &a), ("COPY c /c", &[sized("c", 9, 1)])]),
        Advice::KeepOneCopy
    );
    assert_eq!(
        one(&[("bazel", &a), ("bazel", &gone)]),
        Advice::BuildInStage
    );
    assert_eq!(
        one(&[("RUN x", &[sized("var/cache/apk/x", 1, 1)])]),
        Advice::CleanCache
    );
}

//! What the parser makes of Dockerfiles: the documented forms of `docker/dockerfile:1`, and what it says of mistakes.

use estiva_shared::dockerfile::{
    Command, Diagnostic, Dockerfile, Instruction, InstructionKind, Severity, Span, Word,
    needed_stages, not_built, parse, resolve_stage,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Parses what must have no errors.
fn good(source: &str) -> Dockerfile {
    let (dockerfile, diagnostics) = parse(source);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{source}\n{errors:#?}");
    dockerfile
}

/// The instruction after FROM, of a file that consists of the two.
fn only(instruction: &str) -> Instruction {
    let dockerfile = good(&format!("FROM a\n{instruction}"));
    assert_eq!(dockerfile.stages[0].instructions.len(), 2, "{instruction}");
    dockerfile.stages[0].instructions[1].clone()
}

fn diagnostics(source: &str) -> Vec<Diagnostic> {
    parse(source).1
}

/// Code and source text of each diagnostic.
fn found(source: &str) -> Vec<(String, &str)> {
    diagnostics(source)
        .into_iter()
        .map(|found| (found.code, text(source, found.span)))
        .collect()
}

fn codes(source: &str) -> Vec<String> {
    diagnostics(source)
        .into_iter()
        .map(|found| found.code)
        .collect()
}

fn text(source: &str, span: Span) -> &str {
    &source[span.start.offset as usize..span.end.offset as usize]
}

fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

fn shell(line: &str) -> Command {
    Command::Shell(line.to_owned())
}

fn exec(words: &[&str]) -> Command {
    Command::Exec(words.iter().map(|&word| word.to_owned()).collect())
}

#[test]
fn stages_hold_their_instructions_and_arguments_before_them_are_global() {
    let source = "ARG V=1\nfrom alpine:$V as Build\nRUN x\nFROM scratch\nCOPY --from=build /a /b\nCMD [\"/b\"]\n";
    let dockerfile = good(source);
    assert_eq!(dockerfile.global_args.len(), 1);
    let names: Vec<_> = dockerfile
        .stages
        .iter()
        .map(|stage| stage.name.as_deref())
        .collect();
    assert_eq!(names, [Some("build"), None]);
    assert_eq!(dockerfile.stages[0].base.text, "alpine:$V");
    assert_eq!(dockerfile.stages[0].instructions[0].name, "FROM");
    assert_eq!(
        text(source, dockerfile.stages[0].span),
        "from alpine:$V as Build\nRUN x"
    );
    assert_eq!(dockerfile.stages[1].instructions.len(), 3);
    assert_eq!(
        dockerfile.stages[1].instructions[1].flags[0]
            .value
            .as_deref(),
        Some("build")
    );
}

#[test]
fn directives_stand_at_the_top_and_change_the_escape() {
    let dockerfile =
        good("# Syntax = docker/dockerfile:1\n#escape=`\n\nFROM a\nCOPY a `\n  C:\\b\n");
    let directives: Vec<_> = dockerfile
        .directives
        .iter()
        .map(|found| (found.name.as_str(), found.value.text.as_str()))
        .collect();
    assert_eq!(
        directives,
        [("syntax", "docker/dockerfile:1"), ("escape", "`")]
    );
    let InstructionKind::Copy {
        sources,
        destination,
    } = &dockerfile.stages[0].instructions[1].kind
    else {
        panic!("not COPY")
    };
    assert_eq!(
        (texts(sources), destination.text.as_str()),
        (vec!["a"], "C:\\b")
    );
}

#[test]
fn a_directive_below_a_comment_is_a_comment_and_says_so() {
    assert_eq!(
        found("# hello\n# escape=`\nFROM a\n"),
        [("late-directive".to_owned(), "# escape=`")]
    );
    assert_eq!(codes("# escape=x\nFROM a"), ["bad-escape-directive"]);
    assert_eq!(
        codes("# escape=`\n# escape=\\\nFROM a"),
        ["duplicate-directive"]
    );
}

#[test]
fn continued_lines_join_as_docker_joins_them() {
    for (source, line) in [
        ("RUN a \\\n  b", "a   b"),
        ("RUN a \\  \n# comment\n   # another\n && b", "a  && b"),
        ("RUN a\\\nb", "ab"),
        ("RUN a \\\r\n b\r\n", "a  b"),
        ("RUN echo a\\\\", "echo a\\\\"),
        ("  RUN\ta", "a"),
        ("RUN \\\n a", "a"),
        ("RUN a # b", "a # b"),
        ("RUN a \\", "a"),
    ] {
        assert_eq!(
            only(source).kind,
            InstructionKind::Run(shell(line)),
            "{source:?}"
        );
    }
}

#[test]
fn an_empty_line_inside_an_instruction_is_a_warning() {
    let source = "FROM a\nRUN b \\\n\n c\n";
    let (dockerfile, diagnostics) = parse(source);
    assert_eq!(
        dockerfile.stages[0].instructions[1].kind,
        InstructionKind::Run(shell("b  c"))
    );
    let found: Vec<_> = diagnostics
        .iter()
        .map(|found| (found.code.as_str(), found.span.start.line))
        .collect();
    assert_eq!(found, [("empty-continuation", 3)]);
    assert!(codes("FROM a\nRUN b \\\n\n\n").is_empty());
}

#[test]
fn commands_have_a_shell_form_and_a_json_form() {
    assert_eq!(
        only("CMD [\"a\", \"b c\"]").kind,
        InstructionKind::Cmd(exec(&["a", "b c"]))
    );
    assert_eq!(
        only("ENTRYPOINT a \"b c\"").kind,
        InstructionKind::Entrypoint(shell("a \"b c\""))
    );
    assert_eq!(only("CMD []").kind, InstructionKind::Cmd(exec(&[])));
    assert_eq!(
        only("RUN [ -f a ] && b").kind,
        InstructionKind::Run(shell("[ -f a ] && b"))
    );
    assert_eq!(
        only("RUN [\"a\", \\\n \"b\"]").kind,
        InstructionKind::Run(exec(&["a", "b"]))
    );
}

#[test]
fn broken_json_is_a_line_for_the_shell_with_a_warning() {
    let source = "FROM a\nCMD ['a', 'b']";
    let (dockerfile, diagnostics) = parse(source);
    assert_eq!(
        dockerfile.stages[0].instructions[1].kind,
        InstructionKind::Cmd(shell("['a', 'b']"))
    );
    assert_eq!(
        (diagnostics[0].code.as_str(), diagnostics[0].severity),
        ("not-json", Severity::Warning)
    );
    assert_eq!(codes("FROM a\nCMD [\"a\", 1]"), ["json-not-strings"]);
}

/// A list without its last bracket passed in silence, and the shell was then given the bracket that it has.
#[test]
fn a_json_list_that_is_not_closed_is_warned_of() {
    assert_eq!(codes("FROM a\nENTRYPOINT [\"/app\""), ["not-json"]);
    assert_eq!(codes("FROM a\nCMD ['a', 'b'"), ["not-json"]);
    assert!(codes("FROM a\nRUN [ \"$a\" = b ] && c").is_empty());
    assert!(codes("FROM a\nRUN [ -f a").is_empty());
}

#[test]
fn pairs_have_a_modern_and_an_older_form() {
    let pairs = |source: &str| match only(source).kind {
        InstructionKind::Env(pairs) | InstructionKind::Label(pairs) => pairs
            .into_iter()
            .map(|(name, value)| (name.text, value.text))
            .collect::<Vec<_>>(),
        other => panic!("{source}: {other:?}"),
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        pairs("ENV A=1 B=\"x y\" C=a\\ b D="),
        [
            pair("A", "1"),
            pair("B", "\"x y\""),
            pair("C", "a\\ b"),
            pair("D", "")
        ]
    );
    assert_eq!(pairs("ENV A  b = c "), [pair("A", "b = c")]);
    assert_eq!(
        pairs("LABEL \"a b\"=c d=e=f"),
        [pair("\"a b\"", "c"), pair("d", "e=f")]
    );
    assert_eq!(
        pairs("ENV A=1 \\\n  # why\n  B=2"),
        [pair("A", "1"), pair("B", "2")]
    );
}

#[test]
fn white_space_beyond_ascii_belongs_to_words_and_ends_flags() {
    // Found by comparing with BuildKit's parser on made-up files.
    let InstructionKind::Env(pairs) = only("ENV \u{a0}A \u{a0}\t b").kind else {
        panic!("not ENV")
    };
    assert_eq!(
        (pairs[0].0.text.as_str(), pairs[0].1.text.as_str()),
        ("A", "\u{a0}\t b")
    );
    assert!(only("COPY \u{a0}--from=x a b").flags.is_empty());
}

#[test]
fn arguments_may_have_defaults() {
    let InstructionKind::Arg(declarations) = only("ARG A B=1 C=").kind else {
        panic!("not ARG")
    };
    let plain: Vec<_> = declarations
        .iter()
        .map(|(name, default)| {
            (
                name.text.as_str(),
                default.as_ref().map(|default| default.text.as_str()),
            )
        })
        .collect();
    assert_eq!(plain, [("A", None), ("B", Some("1")), ("C", Some(""))]);
}

#[test]
fn copy_takes_words_or_json_with_the_place_of_each() {
    let source = "FROM a\nCOPY --chown=1:2 [\"a b\", \"c\", \"/d/\"]";
    let dockerfile = good(source);
    let instruction = &dockerfile.stages[0].instructions[1];
    let InstructionKind::Copy {
        sources,
        destination,
    } = &instruction.kind
    else {
        panic!("not COPY")
    };
    assert_eq!(
        (texts(sources), destination.text.as_str()),
        (vec!["a b", "c"], "/d/")
    );
    assert_eq!(text(source, sources[0].span), "\"a b\"");
    assert_eq!(text(source, instruction.flags[0].span), "--chown=1:2");
    assert_eq!(instruction.text, "[\"a b\", \"c\", \"/d/\"]");
}

#[test]
fn a_heredoc_is_consumed_and_not_built() {
    let source = "FROM a\nRUN <<-EOF cat <<'B' > /x\n\tFROM b\n\tEOF\nRUN no\nB\nUSER u\n";
    let dockerfile = good(source);
    let instructions = &dockerfile.stages[0].instructions;
    assert_eq!(instructions.len(), 3);
    assert_eq!(instructions[1].kind, InstructionKind::NotBuilt);
    let documents: Vec<_> = instructions[1]
        .heredocs
        .iter()
        .map(|found| {
            (
                found.name.as_str(),
                found.expand,
                found.strip_tabs,
                text(source, found.content),
            )
        })
        .collect();
    assert_eq!(
        documents,
        [
            ("EOF", true, true, "\tFROM b\n"),
            ("B", false, false, "RUN no\n")
        ]
    );
    assert_eq!(
        text(source, instructions[1].span),
        &source[7..source.len() - 8]
    );
    let refused = not_built(&dockerfile);
    assert_eq!(refused.len(), 1);
    assert_eq!(
        refused[0].message,
        "expected what Estiva builds, but found: RUN with a here-document"
    );
    assert_eq!(refused[0].span.start.line, 2);
}

#[test]
fn a_heredoc_without_its_end_is_one_mistake() {
    assert_eq!(
        codes("FROM a\nRUN <<EOF\nFORM x\nRNU y\n"),
        ["unterminated-heredoc"]
    );
    assert_eq!(
        codes("FROM a\nONBUILD RUN <<EOF\nFORM x\nEOF\n"),
        Vec::<String>::new()
    );
    // Of other instructions, and of the JSON form, it is plain text.
    assert_eq!(
        good("FROM a\nENV A=<<EOF\nRUN [\"<<B\"]\n").stages[0]
            .instructions
            .len(),
        3
    );
}

#[test]
fn what_is_read_but_not_built_is_named() {
    let source = "# syntax=foo/bar:2\nFROM --platform=linux/arm64 a\nADD a b\nRUN --mount=type=cache,target=/c \
                  --network=none x\nCOPY --link --chmod=644 a b\nHEALTHCHECK --interval=5s CMD x\nONBUILD RUN x\n\
                  SHELL [\"bash\"]\nSTOPSIGNAL 9\nVOLUME /v\nMAINTAINER me\n";
    let refused: Vec<_> = not_built(&good(source))
        .into_iter()
        .map(|found| {
            (
                found.message.rsplit(": ").next().unwrap().to_owned(),
                found.span.start.line,
            )
        })
        .collect();
    let named = |name: &str, line| (name.to_owned(), line);
    assert_eq!(
        refused,
        [
            named("the front end foo/bar:2", 1),
            named("FROM --platform", 2),
            named("ADD", 3),
            named("RUN --mount", 4),
            named("COPY --link", 5),
            named("HEALTHCHECK", 6),
            named("ONBUILD", 7),
            named("SHELL", 8),
            named("STOPSIGNAL", 9),
            named("VOLUME", 10),
            named("MAINTAINER", 11),
        ]
    );
    assert!(good(source).stages[0].instructions[1].text.contains("a b"));
}

#[test]
fn dockers_own_front_ends_are_read() {
    for image in [
        "docker/dockerfile",
        "docker/dockerfile:1.7-labs",
        "docker.io/docker/dockerfile@sha256:00",
        "docker/dockerfile-upstream:master x",
    ] {
        assert!(
            not_built(&good(&format!("# syntax={image}\nFROM a\n"))).is_empty(),
            "{image}"
        );
    }
}

/// A shebang ended the directives, so that the front end below it was only a warning; BuildKit would have run it.
#[test]
fn a_front_end_below_a_shebang_is_refused() {
    let source = "#!/usr/bin/env docker\n# escape=`\n# syntax=foo/bar\nFROM a\nRUN a \\\n b\n";
    let dockerfile = good(source);
    assert_eq!(codes(source), ["late-directive"]);
    let refused = not_built(&dockerfile);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].message.contains("foo/bar"), "{refused:?}");
    assert_eq!(refused[0].span.start.line, 3);
    assert!(dockerfile.stages[0].instructions[1].text.contains("b"));
    assert!(not_built(&good("# a\n#!x\n# syntax=foo/bar\nFROM a\n")).is_empty());
}

#[test]
fn each_mistake_is_found_at_its_place() {
    for (line, code, place) in [
        ("FROM", "missing-argument", "FROM"),
        ("FROM a b", "unexpected-argument", "b"),
        ("FROM a AS", "missing-argument", "AS"),
        ("FROM a AS 1b", "bad-stage-name", "1b"),
        ("FROM a AS b c", "unexpected-argument", "c"),
        ("FROM a # comment", "unexpected-argument", "#"),
        ("FORM a", "unknown-instruction", "FORM"),
        ("&& b", "unknown-instruction", "&&"),
        ("COPY a", "missing-argument", "a"),
        ("COPY", "missing-argument", "COPY"),
        ("COPY --frm=b a b", "unknown-flag", "--frm=b"),
        ("COPY --from a b", "flag-without-value", "--from"),
        (
            "COPY --chown=1 --chown=2 a b",
            "duplicate-flag",
            "--chown=2",
        ),
        ("COPY --link=maybe a b", "bad-flag-value", "--link=maybe"),
        ("COPY \"a b\" c", "bad-expansion", "\"a"),
        ("COPY a ${b", "bad-expansion", "${b"),
        ("COPY --from=9 a b", "bad-copy-source", "--from=9"),
        ("COPY --from=me a b", "bad-copy-source", "--from=me"),
        ("COPY --from=$me a b", "bad-copy-source", "--from=$me"),
        ("ENV", "missing-argument", "ENV"),
        ("ENV A", "missing-argument", "A"),
        ("ENV A=1 B", "unexpected-argument", "B"),
        ("ENV =1", "unexpected-argument", "=1"),
        ("ENV A='b", "bad-expansion", "'b"),
        ("ARG", "missing-argument", "ARG"),
        ("LABEL", "missing-argument", "LABEL"),
        ("EXPOSE", "missing-argument", "EXPOSE"),
        ("EXPOSE 80 http", "bad-port", "http"),
        ("EXPOSE 0", "bad-port", "0"),
        ("EXPOSE 80/icmp", "bad-port", "80/icmp"),
        ("EXPOSE 90-80", "bad-port", "90-80"),
        ("WORKDIR", "missing-argument", "WORKDIR"),
        ("USER", "missing-argument", "USER"),
        ("RUN", "missing-argument", "RUN"),
        ("RUN []", "missing-argument", "[]"),
        ("CMD --x a", "unknown-flag", "--x"),
        ("SHELL bash", "unexpected-argument", "bash"),
        ("ONBUILD FROM a", "unexpected-argument", "FROM a"),
    ] {
        let source = format!("FROM a AS me\n{line}\nRUN z\n");
        assert_eq!(found(&source), [(code.to_owned(), place)], "{line}");
        assert_eq!(diagnostics(&source)[0].span.start.line, 2, "{line}");
    }
}

#[test]
fn good_forms_are_silent() {
    for line in [
        "EXPOSE 80 443/tcp 53/UDP 8000-8010 127.0.0.1:80:80 $PORT ${A:-80}/tcp",
        "COPY --from=0 a b\nFROM b",
        "COPY --from=busybox:latest a b",
        "COPY *.c [a-z]* /src/",
        "CMD -- --x a",
        "WORKDIR a b",
        "ENV A=$B C=${D:-'e f'}",
        "ARG A=\"b c\"",
        "USER 1000:1000",
    ] {
        // The number of an earlier stage is good, so there has to be one.
        let source = format!("FROM a\nFROM b\n{line}\n");
        assert!(
            diagnostics(&source).is_empty(),
            "{line}: {:#?}",
            diagnostics(&source)
        );
    }
}

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let source = "FROM\nRNU a\nCOPY a\nENV A\nEXPOSE x\nWORKDIR\nUSER\nLABEL\nARG\nCMD\n";
    let lines: Vec<_> = diagnostics(source)
        .iter()
        .map(|found| found.span.start.line)
        .collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_misspelt_name_gets_the_hint_of_what_was_meant() {
    let hint = |source: &str| diagnostics(source)[0].hint.clone().unwrap();
    assert_eq!(hint("FROM a\nWROKDIR /a"), "did you mean WORKDIR?");
    assert_eq!(hint("FROM a\nCOPY --chwon=1 a b"), "did you mean --chown?");
    assert!(hint("FROM a\nDO --x").contains("escape character"));
}

#[test]
fn columns_count_utf16_units() {
    let (_, diagnostics) = parse("FROM a\nEXPOSE \u{1f600} 80\nEXPOSE é x\n");
    let columns: Vec<_> = diagnostics
        .iter()
        .map(|found| (found.span.start.column, found.span.end.column))
        .collect();
    assert_eq!(columns, [(8, 10), (8, 9), (10, 11)]);
}

#[test]
fn what_stands_before_from_is_reported() {
    assert_eq!(
        codes("RUN a\nENV B=c\nFROM d\n"),
        ["before-from", "before-from"]
    );
    assert_eq!(codes("RUN a\nRUN b\n"), ["no-from"]);
    for source in ["", "\n# nothing\n", "ARG A\n", "\u{feff}"] {
        assert_eq!(codes(source), ["no-from"], "{source:?}");
    }
    assert_eq!(codes("FRMO a\n"), ["unknown-instruction", "no-from"]);
}

#[test]
fn warnings_do_not_forbid_the_build() {
    for (source, code, line) in [
        ("FROM a AS b\nFROM c AS B\n", "duplicate-stage-name", 2),
        ("FROM a\nCMD a\nCMD b\n", "overridden", 2),
        ("FROM a AS scratch\n", "reserved-stage-name", 1),
    ] {
        let found = diagnostics(source);
        assert_eq!(found.len(), 1, "{source}");
        assert_eq!(
            (found[0].code.as_str(), found[0].severity),
            (code, Severity::Warning)
        );
        assert_eq!(found[0].span.start.line, line, "{source}");
    }
    assert!(codes("FROM a\nCMD a\nFROM b\nCMD b\n").is_empty());
}

#[test]
fn a_later_stage_can_not_be_copied_from() {
    for reference in ["later", "LATER", "1"] {
        let source = format!("FROM a\nCOPY --from={reference} a b\nFROM c AS later\n");
        assert_eq!(codes(&source), ["bad-copy-source"], "{reference}");
    }
}

/// `--from=biuld` passed in silence and failed in the build, for an image that nobody had asked for.
#[test]
fn a_name_that_is_nearly_a_stage_s_is_warned_of() {
    let copying = |name: &str| {
        codes(&format!(
            "FROM a AS build\nFROM b\nCOPY --from={name} a b\nFROM c AS later\n"
        ))
    };
    for name in ["biuld", "BUILT", "builds"] {
        assert_eq!(copying(name), ["unknown-stage"], "{name}");
    }
    for name in ["build", "busybox", "build:1", "x/build", "latre"] {
        assert!(copying(name).is_empty(), "{name}");
    }
}

#[test]
fn stages_are_found_by_name_or_number_and_know_what_they_need() {
    let dockerfile = good(
        "FROM a AS base\nFROM x AS unused\nFROM base AS build\nFROM scratch AS out\nCOPY --from=2 a b\nCOPY --from=img a b\n",
    );
    assert_eq!(resolve_stage(&dockerfile, "Build"), Some(2));
    assert_eq!(resolve_stage(&dockerfile, "3"), Some(3));
    assert_eq!(resolve_stage(&dockerfile, "4"), None);
    assert_eq!(resolve_stage(&dockerfile, "none"), None);
    assert_eq!(needed_stages(&dockerfile, 3), [0, 2, 3]);
    assert_eq!(needed_stages(&dockerfile, 1), [1]);
    assert!(needed_stages(&dockerfile, 9).is_empty());
}

#[test]
fn a_source_beyond_the_limit_is_one_diagnostic() {
    let (dockerfile, diagnostics) =
        parse(&"#".repeat(estiva_shared::dockerfile::SOURCE_BYTES_MAX + 1));
    assert_eq!(dockerfile, Dockerfile::default());
    assert_eq!(diagnostics[0].code, "too-large");
}

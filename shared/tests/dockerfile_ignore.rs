//! `.dockerignore` as Docker's matcher reads it.

use estiva_shared::dockerfile::Ignore;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[test]
fn patterns_leave_out_what_docker_leaves_out() {
    for (patterns, path, excluded) in [
        ("", "a", false),
        ("a", "a", true),
        ("a", "a/b/c", true),
        ("a", "ab", false),
        ("a", "b/a", false),
        ("/a", "a", true),
        ("a/", "a", true),
        ("./a/../b", "b", true),
        ("  a  ", "a", true),
        ("#a", "#a", false),
        (" #a", "#a", true),
        ("a\r\nb", "a", true),
        ("\u{feff}a", "a", true),
        ("*.log", "x.log", true),
        ("*.log", "d/x.log", false),
        ("*/x", "d/x", true),
        ("*/x", "d/e/x", false),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("**", "a/b", true),
        ("**/x", "x", true),
        ("**/x", "a/b/x", true),
        ("**/x", "ax", false),
        ("**/*.go", "a/b.go", true),
        ("**.log", "ab/c.log", true),
        ("**x*", "ax", false),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a/**/z", "a/z", true),
        ("a/**/z", "a/b/c/z/y", true),
        ("a/**/z", "az", false),
        ("[a-c]x", "bx", true),
        ("[^a-c]x", "bx", false),
        ("[^a-c]x", "dx", true),
        (r"\*", "*", true),
        (r"\*", "a", false),
        (r"[\]]", "]", true),
        ("A", "a", false),
        ("é*", "été", true),
        ("a.b", "axb", false),
        (".", "a", false),
        ("/", "a", false),
        ("..", "a", false),
        ("*", ".", false),
        ("*\n!a", "a", false),
        ("*\n!a", "a/b", false),
        ("*\n!a", "b", true),
        ("*\n!a\na/b", "a/b", true),
        ("!a\n*", "a", true),
        (
            "*.md\n!README*.md\nREADME-secret.md",
            "README-secret.md",
            true,
        ),
        ("*.md\n!README*.md\nREADME-secret.md", "README-x.md", false),
        ("a\n! /a/b", "a/b", false),
        ("a\n!**/keep", "a/b/keep/c", false),
        ("a\nb\n!a/b\n!a/b/c", "a/b/c/d", false),
        ("*\n!a/b\n**/c", "a/b/c/d", true),
    ] {
        assert_eq!(
            Ignore::parse(patterns).excludes(path),
            excluded,
            "{patterns:?} on {path}"
        );
    }
}

/// An exception that names a folder took back all in it, also what a pattern leaves out inside: with `**/.env` and
/// `!config`, the secrets in `config/.env` went into the image, which Docker keeps out.
#[test]
fn an_exception_for_a_folder_that_is_in_takes_nothing_back_inside() {
    for (patterns, path, excluded) in [
        ("**/.env\n!config", "config/.env", true),
        ("**/.env\n!config", "config/x", false),
        ("**/.env\n!config/.env", "config/.env", false),
        ("**/node_modules\n!web", "web/node_modules/a/b", true),
        ("**/node_modules\n!web", "web/src", false),
        ("*/secret\n!app", "app/secret", true),
        ("**/*.log\n!keep", "keep/x.log", true),
        ("**/*.log\n!keep/**", "keep/x.log", false),
        ("*\n!app\n**/.env", "app/.env", true),
        ("**/.env\n*\n!app", "app/.env", false),
    ] {
        assert_eq!(
            Ignore::parse(patterns).excludes(path),
            excluded,
            "{patterns:?} on {path}"
        );
    }
}

#[test]
fn a_walk_may_skip_folders_that_hold_no_exception() {
    for (patterns, dir, may_hold) in [
        ("a", "a", false),
        ("*\n!a/b", "a", true),
        ("*\n!a/b", "c", false),
        ("*\n!a/b", "a/c", false),
        ("*\n!**/keep", "c/d", true),
        ("!a/b\na", "a", false),
        ("a\n!a/*/c", "a/x", true),
        ("a\n!a/*/c", "a/x/y", false),
        ("**/node_modules\n!web", "web/node_modules", false),
        ("**/node_modules\n!web/*/keep", "web/node_modules", true),
    ] {
        assert_eq!(
            Ignore::parse(patterns).may_hold_exceptions(dir),
            may_hold,
            "{patterns:?} on {dir}"
        );
    }
}

#[test]
fn patterns_that_can_not_be_read_are_named_by_line() {
    let ignore = Ignore::parse("a\n!\n[b\nc\\\n[]\nd\n");
    let lines: Vec<_> = ignore.mistakes().iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    assert_eq!(
        ignore.mistakes()[1].1,
        "expected a class such as [a-z], but found: [b"
    );
    assert!(ignore.excludes("d") && !ignore.excludes("[b"));
}

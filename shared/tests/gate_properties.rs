//! What holds for every rules file: any text gives rules or mistakes, soon, and with rules comes a verdict.
// proptest and the clock are native; what is tested is the same code that the page runs.
#![cfg(not(target_arch = "wasm32"))]

mod image_support;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use estiva_shared::gate::{RULES, RULES_BYTES_MAX, Rules, Status, judge, read_rules};
use estiva_shared::image::ImageAnalysis;
use image_support::*;
use proptest::prelude::*;

static IMAGE: LazyLock<ImageAnalysis> = LazyLock::new(|| {
    analyse_tars(&[
        tar(&[file("a", "1"), file("srv/.env", "s")]),
        tar(&[file("a", "2"), file("srv/.wh..env", "")]),
    ])
});

/// Text that looks enough like a rules file to get past the first line.
fn rules_like() -> impl Strategy<Value = String> {
    let key = prop::sample::select(RULES).prop_map(|info| format!("\n  {}: ", info.key));
    let mark = prop::sample::select(vec![
        "rules:",
        "\n",
        "\n    - ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ": ",
        "? ",
        "- ",
        "'",
        "\"",
        "|\n  ",
        ">-\n  ",
        "&a ",
        "*a",
        "!!str ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "# ",
        "~",
        "0.9",
        "20MB",
        "95%",
        "disabled",
        "not-root",
        "**/.env",
        "\t",
        "\r\n",
        "\u{feff}",
        "\\",
        "\0",
    ]);
    let piece = prop_oneof![
        3 => key,
        4 => mark.prop_map(str::to_owned),
        1 => "[ -~\u{85}\u{2028}é😀]{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn holds(text: &str) {
    let (rules, mistakes) = read_rules(text);
    for mistake in &mistakes {
        let shown = mistake.to_string();
        assert!(shown.contains("expected "), "{shown}");
        assert!(!shown.contains(char::is_control), "{shown:?}");
        // One more than there are line ends, in any of YAML's kinds.
        let lines = text.split(['\n', '\r']).count() + 1;
        assert!(
            mistake.line.is_none_or(|line| line as usize <= lines),
            "{shown}"
        );
    }
    let verdict = judge(&rules, &IMAGE, None);
    for result in &verdict.rules {
        assert_eq!(result.status == Status::Skipped, result.limit.is_none());
        assert!(
            result.message().starts_with("expected "),
            "{}",
            result.message()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_rules_or_mistakes(text in rules_like(), noise in ".{0,40}") {
        holds(&text);
        holds(&noise);
        holds(&format!("rules:\n  forbiddenFiles: {noise}\n"));
    }

    #[test]
    fn any_option_is_a_rule_or_a_mistake(option in ".{0,40}", rule in prop::sample::select(RULES)) {
        for option in [option.clone(), format!("{}={option}", rule.key)] {
            let mut rules = Rules::none();
            if let Err(mistake) = rules.set_options([option.as_str()]) {
                prop_assert!(mistake.message.contains("expected "), "{mistake}");
            }
            let _ = judge(&rules, &IMAGE, None);
        }
    }
}

#[test]
fn the_longest_file_of_each_kind_is_read_soon() {
    for piece in [
        "[", "{", "- ", "? ", "a: ", "a:\n", "&a ", "'", "\"\\", "| ", "#", "\n", "[a, ", "{a: ",
        "!!", "%",
    ] {
        let text = piece.repeat(RULES_BYTES_MAX / piece.len());
        let began = Instant::now();
        let _ = read_rules(&text);
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{piece:?}: {:?}",
            began.elapsed()
        );
    }
}

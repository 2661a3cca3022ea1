//! What holds for every text: the parser, the lexer and the patterns take anything, and places are real.
// proptest and the clock are native; what is tested is the same code that the page runs.
#![cfg(not(target_arch = "wasm32"))]

use std::time::{Duration, Instant};

use estiva_shared::dockerfile::{
    Dockerfile, Ignore, InstructionKind, SOURCE_BYTES_MAX, Span, Word, expand, expand_list,
    not_built, parse,
};
use proptest::prelude::*;

/// Text that looks enough like a Dockerfile to get past the first word.
fn dockerfile_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("FROM ".to_owned()),
        Just("COPY ".to_owned()),
        Just("RUN ".to_owned()),
        Just("ENV ".to_owned()),
        Just("ARG ".to_owned()),
        Just("EXPOSE ".to_owned()),
        Just("CMD [\"a\", ".to_owned()),
        Just("ONBUILD ".to_owned()),
        Just("# escape=`\n".to_owned()),
        Just("<<EOF ".to_owned()),
        Just("\nEOF\n".to_owned()),
        Just("\\\n".to_owned()),
        Just("`\r\n".to_owned()),
        Just("--from=x ".to_owned()),
        Just("${A:-".to_owned()),
        Just("a=b".to_owned()),
        "[ \\\\\n\r\t\"'`$={}#é😀a-z\u{85}\u{a0}\u{feff}]{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn holds_place(source: &str, span: Span) {
    let (start, end) = (span.start.offset as usize, span.end.offset as usize);
    assert!(start <= end && end <= source.len(), "{span:?}");
    for position in [span.start, span.end] {
        let before = source
            .get(..position.offset as usize)
            .expect("a place between characters");
        assert_eq!(
            position.line as usize,
            before.matches('\n').count() + 1,
            "{position:?}"
        );
        let line = before.rsplit('\n').next().unwrap_or_default();
        let line = if position.line == 1 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        if position.line > 1 || !source.starts_with('\u{feff}') {
            assert_eq!(
                position.column as usize,
                line.encode_utf16().count() + 1,
                "{position:?}"
            );
        }
    }
}

fn words(kind: &InstructionKind) -> Vec<&Word> {
    match kind {
        InstructionKind::From { base, name } => std::iter::once(base).chain(name).collect(),
        InstructionKind::Copy {
            sources,
            destination,
        } => sources.iter().chain([destination]).collect(),
        InstructionKind::Env(pairs) | InstructionKind::Label(pairs) => pairs
            .iter()
            .flat_map(|(name, value)| [name, value])
            .collect(),
        InstructionKind::Arg(declarations) => declarations
            .iter()
            .flat_map(|(name, default)| std::iter::once(name).chain(default))
            .collect(),
        InstructionKind::Workdir(word) | InstructionKind::User(word) => vec![word],
        InstructionKind::Expose(words) => words.iter().collect(),
        _ => Vec::new(),
    }
}

fn holds_places(source: &str, dockerfile: &Dockerfile) {
    let in_stages = dockerfile
        .stages
        .iter()
        .flat_map(|stage| &stage.instructions);
    for instruction in dockerfile.global_args.iter().chain(in_stages) {
        holds_place(source, instruction.span);
        let within = |span: Span| {
            holds_place(source, span);
            assert!(
                instruction.span.start <= span.start && span.end <= instruction.span.end,
                "{instruction:?}"
            );
        };
        instruction.flags.iter().for_each(|flag| within(flag.span));
        instruction
            .heredocs
            .iter()
            .for_each(|heredoc| within(heredoc.content));
        words(&instruction.kind)
            .into_iter()
            .for_each(|word| within(word.span));
    }
    for stage in &dockerfile.stages {
        holds_place(source, stage.span);
        holds_place(source, stage.base.span);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_text_parses_and_every_place_is_in_it(source in prop_oneof![dockerfile_like(), any::<String>()]) {
        let (dockerfile, diagnostics) = parse(&source);
        holds_places(&source, &dockerfile);
        for diagnostic in diagnostics.iter().chain(&not_built(&dockerfile)) {
            holds_place(&source, diagnostic.span);
            prop_assert!(!diagnostic.message.contains('\n'), "a message is one line");
        }
    }

    #[test]
    fn the_tree_survives_the_wire(source in dockerfile_like()) {
        let (dockerfile, _) = parse(&source);
        let json = serde_json::to_string(&dockerfile).expect("plain data");
        prop_assert_eq!(serde_json::from_str::<Dockerfile>(&json).expect("the same shape"), dockerfile);
    }

    #[test]
    fn any_word_expands_or_says_why(word in "[\\\\`'\"${}:+?#%/*a-cA é-]{0,24}", value in "\\PC{0,12}") {
        let lookup = |name: &str| (name.len() < 2).then(|| value.clone());
        for escape in ['\\', '`'] {
            let whole = expand(&word, escape, &lookup);
            let list = expand_list(&word, escape, &lookup);
            prop_assert_eq!(whole.is_ok(), list.is_ok());
        }
    }

    #[test]
    fn what_stands_between_single_quotes_stays(text in "[^']{0,40}") {
        prop_assert_eq!(expand(&format!("'{text}'"), '\\', &|_| None), Ok(text));
    }

    #[test]
    fn any_pattern_matches_or_says_why(text in "[\\\\!*?/a-c.\\[\\]^\n -]{0,40}", path in "[a-c./]{0,20}") {
        let ignore = Ignore::parse(&text);
        ignore.excludes(&path);
        ignore.may_hold_exceptions(&path);
    }

    #[test]
    fn what_a_walk_skips_holds_nothing_that_is_taken(
        text in "([!]?[ab*?]{1,2}(/([ab]|\\*|\\*\\*)){0,2}\n){1,5}",
        dir in "[ab](/[ab]){0,1}",
        below in "[ab](/[ab]){0,2}",
    ) {
        let ignore = Ignore::parse(&text);
        if ignore.excludes(&dir) && !ignore.may_hold_exceptions(&dir) {
            prop_assert!(ignore.excludes(&format!("{dir}/{below}")), "{text:?} takes {dir}/{below}");
        }
    }
}

/// Far above what is needed, far below what a square of the length would take.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_longest_sources_take_time_in_proportion() {
    let piece = |text: &str| text.repeat((SOURCE_BYTES_MAX - 100) / text.len());
    for source in [
        piece("a\n"),
        piece("FROM a\n"),
        format!("FROM a\nENV A {}", piece("\\\n")),
        format!("FROM a\nEXPOSE {}", piece("x ")),
        format!("FROM a\nENV {}", piece("a=b ")),
        format!("FROM a\nRUN {}", piece("<<A ")),
        format!("FROM a\nCMD [{}", piece("\"a\",")),
        format!("FROM a\nCMD {}", piece("[")),
        format!("FROM a\nCOPY {}", piece("--a ")),
        format!("FROM a\nENV a={}", piece("${a:-")),
        piece("FROM a AS b\nCOPY --from=b a b\n"),
    ] {
        let started = Instant::now();
        let (dockerfile, diagnostics) = parse(&source);
        not_built(&dockerfile);
        let took = started.elapsed();
        assert!(took < PATIENCE, "{:?} took {took:?}", &source[..40]);
        assert!(diagnostics.len() <= 1000);
    }
}

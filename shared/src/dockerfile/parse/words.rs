//! Cuts arguments into words: by white space alone (COPY, EXPOSE, FROM), or with quotes and escapes as a shell does
//! (ENV, LABEL, ARG); and takes the flags off their front.

use std::ops::Range;

/// White space between words, as BuildKit's parser counts it: other white space belongs to the word.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The words of a range, cut at blanks alone.
pub(super) fn blank_separated(
    text: &str,
    range: Range<usize>,
) -> impl Iterator<Item = Range<usize>> {
    let base = range.start;
    let mut rest = &text[range];
    let mut at = base;
    std::iter::from_fn(move || {
        let word_start = rest.len() - rest.trim_start_matches(is_blank).len();
        rest = &rest[word_start..];
        at += word_start;
        if rest.is_empty() {
            return None;
        }
        let length = rest.find(is_blank).unwrap_or(rest.len());
        let word = at..at + length;
        rest = &rest[length..];
        at += length;
        Some(word)
    })
}

/// The words of a range, where quotes and the escape character keep white space together. They keep their quotes.
pub(super) fn shell_separated(text: &str, range: Range<usize>, escape: char) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let base = range.start;
    let end = range.end;
    let mut start = None;
    let mut quote = None;
    let mut characters = text[range].char_indices();
    while let Some((at, c)) = characters.next() {
        if start.is_none() {
            if c.is_whitespace() {
                continue;
            }
            start = Some(base + at);
        }
        match quote {
            None if c.is_whitespace() => words.extend(start.take().map(|start| start..base + at)),
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            // Nothing can be escaped between single quotes. An escape at the very end escapes nothing, and is not part
            // of the word.
            None | Some('"') if c == escape && characters.next().is_none() => {
                let before = start.take().map(|start| start..base + at);
                words.extend(before.filter(|word| !word.is_empty()));
            }
            _ => {}
        }
    }
    words.extend(start.map(|start| start..end));
    words
}

/// A flag before the arguments.
pub(super) struct RawFlag {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// Its text, quotes and escapes removed.
    pub(super) text: String,
}

/// Takes the flags off the front of a range; gives them and what is left. A lone `--` ends them.
pub(super) fn take_flags(text: &str, range: Range<usize>) -> (Vec<RawFlag>, Range<usize>) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        let rest = &text[at..range.end];
        at += rest.len() - rest.trim_start_matches(is_blank).len();
        if !text[at..range.end].starts_with("--") {
            return (flags, at..range.end);
        }
        let flag = flag(text, at..range.end);
        at = flag.range.end;
        if flag.text == "--" {
            return (flags, at..range.end);
        }
        flags.push(flag);
    }
}

/// The flag at the start of a range. Its escape is always the backslash, whatever the directive says, as in BuildKit.
fn flag(text: &str, range: Range<usize>) -> RawFlag {
    let mut plain = String::new();
    let mut quote = None;
    let mut end = range.end;
    let mut characters = text[range.clone()].char_indices();
    while let Some((at, c)) = characters.next() {
        match quote {
            None if is_blank(c) => {
                end = range.start + at;
                break;
            }
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == '\\' => plain.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => plain.push(c),
        }
    }
    RawFlag {
        range: range.start..end,
        text: plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str, escape: char) -> Vec<&str> {
        shell_separated(text, 0..text.len(), escape)
            .into_iter()
            .map(|word| &text[word])
            .collect()
    }

    #[test]
    fn quotes_and_escapes_keep_a_word_together() {
        assert_eq!(
            shell(r#" a="b c" d='e f'g  h\ i "#, '\\'),
            [r#"a="b c""#, "d='e f'g", r"h\ i"]
        );
        assert_eq!(
            shell(r#"a="x\" y" b='\' c"#, '\\'),
            [r#"a="x\" y""#, r"b='\'", "c"]
        );
        assert_eq!(shell("a=x` y b", '`'), ["a=x` y", "b"]);
        assert_eq!(shell(r"a=b\", '\\'), ["a=b"]);
        assert_eq!(shell(r"a \", '\\'), ["a"]);
        assert_eq!(shell(r#"a "b c"#, '\\'), ["a", r#""b c"#]);
        assert!(shell("  ", '\\').is_empty());
    }

    #[test]
    fn blanks_alone_cut_words_of_paths() {
        let text = "a\t\"b c\"  d\u{a0}e";
        let words: Vec<_> = blank_separated(text, 0..text.len())
            .map(|word| &text[word])
            .collect();
        assert_eq!(words, ["a", "\"b", "c\"", "d\u{a0}e"]);
    }

    #[test]
    fn flags_end_at_the_first_other_word_or_at_two_dashes() {
        let cut = |text: &str| {
            let (flags, rest) = take_flags(text, 0..text.len());
            let flags: Vec<_> = flags.into_iter().map(|flag| flag.text).collect();
            (flags, text[rest].trim().to_owned())
        };
        assert_eq!(
            cut("--a=b --c d --e"),
            (
                vec!["--a=b".to_owned(), "--c".to_owned()],
                "d --e".to_owned()
            )
        );
        assert_eq!(
            cut("--a='x y' -- --b"),
            (vec!["--a=x y".to_owned()], "--b".to_owned())
        );
        assert_eq!(cut("-x y"), (vec![], "-x y".to_owned()));
        assert_eq!(cut(r"--a=\"), (vec!["--a=".to_owned()], String::new()));
    }
}

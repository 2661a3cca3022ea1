//! Words with quotes and variables: quote removal and replacement as BuildKit's shell lexer does them.
//!
//! Known forms: `$name`, `${name}`, `${name:-word}` `${name-word}`, `:+` `+`, `:?` `?`, `#` `##` `%` `%%` with a pattern,
//! `/pattern/text` `//pattern/text`. Words inside braces may hold quotes and variables themselves.

mod substitute;
mod trim;

use substitute::Lexer;

/// How deep braces may stand in braces: people write two levels, and each costs stack.
const DEPTH_MAX: usize = 50;

/// The longest result, in bytes: beyond any argument that the kernel would take (`MAX_ARG_STRLEN` is 128 KiB), since a
/// list of files may be longer; below what a few words of variables in variables could ask for.
const EXPANDED_BYTES_MAX: usize = 8 << 20;

/// Why a word could not be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// A quote without its end.
    #[error("expected a closing {quote}, but found the end of the word")]
    UnclosedQuote {
        /// `'` or `"`.
        quote: char,
    },
    /// `${` without its end.
    #[error("expected a closing }}, but found the end of the word")]
    UnclosedBrace,
    /// `${name/pattern` without what replaces it.
    #[error("expected / and a replacement after the pattern, but found the end of the word")]
    NoReplacement,
    /// `${` without a name after it.
    #[error("expected a variable's name after ${{, but found none")]
    BadSubstitution,
    /// `${name` with something after it that has no meaning.
    #[error(
        "expected }}, or one of :- - :+ + :? ? # % / after a variable's name, but found {modifier}"
    )]
    UnsupportedModifier {
        /// What stands there.
        modifier: String,
    },
    /// `\` before a character that needs none, in a pattern.
    #[error("expected \\*, \\? or \\\\ in a pattern, but found \\{escaped}")]
    BadPattern {
        /// What stands after the escape.
        escaped: String,
    },
    /// `${name:?message}` of a variable that is not set.
    #[error("expected the variable {name} to be set, but found it {state}{}", in_brackets(.message))]
    Required {
        /// The variable.
        name: String,
        /// `unset` or `empty`.
        state: &'static str,
        /// What the Dockerfile says about it.
        message: Option<String>,
    },
    /// Braces in braces, too deep.
    #[error("expected braces at most {DEPTH_MAX} deep, but found more")]
    TooDeep,
    /// The result would be too long.
    #[error("expected a result of at most {EXPANDED_BYTES_MAX} bytes, but found more")]
    TooLong,
    /// A pattern that would take too long to match.
    #[error("expected a shorter pattern or value, but found one that takes too long to match")]
    TooCostly,
}

fn in_brackets(message: &Option<String>) -> String {
    message
        .as_ref()
        .map(|text| format!(" ({text})"))
        .unwrap_or_default()
}

impl ExpandError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnclosedQuote { .. } => Some(
                "close it, or escape it; a path with spaces in it needs the JSON form: [\"a b\", \"c\"]",
            ),
            Self::UnclosedBrace | Self::BadSubstitution => {
                Some("a dollar sign that begins no variable is written \\$ or '$'")
            }
            _ => None,
        }
    }
}

/// Expands a word: removes quotes and escapes, replaces variables. White space in values stays as it is.
///
/// `escape` is the escape character of the file. `lookup` gives a variable's value, or none if it is not set; it is
/// asked for special parameters (`$1`, `$@`) by their character too.
///
/// # Errors
/// The word can't be read, or a variable that it demands is missing.
pub fn expand(
    word: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    Lexer::new(word, escape, lookup)
        .whole()
        .map(|output| output.text)
}

/// Expands a word to several: white space outside quotes separates them, in the values of variables too. Empty ones
/// vanish, quoted ones as well.
///
/// # Errors
/// As of [`expand`].
pub fn expand_list(
    word: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, ExpandError> {
    Lexer::new(word, escape, lookup)
        .whole()
        .map(substitute::Output::into_words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<String> {
        let value = match name {
            "A" => "hello",
            "E" => "",
            "S" => "two  words",
            "F" => "a/b/c.tar.gz",
            "Q" => "it's",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn expanded(word: &str) -> String {
        expand(word, '\\', &value).unwrap_or_else(|error| panic!("{word}: {error}"))
    }

    fn failed(word: &str) -> ExpandError {
        expand(word, '\\', &value).expect_err(word)
    }

    #[test]
    fn replaces_variables_and_removes_quotes_as_documented() {
        for (word, result) in [
            ("", ""),
            ("plain", "plain"),
            ("$A", "hello"),
            ("${A}there", "hellothere"),
            ("$A.$A/x", "hello.hello/x"),
            ("$Ax", ""),
            ("$", "$"),
            ("a$", "a$"),
            ("$$A", "A"),
            ("$1x", "x"),
            ("'$A'", "$A"),
            ("\"$A\"", "hello"),
            ("\"it's $A\"", "it's hello"),
            ("a'b'\"c\"d", "abcd"),
            (r"\$A", "$A"),
            (r"a\ b", "a b"),
            (r"'a\b'", r"a\b"),
            (r#""a\b\"\$\\""#, r#"a\b"$\"#),
            (r"end\", "end"),
            ("$S", "two  words"),
            ("é$A😀", "éhello😀"),
        ] {
            assert_eq!(expanded(word), result, "{word}");
        }
    }

    #[test]
    fn braces_give_defaults_and_alternatives() {
        for (word, result) in [
            ("${X:-d}", "d"),
            ("${X-d}", "d"),
            ("${E:-d}", "d"),
            ("${E-d}", ""),
            ("${A:-d}", "hello"),
            ("${A:+d}", "d"),
            ("${E:+d}", ""),
            ("${E+d}", "d"),
            ("${X+d}", ""),
            ("${A:?gone}", "hello"),
            ("${E?gone}", ""),
            ("${X:-${Y:-$A}}", "hello"),
            ("${X:-'}'}", "}"),
            (r"${X:-\}}", "}"),
            ("${X:-a b}", "a b"),
            ("\"${X:-a  \"b\"}\"", "a  b"),
            ("${X:-}", ""),
        ] {
            assert_eq!(expanded(word), result, "{word}");
        }
    }

    #[test]
    fn braces_cut_and_replace_by_pattern() {
        for (word, result) in [
            ("${F#*/}", "b/c.tar.gz"),
            ("${F##*/}", "c.tar.gz"),
            ("${F%.*}", "a/b/c.tar"),
            ("${F%%.*}", "a/b/c"),
            ("${F#x}", "a/b/c.tar.gz"),
            ("${A#he??}", "o"),
            ("${A%}", "hello"),
            ("${A/l/L}", "heLlo"),
            ("${A//l/L}", "heLLo"),
            ("${A/l*/p}", "hep"),
            ("${A//?/xy}", "xyxyxyxyxy"),
            (r"${F//\//-}", "a-b-c.tar.gz"),
            ("${A//l/}", "heo"),
            ("${A//z/y}", "hello"),
            ("${X/a/b}", ""),
            ("${A//*/all}", "all"),
            ("${A#$A}", ""),
        ] {
            assert_eq!(expanded(word), result, "{word}");
        }
    }

    #[test]
    fn the_escape_directive_changes_what_escapes() {
        let expanded = |word| expand(word, '`', &value).unwrap();
        assert_eq!(expanded(r"C:\$A"), r"C:\hello");
        assert_eq!(expanded("`$A"), "$A");
        assert_eq!(expanded("\"`\"\""), "\"");
    }

    #[test]
    fn what_can_not_be_read_says_why() {
        assert_eq!(failed("'a"), ExpandError::UnclosedQuote { quote: '\'' });
        assert_eq!(failed("\"a\\\""), ExpandError::UnclosedQuote { quote: '"' });
        for word in ["${", "${A", "${A:-b", "${A:-${B}"] {
            assert_eq!(failed(word), ExpandError::UnclosedBrace, "{word}");
        }
        for word in ["${}", "${:-x}", "${{A}}", "${ A}"] {
            assert_eq!(failed(word), ExpandError::BadSubstitution, "{word}");
        }
        assert_eq!(failed("${A/l}"), ExpandError::NoReplacement);
        assert_eq!(
            failed("${A:=x}"),
            ExpandError::UnsupportedModifier {
                modifier: ":=".to_owned()
            }
        );
        assert_eq!(
            failed("${A@}"),
            ExpandError::UnsupportedModifier {
                modifier: "@".to_owned()
            }
        );
        assert_eq!(
            failed(r"${A#\h}"),
            ExpandError::BadPattern {
                escaped: "h".to_owned()
            }
        );
        assert_eq!(
            failed("${X:?is $A}").to_string(),
            "expected the variable X to be set, but found it unset (is hello)"
        );
        assert_eq!(
            failed("${E:?}").to_string(),
            "expected the variable E to be set, but found it empty"
        );
    }

    #[test]
    fn depth_length_and_cost_have_bounds() {
        assert_eq!(failed(&"${X:-".repeat(100_000)), ExpandError::TooDeep);
        let long = |_: &str| Some("x".repeat(1 << 20));
        assert_eq!(
            expand(&"$A".repeat(9), '\\', &long),
            Err(ExpandError::TooLong)
        );
        assert_eq!(
            expand("${A//?*?*?*y/z}", '\\', &|_| Some("x".repeat(200_000))),
            Err(ExpandError::TooCostly)
        );
        assert_eq!(
            expand("${A//?/$B}", '\\', &|name| Some(
                "x".repeat(if name == "A" { 4000 } else { 40_000 })
            )),
            Err(ExpandError::TooLong)
        );
    }

    /// Each start of a match made room for all states of the pattern, unpaid: a long one over a long value took a minute.
    #[test]
    fn starts_of_a_long_pattern_cost_little_or_are_refused() {
        let value = |_: &str| Some("x".repeat(200_000));
        let pattern = "y".repeat(200_000);
        let started = std::time::Instant::now();
        let result = expand(&format!("${{A//{pattern}/z}}"), '\\', &value).unwrap();
        assert_eq!(result.len(), 200_000);
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
        let stars = "*".repeat(1000);
        assert_eq!(
            expand(&format!("${{A//{stars}y/z}}"), '\\', &value),
            Err(ExpandError::TooCostly)
        );
    }

    #[test]
    fn a_list_splits_at_white_space_outside_quotes() {
        let list = |word: &str| expand_list(word, '\\', &value).unwrap();
        assert_eq!(list("$S"), ["two", "words"]);
        assert_eq!(list("\"$S\" x"), ["two  words", "x"]);
        assert_eq!(list("a$S/b"), ["atwo", "words/b"]);
        assert_eq!(list(r"a\ b 'c d'"), ["a b", "c d"]);
        assert!(list("$X").is_empty());
        assert!(list(" \"\" ").is_empty());
    }
}

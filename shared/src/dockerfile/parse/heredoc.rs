//! Here-documents: which of a line's words announce one.
//!
//! Follows BuildKit's parser: a word `<<NAME` or `<<-NAME`, a number before it allowed, white space after `<<` too.

use crate::dockerfile::expand;

/// A here-document that a line announces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Announced {
    /// The word that ends it, without quotes.
    pub(super) name: String,
    /// Its name was written without quotes.
    pub(super) expand: bool,
    /// Written `<<-`.
    pub(super) strip_tabs: bool,
}

/// The most here-documents of one instruction: more than any shell line was seen to have, and each may read the rest
/// of the source in vain.
pub(super) const HEREDOCS_MAX: usize = 100;

/// The here-documents that a logical line announces, in order.
pub(super) fn announced(line: &str) -> Vec<Announced> {
    if !line.contains("<<") {
        return Vec::new();
    }
    words(line)
        .into_iter()
        .filter_map(|word| announcement(&line[word]))
        .take(HEREDOCS_MAX)
        .collect()
}

/// Words as a shell cuts them, with their quotes; `<<` takes the white space after it into its word. A quote without
/// its end makes the whole line no words at all. The escape is always the backslash, as in BuildKit.
fn words(line: &str) -> Vec<std::ops::Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(start.take().map(|start| start..at));
            continue;
        }
        start = start.or(Some(at));
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None | Some('"') if c == '\\' => drop(characters.next()),
            None if line[at..].starts_with("<<") => {
                characters.next();
                while characters.next_if(|&(_, c)| c.is_whitespace()).is_some() {}
            }
            _ => {}
        }
    }
    words.extend(start.map(|start| start..line.len()));
    if quote.is_some() { Vec::new() } else { words }
}

fn announcement(word: &str) -> Option<Announced> {
    let rest = word
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix("<<")?;
    let (rest, strip_tabs) = rest
        .strip_prefix('-')
        .map_or((rest, false), |rest| (rest, true));
    let written = rest.trim();
    if written.is_empty() || written.contains('<') {
        return None;
    }
    let quoted = written.contains(['\'', '"']);
    // Variables in a name are part of it, as written.
    let name = expand(written, '\\', &|variable| Some(format!("${variable}"))).ok()?;
    (!name.is_empty()).then_some(Announced {
        name,
        expand: !quoted,
        strip_tabs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<(String, bool, bool)> {
        announced(line)
            .into_iter()
            .map(|doc| (doc.name, doc.expand, doc.strip_tabs))
            .collect()
    }

    #[test]
    fn words_of_two_angles_announce_documents() {
        let doc = |name: &str, expand, strip| (name.to_owned(), expand, strip);
        assert_eq!(names("RUN cat <<EOF"), [doc("EOF", true, false)]);
        assert_eq!(
            names("RUN <<-'E F' cat 3<<B"),
            [doc("E F", false, true), doc("B", true, false)]
        );
        assert_eq!(names("RUN << EOF"), [doc("EOF", true, false)]);
        assert_eq!(
            names("COPY <<$EOF <<\"b\" /x/"),
            [doc("$EOF", true, false), doc("b", false, false)]
        );
    }

    #[test]
    fn other_angles_do_not() {
        for line in [
            "RUN cat <<<EOF",
            "RUN a<<EOF",
            "RUN sh -c 'x <<EOF'",
            "RUN x <<",
            "RUN \" <<EOF",
            "RUN \\<<EOF",
        ] {
            assert!(names(line).is_empty(), "{line}");
        }
    }
}

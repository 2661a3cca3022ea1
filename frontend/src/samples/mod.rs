//! Dockerfiles to begin with, shown by the inspector's editor. Their comments speak the page's language.

use crate::i18n::Language;

/// A Dockerfile to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// The Node service of the notes that the project began from.
    Node,
    /// The example of this repository: two stages, and waste on purpose.
    Hello,
    /// A few mistakes that people make.
    Mistakes,
}

impl Sample {
    /// All of them.
    pub const ALL: [Sample; 3] = [Sample::Node, Sample::Hello, Sample::Mistakes];

    /// Its text.
    pub fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Sample::Node, Language::English) => include_str!("node.Dockerfile"),
            (Sample::Node, Language::Portuguese) => include_str!("node.pt.Dockerfile"),
            (Sample::Hello, Language::English) => {
                include_str!("../../../examples/hello/Dockerfile")
            }
            (Sample::Hello, Language::Portuguese) => include_str!("hello.pt.Dockerfile"),
            // It has no comments.
            (Sample::Mistakes, _) => include_str!("mistakes.Dockerfile"),
        }
    }

    /// The sample that a text is, in whichever language; nothing for one that somebody wrote.
    pub fn of(text: &str) -> Option<Sample> {
        Sample::ALL.into_iter().find(|sample| {
            [Language::English, Language::Portuguese]
                .into_iter()
                .any(|language| sample.text(language) == text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_comments(text: &str) -> Vec<&str> {
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
            .collect()
    }

    #[test]
    fn a_sample_is_the_same_in_both_languages_but_for_its_comments() {
        for sample in Sample::ALL {
            assert_eq!(
                without_comments(sample.text(Language::English)),
                without_comments(sample.text(Language::Portuguese))
            );
        }
    }

    #[test]
    fn a_text_is_known_as_a_sample_until_it_is_changed() {
        for sample in Sample::ALL {
            assert_eq!(Sample::of(sample.text(Language::Portuguese)), Some(sample));
        }
        assert_eq!(Sample::of("FROM scratch\n"), None);
    }
}

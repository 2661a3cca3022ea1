//! Every text of the page, in every language it speaks.
//!
//! A text is one line of one table (`texts!`): its key, its English, its Portuguese. A missing translation is a line
//! that does not compile. Numbers and sizes are written as the language writes them ([`Language::bytes`] and its kin);
//! `{0}` stands for the first value given to [`fill`], and `one|many` for the two forms that [`Language::count`] chooses from.

mod build;
mod common;
mod compare;
mod containers;
mod file;
mod findings;
mod holdings;
mod images;
mod inspect;
mod language;
mod pull;
mod run;
mod share;
mod start;
mod terminal;
mod views;
mod what_if;

pub use build::BuildTexts;
pub use common::CommonTexts;
pub use compare::CompareTexts;
pub use containers::ContainerTexts;
pub use file::FileTexts;
pub use findings::{meaning, trouble};
pub use holdings::HoldingsTexts;
pub use images::ImageTexts;
pub use inspect::InspectTexts;
pub use language::{Language, fill};
pub use pull::PullTexts;
pub use run::RunTexts;
pub use share::ShareTexts;
pub use start::StartTexts;
pub use terminal::TerminalTexts;
pub use views::ViewTexts;
pub use what_if::WhatIfTexts;

/// Declares a table of texts: `key: "English", "Português";`.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $en:literal, $pt:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = concat!("`", $en, "`")] pub $key: &'static str,)*
        }

        impl $name {
            /// The English column.
            pub const EN: Self = Self { $($key: $en,)* };
            /// The Brazilian Portuguese column.
            pub const PT_BR: Self = Self { $($key: $pt,)* };
            /// Every line: key, English, Portuguese.
            pub const LINES: &'static [(&'static str, &'static str, &'static str)] = &[$((stringify!($key), $en, $pt),)*];
        }
    };
}
pub(crate) use texts;

/// All tables in one language.
#[derive(Debug, PartialEq, Eq)]
pub struct Texts {
    /// Words that stand on several pages, and the page's frame.
    pub common: CommonTexts,
    /// The inspector.
    pub inspect: InspectTexts,
    /// Two images compared, and a Dockerfile from a history.
    pub compare: CompareTexts,
    /// What an image holds.
    pub holdings: HoldingsTexts,
    /// The store's images, and the dialogs that start from one.
    pub images: ImageTexts,
    /// The dialog that makes a container.
    pub run: RunTexts,
    /// Pulling an image.
    pub pull: PullTexts,
    /// Builds.
    pub build: BuildTexts,
    /// Containers.
    pub containers: ContainerTexts,
    /// Shared links.
    pub share: ShareTexts,
    /// The path from a Dockerfile to a container.
    pub start: StartTexts,
    /// Terminals.
    pub terminal: TerminalTexts,
    /// The views of an image.
    pub views: ViewTexts,
    /// One file of an image.
    pub file: FileTexts,
    /// What an image would weigh without something.
    pub what_if: WhatIfTexts,
}

static EN: Texts = Texts {
    common: CommonTexts::EN,
    inspect: InspectTexts::EN,
    compare: CompareTexts::EN,
    holdings: HoldingsTexts::EN,
    images: ImageTexts::EN,
    run: RunTexts::EN,
    pull: PullTexts::EN,
    build: BuildTexts::EN,
    containers: ContainerTexts::EN,
    share: ShareTexts::EN,
    start: StartTexts::EN,
    terminal: TerminalTexts::EN,
    views: ViewTexts::EN,
    file: FileTexts::EN,
    what_if: WhatIfTexts::EN,
};

static PT_BR: Texts = Texts {
    common: CommonTexts::PT_BR,
    inspect: InspectTexts::PT_BR,
    compare: CompareTexts::PT_BR,
    holdings: HoldingsTexts::PT_BR,
    images: ImageTexts::PT_BR,
    run: RunTexts::PT_BR,
    pull: PullTexts::PT_BR,
    build: BuildTexts::PT_BR,
    containers: ContainerTexts::PT_BR,
    share: ShareTexts::PT_BR,
    start: StartTexts::PT_BR,
    terminal: TerminalTexts::PT_BR,
    views: ViewTexts::PT_BR,
    file: FileTexts::PT_BR,
    what_if: WhatIfTexts::PT_BR,
};

impl Texts {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Texts {
        match language {
            Language::English => &EN,
            Language::Portuguese => &PT_BR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<(&'static str, &'static str, &'static str)> {
        [
            CommonTexts::LINES,
            InspectTexts::LINES,
            CompareTexts::LINES,
            HoldingsTexts::LINES,
            ImageTexts::LINES,
            RunTexts::LINES,
            PullTexts::LINES,
            BuildTexts::LINES,
            ContainerTexts::LINES,
            ShareTexts::LINES,
            StartTexts::LINES,
            TerminalTexts::LINES,
            ViewTexts::LINES,
            FileTexts::LINES,
            WhatIfTexts::LINES,
        ]
        .concat()
    }

    fn slots(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> = ["{0}", "{1}", "{2}", "{3}"]
            .into_iter()
            .filter(|slot| text.contains(slot))
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn every_text_says_something_in_both_languages() {
        for (key, en, pt) in lines() {
            assert!(
                !en.trim().is_empty() && !pt.trim().is_empty(),
                "{key} is empty"
            );
        }
    }

    #[test]
    fn both_languages_fill_the_same_slots() {
        for (key, en, pt) in lines() {
            assert_eq!(slots(en), slots(pt), "{key}");
        }
    }

    #[test]
    fn both_languages_have_the_same_number_of_forms() {
        for (key, en, pt) in lines() {
            assert_eq!(en.matches('|').count(), pt.matches('|').count(), "{key}");
        }
    }
}

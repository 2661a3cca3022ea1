//! The language: chosen by the browser at first, by the person from then on.

use yew::prelude::*;

use crate::i18n::{Language, Texts};
use crate::services::dom;
use crate::services::storage::{self, Setting};

/// The language in use, and the way to the other one.
#[derive(Clone, Debug, PartialEq)]
pub struct Locale {
    /// The language.
    pub language: Language,
    /// Changes to the other language.
    pub switch: Callback<()>,
}

impl Locale {
    /// Its texts.
    pub fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }
}

/// Owns the language; called once, by the app.
#[hook]
pub fn use_locale_handle() -> Locale {
    let language = use_state(|| {
        let tag = storage::setting(Setting::Language).unwrap_or_else(dom::browser_language);
        Language::from_tag(&tag)
    });
    use_effect_with(*language, |language| dom::set_language(language.tag()));
    let switch = {
        let language = language.clone();
        Callback::from(move |()| {
            let other = language.other();
            storage::keep_setting(Setting::Language, other.tag());
            language.set(other);
        })
    };
    Locale {
        language: *language,
        switch,
    }
}

/// The language in use.
#[hook]
pub fn use_locale() -> Locale {
    // Without a provider above (a component tested alone) it is English, and the switch does nothing.
    use_context::<Locale>().unwrap_or_else(|| Locale {
        language: Language::English,
        switch: Callback::noop(),
    })
}

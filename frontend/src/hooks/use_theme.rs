//! Light, dark, or as the system is.

use yew::prelude::*;

use crate::services::dom;
use crate::services::storage::{self, Setting};

/// A theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system is.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The name in storage and in the document; the system's theme has none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Theme::Auto => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    /// The theme of a stored name.
    pub fn from_name(name: &str) -> Theme {
        match name {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    /// The one that the switch leads to.
    pub fn next(self) -> Theme {
        match self {
            Theme::Auto => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::Auto,
        }
    }
}

/// The theme in use, and the way to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct ThemeHandle {
    /// The theme.
    pub theme: Theme,
    /// Changes to the next.
    pub switch: Callback<()>,
}

/// Owns the theme; called once, by the app.
#[hook]
pub fn use_theme_handle() -> ThemeHandle {
    let theme =
        use_state(|| Theme::from_name(&storage::setting(Setting::Theme).unwrap_or_default()));
    use_effect_with(*theme, |theme| dom::set_theme(theme.name()));
    let switch = {
        let theme = theme.clone();
        Callback::from(move |()| {
            let next = theme.next();
            storage::keep_setting(Setting::Theme, next.name().unwrap_or("auto"));
            theme.set(next);
        })
    };
    ThemeHandle {
        theme: *theme,
        switch,
    }
}

#[cfg(test)]
mod tests {
    use super::Theme;

    #[test]
    fn the_switch_goes_round_and_names_are_read_back() {
        assert_eq!(Theme::Auto.next().next().next(), Theme::Auto);
        for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::from_name(theme.name().unwrap_or("auto")), theme);
        }
    }
}

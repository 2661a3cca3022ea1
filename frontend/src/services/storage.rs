//! What stays: the token for this tab, language and theme for this browser.
//!
//! A browser can refuse storage (private windows, policies). Then nothing is kept and all else works: the token that is
//! used is the one in memory, and sessionStorage has a copy of it for a reload.

use std::cell::RefCell;

use web_sys::Storage;

const TOKEN_KEY: &str = "estiva.token";

thread_local! {
    static TOKEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A choice that outlives the tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The language's tag.
    Language,
    /// The theme's name.
    Theme,
}

impl Setting {
    fn key(self) -> &'static str {
        match self {
            Setting::Language => "estiva.language",
            Setting::Theme => "estiva.theme",
        }
    }
}

/// The token of this tab.
pub fn token() -> Option<String> {
    if let Some(token) = TOKEN.with_borrow(Clone::clone) {
        return Some(token);
    }
    let kept = session()?.get_item(TOKEN_KEY).ok()?;
    TOKEN.set(kept.clone());
    kept
}

/// Keeps the token for this tab: sessionStorage belongs to one origin, port included, and is sent nowhere by itself.
pub fn keep_token(token: &str) {
    TOKEN.set(Some(token.to_owned()));
    if let Some(storage) = session() {
        let _ = storage.set_item(TOKEN_KEY, token);
    }
}

/// Forgets the token.
pub fn forget_token() {
    TOKEN.set(None);
    if let Some(storage) = session() {
        let _ = storage.remove_item(TOKEN_KEY);
    }
}

/// A choice made before.
pub fn setting(setting: Setting) -> Option<String> {
    local()?.get_item(setting.key()).ok()?
}

/// Keeps a choice.
pub fn keep_setting(setting: Setting, value: &str) {
    if let Some(storage) = local() {
        let _ = storage.set_item(setting.key(), value);
    }
}

fn session() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}

fn local() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

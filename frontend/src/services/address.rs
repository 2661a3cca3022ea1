//! The page's address: the one-time code in its fragment, and the socket's place beside it.

use estiva_shared::protocol::SOCKET_PATH;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

/// Takes the code out of the address: it is returned once, and neither the address bar nor the history keeps it.
pub fn take_code() -> Option<String> {
    let window = web_sys::window()?;
    let fragment = window.location().hash().ok()?;
    let code = code_of(&fragment)?;
    let path = window.location().pathname().ok()?;
    let history = window.history().ok()?;
    history
        .replace_state_with_url(&JsValue::NULL, "", Some(&path))
        .ok()?;
    Some(code)
}

/// Loads the page anew when an address with a code is put into the tab it is open in: only the fragment differs then, so
/// that the browser would stay where it is.
pub fn reload_on_code() {
    let Some(window) = web_sys::window() else {
        return;
    };
    let listener = Closure::<dyn Fn()>::new(move || {
        let Some(location) = web_sys::window().map(|window| window.location()) else {
            return;
        };
        if location.hash().is_ok_and(|hash| code_of(&hash).is_some()) {
            let _ = location.reload();
        }
    });
    let _ =
        window.add_event_listener_with_callback("hashchange", listener.as_ref().unchecked_ref());
    // For as long as the page lives.
    listener.forget();
}

/// The WebSocket's address on this page's server.
pub fn socket_address() -> Option<String> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" {
        "wss"
    } else {
        "ws"
    };
    Some(format!("{scheme}://{}{SOCKET_PATH}", location.host().ok()?))
}

/// A whole address for a path on this page's server.
pub fn absolute(path: &str) -> String {
    let origin = web_sys::window().and_then(|window| window.location().origin().ok());
    format!("{}{path}", origin.unwrap_or_default())
}

/// The host that the page came from, as it stands in an address: a name, or a number, in brackets where it is IPv6.
pub fn host() -> String {
    web_sys::window()
        .and_then(|window| window.location().hostname().ok())
        .unwrap_or_default()
}

/// The address's query, with its `?`; empty where there is none.
pub fn query() -> String {
    web_sys::window()
        .and_then(|window| window.location().search().ok())
        .unwrap_or_default()
}

/// Puts a query in the place of the address's, which stays one step of the browser's history.
pub fn replace_query(query: &str) {
    if let Some((history, address)) = with_query(query) {
        // The router keeps what is its own in the state. A browser that refuses leaves the address as it was.
        let state = history.state().unwrap_or(JsValue::NULL);
        let _ = history.replace_state_with_url(&state, "", Some(&address));
    }
}

/// Goes to the address with another query, as a step that the browser's Back takes back.
pub fn push_query(query: &str) {
    if let Some((history, address)) = with_query(query) {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&address));
    }
}

fn with_query(query: &str) -> Option<(web_sys::History, String)> {
    let window = web_sys::window()?;
    let path = window.location().pathname().ok()?;
    let address = if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    };
    Some((window.history().ok()?, address))
}

/// Calls back whenever one goes back or forward, for as long as what is returned lives.
pub fn on_travel(callback: impl Fn() + 'static) -> Travel {
    let listener = Closure::<dyn Fn()>::new(callback);
    if let Some(window) = web_sys::window() {
        let _ =
            window.add_event_listener_with_callback("popstate", listener.as_ref().unchecked_ref());
    }
    Travel(listener)
}

/// What listens to steps through the browser's history.
pub struct Travel(Closure<dyn Fn()>);

impl Drop for Travel {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            let listener = self.0.as_ref().unchecked_ref();
            let _ = window.remove_event_listener_with_callback("popstate", listener);
        }
    }
}

fn code_of(fragment: &str) -> Option<String> {
    fragment
        .trim_start_matches('#')
        .split('&')
        .find_map(|part| part.strip_prefix("code="))
        .filter(|code| !code.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[test]
    fn finds_the_code_in_a_fragment() {
        assert_eq!(code_of("#code=abc"), Some("abc".into()));
        assert_eq!(code_of("#x=1&code=abc"), Some("abc".into()));
        assert_eq!(code_of("#code="), None);
        assert_eq!(code_of("#decode=abc"), None);
        assert_eq!(code_of(""), None);
    }
}

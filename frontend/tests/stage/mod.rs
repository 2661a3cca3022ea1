//! What is tested, in a real document: shown in a language, waited for, and found again.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "test code that is no test itself; each file uses its own part"
)]

use std::cell::RefCell;

use estiva_frontend::hooks::Locale;
use estiva_frontend::i18n::Language;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, EventInit, HtmlElement, KeyboardEvent, KeyboardEventInit};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct StageProps {
    language: Language,
    content: Html,
}

/// What is tested, in a language.
#[component]
pub fn TestStage(props: &StageProps) -> Html {
    let locale = Locale {
        language: props.language,
        switch: Callback::noop(),
    };
    html! { <ContextProvider<Locale> context={locale}>{ props.content.clone() }</ContextProvider<Locale>> }
}

thread_local! {
    static SHOWN: RefCell<Option<(Element, yew::AppHandle<TestStage>)>> = const { RefCell::new(None) };
}

/// A new place in the document, with something drawn in it before long.
pub fn render(language: Language, content: Html) -> (Element, yew::AppHandle<TestStage>) {
    let window = web_sys::window().expect("a window");
    let document = window.document().expect("a document");
    let root = document.create_element("div").expect("an element");
    let body = document.body().expect("a body");
    body.append_child(&root).expect("room for it");
    let stage = StageProps { language, content };
    let handle = yew::Renderer::<TestStage>::with_root_and_props(root.clone(), stage).render();
    (root, handle)
}

/// Shows something beside what is shown already.
pub async fn show(language: Language, content: Html) -> Element {
    let (root, _) = render(language, content);
    settle().await;
    root
}

/// Shows something at an address with this query, in the place of what was so shown before: that would hear of steps through
/// the history too.
pub async fn show_at(query: &str, language: Language, content: Html) -> Element {
    if let Some((root, past)) = SHOWN.take() {
        past.destroy();
        root.remove();
        settle().await;
    }
    let window = web_sys::window().expect("a window");
    let path = window.location().pathname().expect("a path");
    let history = window.history().expect("a history");
    history
        .replace_state_with_url(&JsValue::NULL, "", Some(&format!("{path}{query}")))
        .expect("an address");
    let (root, handle) = render(language, content);
    SHOWN.set(Some((root.clone(), handle)));
    settle().await;
    root
}

/// Waits until what was changed is drawn. In several steps: between two of them, what Yew put off has its turn on a busy
/// host too.
pub async fn settle() {
    const STEPS: u32 = 6;
    const STEP_MS: i32 = 10;
    for _ in 0..STEPS {
        rest(STEP_MS).await;
    }
}

/// Lets time pass.
pub async fn rest(ms: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let window = web_sys::window().expect("a window");
        window
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms)
            .expect("a timer");
    });
    wasm_bindgen_futures::JsFuture::from(promise)
        .await
        .expect("time passes");
}

pub fn all(root: &Element, selector: &str) -> Vec<HtmlElement> {
    let list = root.query_selector_all(selector).expect("a selector");
    (0..list.length())
        .filter_map(|index| list.item(index)?.dyn_into().ok())
        .collect()
}

pub fn text(root: &Element) -> String {
    root.text_content().unwrap_or_default()
}

pub fn press_key(target: &Element, key: &str) {
    let init = KeyboardEventInit::new();
    init.set_key(key);
    init.set_bubbles(true);
    init.set_cancelable(true);
    let event =
        KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).expect("an event");
    target.dispatch_event(&event).expect("somebody listens");
}

/// Tells a field that it was changed by hand: `input`, `change`.
pub fn tell(target: &Element, name: &str) {
    let init = EventInit::new();
    init.set_bubbles(true);
    let event = Event::new_with_event_init_dict(name, &init).expect("an event");
    target.dispatch_event(&event).expect("somebody listens");
}

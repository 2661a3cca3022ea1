//! Small things of the document: its language and theme, a text area's selection, scrolling, the clipboard, dialogs.

use wasm_bindgen::prelude::*;
use web_sys::{
    ClipboardEvent, DragEvent, Element, Event, File, FocusOptions, HtmlDialogElement, HtmlElement,
    HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement, SvgElement,
};
use yew::NodeRef;

use crate::state::follow::Place;

/// The id of the element that holds a page.
pub const CONTENT: &str = "content";

/// Says which language the document is in, for screen readers and hyphenation.
pub fn set_language(tag: &str) {
    if let Some(root) = root() {
        let _ = root.set_attribute("lang", tag);
    }
}

/// The language that the browser asks for.
pub fn browser_language() -> String {
    web_sys::window()
        .and_then(|window| window.navigator().language())
        .unwrap_or_default()
}

/// Sets or removes the theme that the style sheet looks for.
pub fn set_theme(theme: Option<&str>) {
    if let Some(root) = root() {
        let _ = match theme {
            Some(theme) => root.set_attribute("data-theme", theme),
            None => root.remove_attribute("data-theme"),
        };
    }
}

/// The document's title.
pub fn set_title(title: &str) {
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        document.set_title(title);
    }
}

/// Selects a range of a text area, in UTF-16 units, and brings the line into sight.
pub fn select(area: &NodeRef, (start, end): (u32, u32)) {
    let Some(area) = area.cast::<HtmlTextAreaElement>() else {
        return;
    };
    let _ = area.focus();
    let _ = area.set_selection_range(start, end);
    let before: String = area
        .value()
        .encode_utf16()
        .take(start as usize)
        .map(|unit| if unit == 10 { '\n' } else { ' ' })
        .collect();
    let lines = area.value().matches('\n').count() as f64 + 1.0;
    let line = before.matches('\n').count() as f64;
    let top =
        f64::from(area.scroll_height()) * line / lines - f64::from(area.client_height()) / 3.0;
    area.set_scroll_top(top.max(0.0) as i32);
}

/// How far an element is scrolled, and its visible height, in pixels.
pub fn scroll_of(node: &NodeRef) -> (f64, f64) {
    node.cast::<Element>()
        .map(|element| {
            (
                f64::from(element.scroll_top()),
                f64::from(element.client_height()),
            )
        })
        .unwrap_or_default()
}

/// Scrolls an element to this height, in pixels.
pub fn scroll_to(node: &NodeRef, top_px: f64) {
    if let Some(element) = node.cast::<Element>() {
        element.set_scroll_top(top_px as i32);
    }
}

/// Scrolls an element to its end.
pub fn scroll_to_end(node: &NodeRef) {
    if let Some(element) = node.cast::<Element>() {
        element.set_scroll_top(element.scroll_height());
    }
}

/// Where an element is scrolled to.
pub fn place_of(node: &NodeRef) -> Place {
    node.cast::<Element>()
        .map(|element| {
            let above_px = f64::from(element.scroll_top());
            let seen_px = f64::from(element.client_height());
            Place {
                above_px,
                below_px: f64::from(element.scroll_height()) - above_px - seen_px,
            }
        })
        .unwrap_or_default()
}

/// Scrolls one element as far as another, in both directions.
pub fn follow_scroll(leader: &NodeRef, follower: &NodeRef) {
    if let (Some(leader), Some(follower)) = (leader.cast::<Element>(), follower.cast::<Element>()) {
        follower.set_scroll_top(leader.scroll_top());
        follower.set_scroll_left(leader.scroll_left());
    }
}

/// Moves the keyboard's focus to an element.
pub fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let _ = element.focus();
    } else if let Some(element) = node.cast::<SvgElement>() {
        let _ = element.focus();
    }
}

/// Moves the keyboard's focus to the element of this id, where there is one.
pub fn focus_id(id: &str) {
    let element = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(id))
        .and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(element) = element {
        let _ = element.focus();
    }
}

/// Whether no element has the keyboard's focus.
pub fn nothing_is_focused() -> bool {
    focused().is_none_or(|element| element.tag_name() == "BODY")
}

/// The width that an element has for what is in it, in pixels.
pub fn width_of(node: &NodeRef) -> f64 {
    node.cast::<Element>()
        .map(|element| f64::from(element.client_width()))
        .unwrap_or_default()
}

/// Calls back whenever the window's size changes, for as long as what is returned lives.
pub fn on_resize(callback: impl Fn() + 'static) -> Resize {
    let listener = Closure::<dyn Fn()>::new(callback);
    if let Some(window) = web_sys::window() {
        let listener = listener.as_ref().unchecked_ref();
        let _ = window.add_event_listener_with_callback("resize", listener);
    }
    Resize(listener)
}

/// What listens to the window's size.
pub struct Resize(Closure<dyn Fn()>);

impl Drop for Resize {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            let listener = self.0.as_ref().unchecked_ref();
            let _ = window.remove_event_listener_with_callback("resize", listener);
        }
    }
}

/// Moves the keyboard's focus to the page's content, without a scroll.
pub fn focus_content() {
    let content = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(CONTENT))
        .and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(content) = content {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = content.focus_with_options(&options);
    }
}

/// The element that has the keyboard's focus, if any but the page itself has.
pub fn focused() -> Option<HtmlElement> {
    let element = web_sys::window()?.document()?.active_element()?;
    element.dyn_into::<HtmlElement>().ok()
}

/// Gives the focus back to an element that had it before, if it is still in the document. After this turn of the event
/// loop: an open dialog, which the caller is about to take away, would keep it.
pub fn focus_again(element: Option<HtmlElement>) {
    wasm_bindgen_futures::spawn_local(async move {
        if let Some(element) = element.filter(|element| element.is_connected()) {
            let _ = element.focus();
        }
    });
}

/// Shows the page from its top.
pub fn to_top() {
    if let Some(window) = web_sys::window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// Lets nothing happen to what is dropped beside a place for it: the browser would leave the page and show the file.
pub fn refuse_stray_drops() {
    let Some(window) = web_sys::window() else {
        return;
    };
    let listener = Closure::<dyn Fn(DragEvent)>::new(|event: DragEvent| {
        // A place that takes it has said so already.
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        if let Some(transfer) = event.data_transfer() {
            transfer.set_drop_effect("none");
        }
    });
    for name in ["dragover", "drop"] {
        let _ = window.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
    }
    // For as long as the page lives.
    listener.forget();
}

/// Brings an element into sight where its top is in the lower half of the window or beyond.
pub fn bring_up(node: &NodeRef) {
    let Some(element) = node.cast::<Element>() else {
        return;
    };
    let height = web_sys::window()
        .and_then(|window| window.inner_height().ok())
        .and_then(|height| height.as_f64());
    if height.is_some_and(|height| element.get_bounding_client_rect().top() > height / 2.0) {
        element.scroll_into_view();
    }
}

/// Presses an element, such as a file input that a button stands for.
pub fn press(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        element.click();
    }
}

/// Shows a `<dialog>` above the page, with the focus kept in it.
pub fn show_dialog(node: &NodeRef) {
    if let Some(dialog) = node
        .cast::<HtmlDialogElement>()
        .filter(|dialog| !dialog.open())
    {
        let _ = dialog.show_modal();
    }
}

/// Whether an event met the element itself and nothing in it.
pub fn is_on(event: &Event, node: &NodeRef) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some() && target == node.cast::<Element>()
}

/// The text of the input, text area or selection that an event came from.
pub fn value_of(event: &Event) -> String {
    let Some(target) = event.target() else {
        return String::new();
    };
    if let Some(input) = target.dyn_ref::<HtmlInputElement>() {
        return input.value();
    }
    if let Some(area) = target.dyn_ref::<HtmlTextAreaElement>() {
        return area.value();
    }
    target
        .dyn_ref::<HtmlSelectElement>()
        .map(HtmlSelectElement::value)
        .unwrap_or_default()
}

/// The text that is being pasted.
pub fn pasted_text(event: &Event) -> Option<String> {
    let clipboard = event.dyn_ref::<ClipboardEvent>()?.clipboard_data()?;
    clipboard.get_data("text").ok()
}

/// Leads the keyboard to the first field of a form that is marked as wrong, and opens the groups that hold such fields.
pub fn focus_wrong(form: &NodeRef) {
    let Some(form) = form.cast::<Element>() else {
        return;
    };
    let Ok(wrong) = form.query_selector_all("[aria-invalid=true]") else {
        return;
    };
    let fields = (0..wrong.length()).filter_map(|index| wrong.item(index)?.dyn_into().ok());
    let fields: Vec<HtmlElement> = fields.collect();
    for field in &fields {
        if let Ok(Some(group)) = field.closest("details") {
            let _ = group.set_attribute("open", "");
        }
    }
    if let Some(first) = fields.first() {
        let _ = first.focus();
    }
}

/// Whether the box that an event came from is ticked.
pub fn is_checked(event: &Event) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        .is_some_and(|input| input.checked())
}

/// The files chosen in the input that an event came from; the input forgets them, so that the same can be chosen again.
pub fn take_files(event: &Event) -> Vec<File> {
    let Some(input) = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
    else {
        return Vec::new();
    };
    let files = input.files().map(|list| {
        (0..list.length())
            .filter_map(|index| list.get(index))
            .collect()
    });
    input.set_value("");
    files.unwrap_or_default()
}

/// Puts text on the clipboard; tells whether the browser allowed it.
pub async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window() else {
        return false;
    };
    let promise = window.navigator().clipboard().write_text(text);
    wasm_bindgen_futures::JsFuture::from(promise).await.is_ok()
}

fn root() -> Option<Element> {
    web_sys::window()?.document()?.document_element()
}

//! A dialog above the page: the browser's own, so that focus stays in it and Escape closes it.

use web_sys::Event;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::services::dom;

/// The props of [`Dialog`].
#[derive(PartialEq, Properties)]
pub struct DialogProps {
    /// Its heading.
    pub title: AttrValue,
    /// What it holds.
    pub children: Html,
    /// It is to be closed.
    pub on_close: Callback<()>,
    /// A wide one.
    #[prop_or_default]
    pub wide: bool,
}

/// A dialog, open as long as it is there.
#[component]
pub fn Dialog(props: &DialogProps) -> Html {
    let texts = use_locale().texts();
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            // The browser would give it back itself if the dialog were closed; here it is taken out of the document.
            let before = dom::focused();
            dom::show_dialog(&node);
            move || dom::focus_again(before)
        });
    }
    let close = props.on_close.clone();
    let oncancel = {
        let close = close.clone();
        Callback::from(move |event: Event| {
            // The page decides that it is gone; the browser must not close it on its own.
            event.prevent_default();
            close.emit(());
        })
    };
    let pressed_around = use_mut_ref(|| false);
    let onpointerdown = {
        let (node, pressed_around) = (node.clone(), pressed_around.clone());
        Callback::from(move |event: PointerEvent| {
            // What lies around the dialog belongs to it, so a press there is a press on the dialog itself.
            *pressed_around.borrow_mut() = dom::is_on(&event, &node);
        })
    };
    let onclick = {
        let (close, node) = (close.clone(), node.clone());
        Callback::from(move |event: MouseEvent| {
            // A press that began in a field and ended outside, as when text is selected, is told as one on the dialog.
            let around = std::mem::take(&mut *pressed_around.borrow_mut());
            if around && dom::is_on(&event, &node) {
                close.emit(());
            }
        })
    };
    html! {
        <dialog ref={node} class={classes!("dialog", props.wide.then_some("dialog-wide"))} aria-label={props.title.clone()}
            {oncancel} {onpointerdown} {onclick}>
            <div class="dialog-body">
                <h2 class="dialog-title break">{ &props.title }</h2>
                { props.children.clone() }
            </div>
            // Last in the order of the keyboard, so that a dialog begins with what it is about.
            <button type="button" class="button button-icon dialog-close" aria-label={texts.common.close} onclick={move |_| close.emit(())}>
                <Icon name={IconName::Cross} />
            </button>
        </dialog>
    }
}

/// The props of [`Confirm`].
#[derive(PartialEq, Properties)]
pub struct ConfirmProps {
    /// The question.
    pub title: AttrValue,
    /// What will happen.
    pub body: AttrValue,
    /// The button that does it.
    pub action: AttrValue,
    /// Whether it is being done.
    #[prop_or_default]
    pub busy: bool,
    /// What went wrong.
    #[prop_or_default]
    pub children: Html,
    /// Do it.
    pub on_confirm: Callback<()>,
    /// Do not.
    pub on_close: Callback<()>,
}

/// A question before something is removed.
#[component]
pub fn Confirm(props: &ConfirmProps) -> Html {
    let texts = use_locale().texts();
    let (close, confirm) = (props.on_close.clone(), props.on_confirm.clone());
    html! {
        <Dialog title={props.title.clone()} on_close={props.on_close.clone()}>
            <p>{ &props.body }</p>
            { props.children.clone() }
            <div class="dialog-actions">
                <button type="button" class="button" onclick={move |_| close.emit(())}>{ texts.common.cancel }</button>
                <button type="button" class="button button-danger" data-testid="confirm-button" disabled={props.busy}
                    onclick={move |_| confirm.emit(())}>
                    { &props.action }
                </button>
            </div>
        </Dialog>
    }
}

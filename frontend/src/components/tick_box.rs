//! The box beside what can be left out of an image.

use estiva_shared::image::LeftOut;
use web_sys::MouseEvent;
use yew::prelude::*;

use crate::hooks::{use_locale, use_ticks};
use crate::i18n::fill;
use crate::state::ticked::Tick;

/// The props of [`TickBox`].
#[derive(PartialEq, Properties)]
pub struct TickBoxProps {
    /// What it is about.
    pub one: LeftOut,
    /// What that is called.
    pub name: AttrValue,
    /// The keyboard does not stop here: a key of what it stands in does the same.
    #[prop_or_default]
    pub unreached: bool,
}

/// A box (ARIA, "checkbox"); nothing where nothing can be ticked.
#[component]
pub fn TickBox(props: &TickBoxProps) -> Html {
    let t = &use_locale().texts().what_if;
    let ticks = use_ticks();
    let Some(tick) = ticks.of(&props.one) else {
        return Html::default();
    };
    let checked = match tick {
        Tick::Off => "false",
        Tick::Mixed => "mixed",
        Tick::On | Tick::Within => "true",
    };
    let onclick = {
        let one = props.one.clone();
        move |event: MouseEvent| {
            // What it stands in has a press of its own.
            event.stop_propagation();
            event.prevent_default();
            ticks.turn.emit(one.clone());
        }
    };
    let label = fill(t.leave_out, &[&props.name]);
    let title = match tick {
        Tick::Within => t.within.to_owned(),
        _ => label.clone(),
    };
    html! {
        <button type="button" role="checkbox" class="tick" aria-checked={checked} aria-disabled={(tick == Tick::Within).then_some("true")}
            aria-label={label} {title} data-testid="tick" tabindex={if props.unreached { "-1" } else { "0" }} {onclick}>
            <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
                <rect class="tick-box" x="1.5" y="1.5" width="13" height="13" rx="2.5" />
                if tick == Tick::Mixed {
                    <path class="tick-mark" d="M4.5 8h7" />
                } else if tick != Tick::Off {
                    <path class="tick-mark" d="M4 8.4l2.6 2.6L12 5.2" />
                }
            </svg>
        </button>
    }
}

//! Freeing what nobody needs: cached build steps, and the layers that no image has.

use estiva_shared::protocol::Pruned;
use yew::prelude::*;

use crate::components::{Confirm, Failure, Icon, IconName};
use crate::hooks::{Locale, use_action, use_locale};
use crate::i18n::fill;
use crate::services::api;

/// The button, the question before it, and what was freed.
#[component]
pub(super) fn Prune() -> Html {
    let locale = use_locale();
    let t = &locale.texts().images;
    let action = use_action();
    let asking = use_state(|| false);
    let pruned = use_state(|| None::<Pruned>);
    let ask = {
        let (asking, pruned) = (asking.setter(), pruned.setter());
        Callback::from(move |_: MouseEvent| {
            pruned.set(None);
            asking.set(true);
        })
    };
    let on_close = {
        let (asking, action) = (asking.setter(), action.clone());
        Callback::from(move |()| {
            action.clear();
            asking.set(false);
        })
    };
    let on_confirm = {
        let (action, asking, pruned) = (action.clone(), asking.setter(), pruned.setter());
        Callback::from(move |()| {
            let (asking, pruned) = (asking.clone(), pruned.clone());
            action.run(api::prune(), move |answer| {
                pruned.set(Some(answer));
                asking.set(false);
            });
        })
    };
    html! {
        <div class="prune">
            <button type="button" class="button button-quiet" data-testid="prune-button" onclick={ask}><Icon name={IconName::Remove} />{ t.prune }</button>
            <p class="muted" role="status" data-testid="prune-answer">{ pruned.as_ref().map(|pruned| freed(pruned, &locale)) }</p>
            if *asking {
                <Confirm title={t.prune_title} body={t.prune_body} busy={action.busy} {on_confirm} {on_close}
                    action={if action.busy { t.prune_busy } else { t.prune_action }}>
                    if let Some(error) = &action.error { <Failure error={error.clone()} /> }
                </Confirm>
            }
        </div>
    }
}

/// What was freed, in a sentence.
fn freed(pruned: &Pruned, locale: &Locale) -> String {
    let t = &locale.texts().images;
    if pruned.postponed {
        t.prune_postponed.to_owned()
    } else if pruned.bytes == 0 && pruned.layers == 0 {
        t.pruned_nothing.to_owned()
    } else {
        let layers = locale
            .language
            .count(pruned.layers, locale.texts().common.layers);
        fill(t.pruned, &[&locale.language.bytes(pruned.bytes), &layers])
    }
}

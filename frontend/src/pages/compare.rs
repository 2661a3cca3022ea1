//! Two images compared. What the address names comes from the store; what is dropped is read here, and goes nowhere.

use serde::{Deserialize, Serialize};
use web_sys::File;
use yew::prelude::*;
use yew_router::prelude::*;
use yew_router::query::ToQuery as _;

use crate::components::{CompareSide, CompareView, Empty, Icon, IconName, Loading, NavLink};
use crate::hooks::{Load, Source, use_compare, use_connection, use_images, use_locale};
use crate::i18n::fill;
use crate::routes::Route;
use crate::services::dom;
use crate::state::comparing::{CompareAction, Outcome};
use estiva_worker::comparison::Which;

/// What stands behind the address's `?`: the sides that are images of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct CompareQuery {
    /// The first, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<String>,
    /// The second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<String>,
}

impl CompareQuery {
    fn of(&self, which: Which) -> Option<&String> {
        let name = match which {
            Which::A => &self.a,
            Which::B => &self.b,
        };
        name.as_ref().filter(|name| !name.is_empty())
    }

    fn with(mut self, which: Which, name: Option<String>) -> CompareQuery {
        match which {
            Which::A => self.a = name,
            Which::B => self.b = name,
        }
        self
    }
}

/// The query of a comparison that begins with this image.
pub(super) fn compare_query(a: &str) -> Option<AttrValue> {
    let query = CompareQuery {
        a: Some(a.to_owned()),
        b: None,
    };
    let text = query.to_query().ok()?.into_owned();
    Some(text.into())
}

/// Two images compared.
#[component]
pub fn ComparePage() -> Html {
    let texts = use_locale().texts();
    let t = &texts.compare;
    let navigator = use_navigator();
    let location = use_location();
    let has_server = use_connection().phase.has_server();
    let images = use_images();
    let handle = use_compare();
    let query: CompareQuery = location
        .and_then(|location| location.query::<CompareQuery>().ok())
        .unwrap_or_default();
    let named = |which| query.of(which).filter(|_| has_server).cloned();
    use_named(named(Which::A), Which::A, handle.open.clone());
    use_named(named(Which::B), Which::B, handle.open.clone());
    let go = {
        let query = query.clone();
        Callback::from(move |(which, name): (Which, Option<String>)| {
            if let Some(navigator) = &navigator {
                // An address that can't be written stays as it is.
                let _ =
                    navigator.replace_with_query(&Route::Compare, query.clone().with(which, name));
            }
        })
    };
    let listed = match &images {
        Load::Ready(images) if has_server => Some(images.clone()),
        _ => None,
    };
    let side = |which: Which| {
        let (open, view, close) = (
            handle.open.clone(),
            handle.view.dispatcher(),
            handle.close.clone(),
        );
        let (to_file, to_image, away) = (go.clone(), go.clone(), go.clone());
        let on_file = Callback::from(move |file: File| {
            to_file.emit((which, None));
            open.emit((which, Source::File(file)));
        });
        let on_image = {
            let (open, shown) = (handle.open.clone(), query.of(which).cloned());
            Callback::from(move |name: String| match shown.as_ref() == Some(&name) {
                // The address names it already: it is tried again.
                true => open.emit((which, Source::Image(name))),
                false => to_image.emit((which, Some(name))),
            })
        };
        let on_choose =
            Callback::from(move |place| view.dispatch(CompareAction::Choose(which, place)));
        let on_close = Callback::from(move |()| {
            away.emit((which, None));
            close.emit(which);
        });
        html! { <CompareSide {which} side={handle.view.side(which).clone()} images={listed.clone()} {on_file} {on_image} {on_choose} {on_close} /> }
    };
    let on_semantic = {
        let view = handle.view.dispatcher();
        Callback::from(move |event: Event| {
            view.dispatch(CompareAction::Semantic(dom::is_checked(&event)))
        })
    };
    let result = match &handle.view.outcome {
        Outcome::Waiting => html! { <Empty title={t.waiting_title} body={t.waiting_body} /> },
        Outcome::Comparing => html! { <Loading text={t.comparing} /> },
        Outcome::Failed(message) => html! {
            <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ fill(t.failed, &[message]) }</p>
        },
        Outcome::Ready(compared) => {
            html! { <CompareView compared={compared.clone()} tree={handle.tree.clone()} /> }
        }
    };
    html! {
        <div class="page">
            if has_server { <NavLink to={Route::Images} class="back"><Icon name={IconName::Back} />{ texts.images.back }</NavLink> }
            <header class="page-head"><div><h1>{ t.title }</h1><p class="note">{ t.lead }</p></div></header>
            <div class="compare-sides">{ side(Which::A) }{ side(Which::B) }</div>
            <label class="check compare-semantic"><input type="checkbox" checked={handle.view.semantic} onchange={on_semantic} data-testid="compare-semantic" />
                <span>{ t.semantic }<span class="field-hint">{ t.semantic_note }</span></span></label>
            { result }
        </div>
    }
}

/// Reads what the address names for a side, whenever it names another.
#[hook]
fn use_named(named: Option<String>, which: Which, open: Callback<(Which, Source)>) {
    use_effect_with(named, move |named| {
        if let Some(name) = named {
            open.emit((which, Source::Image(name.clone())));
        }
    });
}

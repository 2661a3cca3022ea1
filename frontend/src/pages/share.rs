//! The links that were made: copy one, open it, withdraw it.

use estiva_shared::protocol::ShareSummary;
use yew::prelude::*;

use crate::components::{Confirm, CopyButton, Empty, Failure, Icon, IconName, Loading, NavLink};
use crate::hooks::{AGO_RENEWED_MS, Load, Locale, use_action, use_clock, use_locale, use_remote};
use crate::i18n::fill;
use crate::routes::Route;
use crate::services::api;

/// The links that were made.
#[component]
pub fn SharePage() -> Html {
    let locale = use_locale();
    let t = &locale.texts().share;
    let shares = use_remote((), |()| api::shares());
    let now = use_clock(true, AGO_RENEWED_MS);
    let leaving = use_state(|| None::<ShareSummary>);
    let action = use_action();
    let on_withdraw = {
        let leaving = leaving.setter();
        Callback::from(move |share| leaving.set(Some(share)))
    };
    let list = match &shares.load {
        Load::Loading => html! { <Loading /> },
        Load::Failed(error) => {
            html! { <Failure error={error.clone()} retry={shares.reload.clone()} /> }
        }
        Load::Ready(shares) if shares.is_empty() => html! {
            <Empty title={t.empty_title} body={t.empty_body}>
                <NavLink to={Route::Images} class="button button-primary">{ t.empty_action }</NavLink>
            </Empty>
        },
        Load::Ready(shares) => html! {
            <ul class="cards cards-shares plain">{ for shares.iter().map(|share| row(share, now, &locale, &on_withdraw)) }</ul>
        },
    };
    let dialog = leaving.as_ref().map(|share| {
        let on_confirm = {
            let (action, leaving, reload, id) = (action.clone(), leaving.setter(), shares.reload.clone(), share.id.clone());
            Callback::from(move |()| {
                let (leaving, reload, id) = (leaving.clone(), reload.clone(), id.clone());
                action.run(async move { api::withdraw(&id).await }, move |()| {
                    leaving.set(None);
                    reload.emit(());
                });
            })
        };
        let on_close = {
            let (leaving, action) = (leaving.setter(), action.clone());
            Callback::from(move |()| {
                action.clear();
                leaving.set(None);
            })
        };
        html! {
            <Confirm title={fill(t.withdraw_title, &[&share.image])} body={t.withdraw_body} action={t.withdraw} busy={action.busy} {on_confirm} {on_close}>
                if let Some(error) = &action.error { <Failure error={error.clone()} /> }
            </Confirm>
        }
    });
    html! {
        <div class="page">
            <header class="page-head"><div><h1>{ t.title }</h1><p class="note">{ t.note }</p></div></header>
            { list }
            { dialog }
        </div>
    }
}

fn row(
    share: &ShareSummary,
    now_ms: u64,
    locale: &Locale,
    on_withdraw: &Callback<ShareSummary>,
) -> Html {
    let t = &locale.texts().share;
    let (withdraw, of) = (on_withdraw.clone(), share.clone());
    html! {
        <li class="card card-share" key={share.id.clone()} data-testid="share-row">
            <div class="card-main">
                <span class="card-title break">{ &share.image }</span>
                <a class="mono break" href={share.link.clone()} target="_blank" rel="noopener">{ &share.link }</a>
            </div>
            <div class="card-when">{ locale.language.ago(share.created_ms, now_ms) }</div>
            <div class="card-actions">
                <CopyButton text={share.link.clone()} />
                <a class="button button-small" href={share.link.clone()} target="_blank" rel="noopener">{ t.open }</a>
                <button type="button" class="button button-small button-quiet" data-testid="withdraw-button" onclick={move |_| withdraw.emit(of.clone())}>
                    <Icon name={IconName::Remove} />{ t.withdraw }
                </button>
            </div>
        </li>
    }
}

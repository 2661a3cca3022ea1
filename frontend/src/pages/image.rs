//! One image of the store, taken apart by the server with the same code as the inspector's.

use estiva_shared::protocol::ErrorBody;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::prelude::*;

use super::compare::compare_query;
use super::images::exposed_ports;
use crate::components::{
    DocumentsReply, Failure, Icon, IconName, ImageView, Loading, NavLink, RunDialog, ShareDialog,
};
use crate::hooks::{Load, use_images, use_locale, use_remote};
use crate::routes::Route;
use crate::services::analyser::Analyser;
use crate::services::{api, stored};
use crate::state::by_address::ByAddress;
use crate::state::draft::Draft;

/// The props of [`ImagePage`].
#[derive(PartialEq, Properties)]
pub struct ImagePageProps {
    /// The image's name or id.
    pub name: AttrValue,
    /// The text in the inspector's editor, which may be the image's Dockerfile.
    pub draft: Draft,
    /// It with other patches.
    pub on_draft: Callback<Draft>,
}

/// One image of the store.
#[component]
pub fn ImagePage(props: &ImagePageProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.images;
    let navigator = use_navigator();
    let exposed = exposed_ports(&use_images(), &props.name);
    let running = use_state(|| false);
    let sharing = use_state(|| false);
    let reader = use_memo((), |()| Analyser::default());
    let image = {
        let reader = (*reader).clone();
        use_remote(props.name.clone(), move |name| {
            let reader = reader.clone();
            async move {
                let analysis = api::analysis(&name).await?;
                let opened = reader.open_analysis(analysis).await;
                opened.map(ByAddress::new).map_err(|message| ErrorBody {
                    code: "reader".into(),
                    message,
                    hint: None,
                })
            }
        })
    };
    let show = |state: &UseStateHandle<bool>, value: bool| {
        let state = state.setter();
        Callback::from(move |()| state.set(value))
    };
    let (run, share) = (show(&running, true), show(&sharing, true));
    let documents = {
        let name = props.name.clone();
        Callback::from(move |reply: DocumentsReply| {
            let name = name.clone();
            spawn_local(async move {
                let found = api::documents(&name).await;
                reply.emit(found.map_err(|error| error.message));
            });
        })
    };
    let contents = use_memo(props.name.clone(), |name| stored::contents(name, &reader));
    let view = match &image.load {
        Load::Loading => html! { <Loading text={t.analysing} /> },
        Load::Failed(error) => {
            html! { <Failure error={error.clone()} retry={image.reload.clone()} /> }
        }
        Load::Ready(opened) => html! {
            <ImageView image={(**opened).clone()} files={reader.files(0)} {documents} sboms={reader.sboms(0)} contents={(*contents).clone()} draft={props.draft.clone()} on_draft={props.on_draft.clone()}>
                <button type="button" class="button button-primary" data-testid="run-button" onclick={move |_| run.emit(())}><Icon name={IconName::Run} />{ t.run }</button>
                <button type="button" class="button" data-testid="share-button" onclick={move |_| share.emit(())}><Icon name={IconName::Share} />{ t.share }</button>
                <NavLink to={Route::Compare} query={compare_query(&props.name)} class="button" testid="compare-link"><Icon name={IconName::Compare} />{ texts.compare.compare_with }</NavLink>
            </ImageView>
        },
    };
    let on_started = Callback::from(move |answer: estiva_shared::protocol::RunResponse| {
        if let Some(navigator) = &navigator {
            navigator.push(&Route::Container { id: answer.id });
        }
    });
    html! {
        <div class="page">
            <NavLink to={Route::Images} class="back"><Icon name={IconName::Back} />{ t.back }</NavLink>
            { view }
            if *running { <RunDialog image={props.name.clone()} {exposed} {on_started} on_close={show(&running, false)} /> }
            if *sharing { <ShareDialog image={props.name.clone()} on_close={show(&sharing, false)} /> }
        </div>
    }
}

//! An image taken apart: the same view for a dropped archive and for an image of the store.

use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::{
    ConfigTable, FileTree, HistoryTable, Hold, Icon, IconName, LayerList, Loading, Problems, Tab,
    Tabs, WasteView,
};
use crate::hooks::{Locale, TreeOf, use_locale, use_tree};
use crate::i18n::fill;
use crate::services::analyser::TreeAsk;
use crate::state::by_address::ByAddress;
use crate::state::summary::Summary;

/// The props of [`ImageView`].
#[derive(PartialEq, Properties)]
pub struct ImageViewProps {
    /// What is known of it.
    pub image: ByAddress<Summary>,
    /// The way to its file trees.
    pub trees: Callback<TreeAsk>,
    /// Buttons beside its name.
    #[prop_or_default]
    pub children: Html,
}

/// An image taken apart.
#[component]
pub fn ImageView(props: &ImageViewProps) -> Html {
    let locale = use_locale();
    let texts = locale.texts();
    let chosen = use_state(|| None::<usize>);
    let tab = use_state(|| "files");
    let summary = &props.image;
    {
        let (chosen, tab) = (chosen.setter(), tab.setter());
        use_effect_with(summary.clone(), move |_| {
            chosen.set(None);
            tab.set("files");
        });
    }
    let tree = use_tree(summary.clone(), *chosen, props.trees.clone());
    let on_choose = {
        let (chosen, tab) = (chosen.setter(), tab.setter());
        Callback::from(move |layer| {
            chosen.set(layer);
            tab.set("files");
        })
    };
    let panel = match *tab {
        "config" => html! { <ConfigTable image={summary.clone()} /> },
        "waste" => html! { <WasteView image={summary.clone()} /> },
        "history" => html! { <HistoryTable image={summary.clone()} /> },
        _ => files(tree, &locale),
    };
    let on_tab = {
        let tab = tab.setter();
        Callback::from(move |name| tab.set(name))
    };
    html! {
        <article class="image">
            <header class="image-head">
                <div>
                    <h1 class="break">{ title(summary, texts.inspect.unnamed) }</h1>
                    { facts(summary, &locale) }
                </div>
                <div class="actions">{ props.children.clone() }</div>
            </header>
            <Problems image={summary.clone()} />
            <Hold image={summary.clone()} chosen={*chosen} on_choose={on_choose.clone()} />
            <div class="image-columns">
                <section class="panel" aria-label={texts.inspect.layers}>
                    <h2>{ texts.inspect.layers }</h2>
                    <p class="note">{ texts.inspect.layers_note }</p>
                    <LayerList image={summary.clone()} chosen={*chosen} {on_choose} />
                </section>
                <section class="panel panel-wide">
                    <Tabs label={texts.inspect.tabs_label} tabs={tabs(summary, &locale)} chosen={*tab} on_choose={on_tab}>{ panel }</Tabs>
                </section>
            </div>
        </article>
    }
}

/// The file tree that is here; the note above it says whose it is.
fn files(tree: Option<TreeOf>, locale: &Locale) -> Html {
    let t = &locale.texts().inspect;
    let Some(TreeOf { layer, tree }) = tree else {
        return html! { <Loading text={t.tree_loading} /> };
    };
    let tree = match tree {
        Ok(tree) => tree,
        Err(message) => {
            return html! {
                <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ fill(t.tree_failed, &[&message]) }</p>
            };
        }
    };
    let (name, note) = match layer {
        Some(index) => (fill(t.layer_n, &[&index.to_string()]), t.tree_layer_note),
        None => (t.all_layers.to_owned(), t.tree_note),
    };
    html! {
        <>
            <p class="note"><strong>{ name }</strong>{ " · " }{ note }</p>
            <FileTree {tree} merged={layer.is_none()} />
        </>
    }
}

/// An image's first name, or what to call one without.
fn title(summary: &Summary, unnamed: &str) -> String {
    summary
        .image
        .names
        .first()
        .map_or_else(|| unnamed.to_owned(), |name| escape_name(name).into_owned())
}

fn facts(summary: &Summary, locale: &Locale) -> Html {
    let (texts, image) = (locale.texts(), &summary.image);
    let lies = (image.size_bytes != image.uncompressed_bytes).then(|| {
        fill(
            texts.inspect.size_lies,
            &[&locale.language.bytes(image.size_bytes)],
        )
    });
    let verified = image.layers.iter().all(|layer| layer.verified);
    html! {
        <ul class="facts">
            <li><b>{ locale.language.bytes(image.uncompressed_bytes) }</b>
                if let Some(lies) = lies { <span class="muted">{ format!(" ({lies})") }</span> }</li>
            <li>{ locale.language.count(image.layers.len() as u64, texts.common.layers) }</li>
            <li>{ locale.language.count(summary.entries, texts.common.entries) }</li>
            <li>{ escape_name(&image.platform).into_owned() }</li>
            <li class={if verified { "good" } else { "bad" }}>
                { if verified { texts.inspect.verified } else { texts.inspect.not_verified } }
            </li>
        </ul>
    }
}

fn tabs(summary: &Summary, locale: &Locale) -> Vec<Tab> {
    let texts = locale.texts();
    let waste = summary.waste.reclaimable_bytes;
    let tab = |name, label: &'static str, count: Option<String>| Tab {
        name,
        label: label.into(),
        count: count.map(AttrValue::from),
    };
    vec![
        tab("files", texts.inspect.tab_files, None),
        tab("config", texts.inspect.tab_config, None),
        tab(
            "waste",
            texts.inspect.tab_waste,
            (waste > 0).then(|| locale.language.bytes(waste)),
        ),
        tab(
            "history",
            texts.inspect.tab_history,
            Some(summary.image.history.len().to_string()),
        ),
    ]
}

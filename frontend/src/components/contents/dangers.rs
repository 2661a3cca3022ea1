//! What is dangerous in an image, by kind: why it is, where it is, and which instruction made it.

use estiva_shared::image::holdings::{Danger, DangerGroup, DangerKind};
use estiva_shared::image::split_instruction;
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::FilePlace;
use crate::components::{Icon, IconName, cargo_class};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{HoldingsTexts, fill};
use crate::state::by_address::ByAddress;
use estiva_worker::summary::Summary;

/// Kinds whose list is open at first: a few at most.
const OPEN_MAX: usize = 8;

/// The props of [`Dangers`].
#[derive(PartialEq, Properties)]
pub(super) struct DangersProps {
    /// The image.
    pub(super) image: ByAddress<Summary>,
    /// A file is to be shown in its tree.
    pub(super) on_show: Callback<FilePlace>,
    /// A file is to be looked into.
    pub(super) on_open: Callback<FilePlace>,
}

/// An image's dangers.
#[component]
pub(super) fn Dangers(props: &DangersProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().holdings;
    let groups = &props.image.holdings.dangers;
    if groups.is_empty() {
        return html! {
            <div class="state state-good">
                <Icon name={IconName::Check} />
                <h3>{ t.dangers_none }</h3>
                <p>{ t.dangers_none_note }</p>
            </div>
        };
    }
    let count = props.image.holdings.danger_count();
    let groups = groups.iter().map(|group| group_view(group, props, &locale));
    html! {
        <section aria-label={t.dangers} data-testid="dangers">
            <h3>{ locale.language.count(count, t.dangers_count) }</h3>
            { for groups }
        </section>
    }
}

fn group_view(group: &DangerGroup, props: &DangersProps, locale: &Locale) -> Html {
    let t = &locale.texts().holdings;
    let (name, note) = words(group.kind, t);
    let rows = group
        .found
        .iter()
        .map(|danger| row(group.kind, danger, props, locale));
    let listed = group.found.len() as u64;
    let cut = (listed < group.count).then(|| {
        let (shown, all) = (
            locale.language.number(listed),
            locale.language.number(group.count),
        );
        fill(t.dangers_cut, &[&shown, &all])
    });
    html! {
        <details class="cause" open={group.found.len() <= OPEN_MAX} data-testid={format!("danger-{}", group.kind.name())}>
            <summary>
                <span>{ name }</span>
                <span class="number">{ locale.language.number(group.count) }</span>
            </summary>
            <p class="note">{ note }</p>
            <ul class="danger-files">{ for rows }</ul>
            if let Some(cut) = cut { <p class="note">{ cut }</p> }
        </details>
    }
}

fn row(kind: DangerKind, danger: &Danger, props: &DangersProps, locale: &Locale) -> Html {
    let t = &locale.texts().holdings;
    let detail = match danger.detail.as_str() {
        "" if kind == DangerKind::RootUser => t.no_user.to_owned(),
        detail => escape_name(detail).into_owned(),
    };
    let hidden = danger
        .hidden_by
        .map(|layer| fill(t.still_ships, &[&layer.to_string()]));
    html! {
        <li>
            if let Some(path) = &danger.path { <span class="danger-path">{ file(path, danger, props, t) }{ inside(path, kind, danger, props, locale) }</span> }
            <span class="danger-detail mono break">{ detail }</span>
            { made_by(kind, danger, props, t) }
            if let Some(hidden) = hidden { <span class="danger-hidden">{ hidden }</span> }
        </li>
    }
}

/// The path, which leads to its tree: that of its layer where a later one hides it.
fn file(path: &str, danger: &Danger, props: &DangersProps, t: &HoldingsTexts) -> Html {
    let shown = escape_name(path).into_owned();
    let place = FilePlace {
        layer: danger.layer.filter(|_| danger.hidden_by.is_some()),
        path: path.to_owned().into(),
    };
    let on_show = props.on_show.clone();
    html! {
        <button type="button" class="link-button mono break" aria-label={fill(t.show_file, &[&shown])}
            onclick={move |_| on_show.emit(place.clone())}>{ &shown }</button>
    }
}

/// A way into the file, as it is after the layer that wrote it; a folder has none.
fn inside(
    path: &str,
    kind: DangerKind,
    danger: &Danger,
    props: &DangersProps,
    locale: &Locale,
) -> Html {
    if kind == DangerKind::WorldWritableFolder {
        return Html::default();
    }
    let t = &locale.texts().file;
    let place = FilePlace {
        layer: danger.layer,
        path: path.to_owned().into(),
    };
    let on_open = props.on_open.clone();
    html! {
        <button type="button" class="button button-icon danger-open" title={t.open} aria-label={fill(t.open_named, &[&escape_name(path)])}
            data-testid="danger-open" onclick={move |_| on_open.emit(place.clone())}><Icon name={IconName::Inspect} /></button>
    }
}

/// The layer with its instruction, or the line of the history. The text of a line that holds a secret is not repeated.
fn made_by(kind: DangerKind, danger: &Danger, props: &DangersProps, t: &HoldingsTexts) -> Html {
    let image = &props.image.image;
    let holds_secret = matches!(
        kind,
        DangerKind::SecretInConfig | DangerKind::SecretInHistory
    );
    let words = |text: &str| {
        let (name, rest) = split_instruction(text);
        match holds_secret {
            true => name.to_string(),
            false => escape_name(&format!("{name} {rest}")).into_owned(),
        }
    };
    if let (Some(layer), false) = (danger.layer, holds_secret) {
        let made = image
            .layers
            .get(layer)
            .and_then(|layer| layer.created_by.as_deref());
        let made = made.map(words).unwrap_or_default();
        return html! {
            <span class={classes!("danger-made", cargo_class(layer))} title={made.clone()}>{ fill(t.made_by, &[&layer.to_string(), &made]) }</span>
        };
    }
    let line = danger
        .line
        .and_then(|number| Some((number, image.history.get(number)?)));
    match line {
        Some((number, line)) => {
            let text = fill(
                t.at_line,
                &[&(number + 1).to_string(), &words(&line.created_by)],
            );
            html! { <span class="danger-made danger-line">{ text }</span> }
        }
        None => Html::default(),
    }
}

/// What a kind is called, and why it is one.
fn words(kind: DangerKind, t: &HoldingsTexts) -> (&'static str, &'static str) {
    match kind {
        DangerKind::PrivateKey => (t.private_key, t.private_key_note),
        DangerKind::KeyStore => (t.key_store, t.key_store_note),
        DangerKind::CloudCredentials => (t.cloud_credentials, t.cloud_credentials_note),
        DangerKind::Login => (t.login, t.login_note),
        DangerKind::Token => (t.token, t.token_note),
        DangerKind::EnvironmentFile => (t.environment_file, t.environment_file_note),
        DangerKind::PasswordHash => (t.password_hash, t.password_hash_note),
        DangerKind::SecretInConfig => (t.secret_in_config, t.secret_in_config_note),
        DangerKind::SecretInHistory => (t.secret_in_history, t.secret_in_history_note),
        DangerKind::RootUser => (t.root_user, t.root_user_note),
        DangerKind::Setuid => (t.setuid, t.setuid_note),
        DangerKind::Setgid => (t.setgid, t.setgid_note),
        DangerKind::Capabilities => (t.capabilities, t.capabilities_note),
        DangerKind::WorldWritableFile => (t.world_writable_file, t.world_writable_file_note),
        DangerKind::WorldWritableFolder => (t.world_writable_folder, t.world_writable_folder_note),
    }
}

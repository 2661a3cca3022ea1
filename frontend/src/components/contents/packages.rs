//! An image's packages: bars by kind, and a table with a search.

use estiva_shared::image::holdings::{Holdings, Package, PackageKind};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use super::FilePlace;
use crate::components::{ShareBar, cargo_class};
use crate::hooks::{Locale, use_locale};
use crate::i18n::{HoldingsTexts, fill};
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::contents::{PackageAction, PackageView, STEP};
use estiva_worker::summary::Summary;

/// The props of [`Packages`].
#[derive(PartialEq, Properties)]
pub(super) struct PackagesProps {
    /// The image.
    pub(super) image: ByAddress<Summary>,
    /// A file is to be shown in its tree.
    pub(super) on_show: Callback<FilePlace>,
    /// What stands below the bars.
    pub(super) children: Html,
}

/// An image's packages.
#[component]
pub(super) fn Packages(props: &PackagesProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().holdings;
    let view = use_reducer(PackageView::default);
    let holdings = &props.image.holdings;
    let count = holdings.package_count();
    if count == 0 {
        return html! {
            <section aria-label={t.packages}><h3>{ t.packages_none }</h3><p class="note">{ t.packages_none_note }</p></section>
        };
    }
    let found = view.matching(&holdings.packages);
    let (matches, left) = (found.len() as u64, found.len().saturating_sub(view.rows));
    let rows = found
        .into_iter()
        .take(view.rows)
        .map(|package| row(package, props, &locale));
    let listed = holdings.packages.len() as u64;
    let more = {
        let view = view.dispatcher();
        move |_| view.dispatch(PackageAction::More)
    };
    html! {
        <section aria-label={t.packages} data-testid="packages">
            <h3>{ locale.language.count(count, t.packages_count) }</h3>
            <p class="note">{ t.packages_note }</p>
            { bars(holdings, &locale) }
            { props.children.clone() }
            { tools(&view, holdings, matches, &locale) }
            if listed < count { <p class="note note-warn">{ fill(t.packages_cut, &[&locale.language.number(listed)]) }</p> }
            if matches == 0 {
                <p class="tree-none">{ t.no_match }</p>
            } else {
                <div class="package-scroll" tabindex="0" role="region" aria-label={t.packages}>
                    <table class="packages">
                        <thead><tr>
                            <th scope="col">{ locale.texts().inspect.column_name }</th>
                            <th scope="col">{ t.column_version }</th>
                            <th scope="col" class="package-kind">{ t.kind }</th>
                            <th scope="col" class="package-layer">{ t.column_layer }</th>
                            <th scope="col" class="number">{ locale.texts().inspect.column_size }</th>
                        </tr></thead>
                        <tbody>{ for rows }</tbody>
                    </table>
                </div>
            }
            if left > 0 {
                <button type="button" class="button button-small" data-testid="more-packages" onclick={more}>
                    { fill(t.more, &[&locale.language.number(left.min(STEP) as u64)]) }
                </button>
            }
        </section>
    }
}

fn bars(holdings: &Holdings, locale: &Locale) -> Html {
    let t = &locale.texts().holdings;
    let largest = holdings
        .by_kind
        .iter()
        .map(|sum| sum.size_bytes)
        .max()
        .unwrap_or_default();
    let bars = holdings.by_kind.iter().enumerate().map(|(number, sum)| {
        let share = sum.size_bytes as f64 / largest.max(1) as f64;
        html! {
            <li class={cargo_class(number)}>
                <span>{ kind_name(sum.kind, t) }</span>
                <span class="muted">{ locale.language.count(sum.count, t.packages_count) }</span>
                <span class="number">{ locale.language.bytes(sum.size_bytes) }</span>
                <ShareBar {share} />
            </li>
        }
    });
    html! { <ul class="kind-bars">{ for bars }</ul> }
}

fn tools(
    view: &UseReducerHandle<PackageView>,
    holdings: &Holdings,
    matches: u64,
    locale: &Locale,
) -> Html {
    let t = &locale.texts().holdings;
    let oninput = {
        let view = view.dispatcher();
        Callback::from(move |event: InputEvent| {
            view.dispatch(PackageAction::Search(dom::value_of(&event)))
        })
    };
    let on_kind = {
        let (view, kinds) = (view.dispatcher(), holdings.by_kind.clone());
        Callback::from(move |event: Event| {
            let name = dom::value_of(&event);
            let kind = kinds
                .iter()
                .map(|sum| sum.kind)
                .find(|kind| kind.name() == name);
            view.dispatch(PackageAction::Kind(kind));
        })
    };
    let on_order = {
        let view = view.dispatcher();
        Callback::from(move |event: Event| {
            view.dispatch(PackageAction::BySize(dom::is_checked(&event)))
        })
    };
    let options = holdings.by_kind.iter().map(|sum| {
        html! { <option value={sum.kind.name()} selected={view.kind == Some(sum.kind)}>{ kind_name(sum.kind, t) }</option> }
    });
    html! {
        <div class="tree-tools">
            <input type="search" class="tree-filter" placeholder={t.search} aria-label={t.search} data-testid="package-search"
                value={view.search.clone()} {oninput} />
            if holdings.by_kind.len() > 1 {
                <select aria-label={t.kind} onchange={on_kind}>
                    <option value="" selected={view.kind.is_none()}>{ t.kinds_all }</option>
                    { for options }
                </select>
            }
            <label class="check"><input type="checkbox" checked={view.by_size} onchange={on_order} />{ t.by_size }</label>
            <span class="tree-count" role="status">{ locale.language.count(matches, t.packages_count) }</span>
        </div>
    }
}

fn row(package: &Package, props: &PackagesProps, locale: &Locale) -> Html {
    let t = &locale.texts().holdings;
    let (name, path) = (
        escape_name(&package.name).into_owned(),
        escape_name(&package.path).into_owned(),
    );
    let place = FilePlace {
        layer: None,
        path: package.path.clone().into(),
    };
    let on_show = props.on_show.clone();
    let has_no_files =
        package.size_bytes == 0 && matches!(package.kind, PackageKind::Go | PackageKind::Cargo);
    html! {
        <tr key={format!("{}:{}:{}:{}", package.kind.name(), package.name, package.version, package.path)} data-testid="package-row">
            <th scope="row">
                <button type="button" class="link-button break" title={path.clone()} aria-label={format!("{name}. {}", fill(t.show_file, &[&path]))}
                    onclick={move |_| on_show.emit(place.clone())}>{ &name }</button>
            </th>
            <td class="mono break">{ escape_name(&package.version).into_owned() }</td>
            <td class="package-kind">{ package.kind.name() }</td>
            <td class="package-layer">{ package.layer }</td>
            <td class="number">
                if has_no_files { <span class="muted">{ t.part_of_program }</span> }
                else { { locale.language.bytes(package.size_bytes) } }
            </td>
        </tr>
    }
}

fn kind_name(kind: PackageKind, t: &HoldingsTexts) -> &'static str {
    match kind {
        PackageKind::Deb => t.kind_deb,
        PackageKind::Apk => t.kind_apk,
        PackageKind::Npm => t.kind_npm,
        PackageKind::Pypi => t.kind_pypi,
        PackageKind::Go => t.kind_go,
        PackageKind::Cargo => t.kind_cargo,
    }
}

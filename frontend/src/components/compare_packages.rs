//! The packages that differ between two images: a row each, with both versions and which is the newer.

use estiva_shared::image::{PackageChange, PackageDifference, PackageSide};
use estiva_shared::text::escape_name;
use yew::prelude::*;

use crate::hooks::{Locale, use_locale};
use crate::i18n::{CompareTexts, fill};
use crate::state::by_address::ByAddress;
use estiva_worker::comparison::Compared;

/// The props of [`ComparePackages`].
#[derive(PartialEq, Properties)]
pub struct ComparePackagesProps {
    /// What differs.
    pub compared: ByAddress<Compared>,
}

/// The packages that differ.
#[component]
pub fn ComparePackages(props: &ComparePackagesProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().compare;
    let packages = &props.compared.comparison.packages;
    if packages.is_empty() {
        return html! { <p class="tree-none">{ t.packages_none }</p> };
    }
    let rows = packages.iter().map(|change| row(change, &locale));
    let cut = props.compared.packages_cut;
    html! {
        <>
            <table class="compare-table compare-packages" data-testid="compare-packages">
                <thead><tr><th scope="col">{ t.package }</th><th scope="col">{ t.side_a }</th><th scope="col">{ t.side_b }</th>
                    <th scope="col">{ t.what }</th><th scope="col">{ t.package_size }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            if cut > 0 { <p class="note">{ fill(t.more, &[&locale.language.number(cut)]) }</p> }
        </>
    }
}

fn row(change: &PackageChange, locale: &Locale) -> Html {
    let t = &locale.texts().compare;
    let (class, word) = difference(change.difference, t);
    let version = |side: &Option<PackageSide>| match side {
        Some(side) if side.version.is_empty() => {
            html! { <span class="muted">{ t.no_version }</span> }
        }
        Some(side) => {
            html! { <code class="break">{ escape_name(&side.version).into_owned() }</code> }
        }
        None => html! { <span class="muted" aria-hidden="true">{ "–" }</span> },
    };
    let title = [&change.b, &change.a]
        .into_iter()
        .flatten()
        .next()
        .map(|side| escape_name(&side.path).into_owned());
    let bytes = [&change.a, &change.b].map(|side| side.as_ref().map_or(0, |side| side.size_bytes));
    let grown = match bytes[0].cmp(&bytes[1]) {
        std::cmp::Ordering::Less => format!("+{}", locale.language.bytes(bytes[1] - bytes[0])),
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("−{}", locale.language.bytes(bytes[0] - bytes[1])),
    };
    html! {
        <tr class={class}>
            <th scope="row" {title}><code class="break">{ escape_name(&change.name).into_owned() }</code><span>{ change.kind.name() }</span></th>
            <td data-label="A">{ version(&change.a) }</td><td data-label="B">{ version(&change.b) }</td>
            <td>{ word }</td><td class="compare-grown">{ grown }</td>
        </tr>
    }
}

fn difference(difference: PackageDifference, t: &CompareTexts) -> (&'static str, &'static str) {
    match difference {
        PackageDifference::Added => ("is-added", t.only_b),
        PackageDifference::Removed => ("is-removed", t.only_a),
        PackageDifference::Upgraded => ("is-changed", t.upgraded),
        PackageDifference::Downgraded => ("is-changed", t.downgraded),
        PackageDifference::Changed => ("is-changed", t.changed_version),
    }
}

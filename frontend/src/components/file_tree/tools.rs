//! What is searched for in the tree, and how much of it was found.

use yew::prelude::*;

use crate::components::Field;
use crate::hooks::{Locale, PlaceHandle, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use crate::state::place::{self, Place, Way};
use estiva_worker::summary::Summary;
use estiva_worker::tree::{Act, Find, FindFault, SEARCH_MS_MAX, Sight};

/// The sizes that are offered, in bytes.
const SIZES: [u64; 6] = [
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

/// The props of [`Tools`].
#[derive(PartialEq, Properties)]
pub(super) struct ToolsProps {
    pub(super) image: ByAddress<Summary>,
    pub(super) place: PlaceHandle,
    pub(super) sight: ByAddress<Sight>,
    pub(super) act: Callback<Act>,
}

/// The search, and the button that opens all.
#[component]
pub(super) fn Tools(props: &ToolsProps) -> Html {
    let locale = use_locale();
    let (t, v) = (&locale.texts().inspect, &locale.texts().views);
    let find = &props.place.place.find;
    let set = Set(&props.place);
    let conditions = find.conditions();
    // Open at first where the address has a filter; from then on as it is turned.
    let begins_open = use_memo((), |()| conditions > 0);
    let turn = {
        let act = props.act.clone();
        move |_: MouseEvent| act.emit(Act::TurnAll)
    };
    let fault = props.sight.fault.as_ref().map(|fault| match fault {
        FindFault::Pattern(why) => fill(v.fault_pattern, &[why]),
        FindFault::Owner(found) => fill(v.fault_owner, &[found]),
    });
    let is_pattern_wrong = matches!(props.sight.fault, Some(FindFault::Pattern(_)));
    let syntax = word_list(
        place::SYNTAXES,
        Some(find.syntax),
        &[v.find_text, v.find_glob, v.find_regex],
    );
    let clear = set.find(|find, _| {
        *find = Find {
            text: find.text.clone(),
            syntax: find.syntax,
            ..Find::default()
        }
    });
    html! {
        <div class="tree-tools">
            <div class="tree-search">
                <input type="search" class="tree-filter" placeholder={v.find} aria-label={v.find} value={find.text.clone()} data-testid="tree-find"
                    autocomplete="off" spellcheck="false" aria-invalid={is_pattern_wrong.then_some("true")} aria-describedby={fault.is_some().then_some("tree-fault")}
                    oninput={set.typed(|find, text| find.text = text)} />
                <select aria-label={v.find_syntax} data-testid="tree-syntax"
                    onchange={set.chosen(|find, word| find.syntax = place::meant(place::SYNTAXES, &word).unwrap_or_default())}>{ syntax }</select>
            </div>
            <button type="button" class="button button-small" disabled={props.sight.found.is_some()} onclick={turn}>
                { if props.sight.is_all_open { t.collapse_all } else { t.expand_all } }
            </button>
            { counted(&props.sight, &locale) }
            <details class="tree-filters" open={*begins_open}>
                <summary>{ v.filters }
                    if conditions > 0 { <span class="tab-count">{ conditions }</span> }
                </summary>
                { filters(&props.image, find, &set, &locale) }
                if conditions > 0 { <button type="button" class="button button-small" onclick={clear.reform(|_: MouseEvent| String::new())}>{ v.clear }</button> }
            </details>
            if let Some(fault) = fault { <p class="field-error" id="tree-fault" role="alert">{ fault }</p> }
        </div>
    }
}

/// What a path must be to be found.
fn filters(image: &Summary, find: &Find, set: &Set, locale: &Locale) -> Html {
    let (t, v) = (&locale.texts().inspect, &locale.texts().views);
    let kinds = [v.kind_file, v.kind_folder, v.kind_link, v.kind_special];
    let layers = image.image.layers.iter().map(|layer| {
        let name = fill(t.layer_n, &[&layer.index.to_string()]);
        (layer.index.to_string(), name)
    });
    let sizes = SIZES.into_iter().map(|size| {
        (
            size.to_string(),
            fill(v.at_least, &[&locale.language.bytes(size)]),
        )
    });
    let (layer, size) = (
        find.layer.map(|layer| layer.to_string()),
        find.min_bytes.to_string(),
    );
    let list = |label: &'static str,
                name: &'static str,
                is_any: bool,
                options: Html,
                onchange: Callback<Event>| {
        html! {
            <label class="field"><span class="field-label">{ label }</span>
                <select data-testid={format!("filter-{name}")} {onchange}><option value="" selected={is_any}>{ v.any }</option>{ options }</select></label>
        }
    };
    html! {
        <div class="fields-row">
            { list(v.filter_kind, "kind", find.kind.is_none(), word_list(place::KINDS, find.kind, &kinds),
                set.chosen(|find, word| find.kind = place::meant(place::KINDS, &word))) }
            { list(v.filter_change, "change", find.change.is_none(), word_list(place::CHANGES, find.change, &[t.added, t.changed, t.removed]),
                set.chosen(|find, word| find.change = place::meant(place::CHANGES, &word))) }
            { list(v.filter_layer, "layer", find.layer.is_none(), options(layers, layer.as_deref()), set.chosen(|find, word| find.layer = word.parse().ok())) }
            { list(v.filter_mode, "mode", find.bits.is_none(), word_list(place::BITS, find.bits, &[v.bits_setid, v.bits_writable]),
                set.chosen(|find, word| find.bits = place::meant(place::BITS, &word))) }
            { list(v.filter_size, "size", find.min_bytes == 0, options(sizes, Some(&size)), set.chosen(|find, word| find.min_bytes = word.parse().unwrap_or_default())) }
            <Field label={v.filter_owner} value={find.owner.clone()} testid="filter-owner" on_change={set.find(|find, text| find.owner = text)} />
        </div>
    }
}

/// The options of a list of words, each with what it is called.
fn word_list<T: PartialEq>(
    words: &[(&'static str, T)],
    chosen: Option<T>,
    labels: &[&'static str],
) -> Html {
    let chosen = place::word(words, chosen);
    let named = words
        .iter()
        .zip(labels)
        .map(|((word, _), label)| ((*word).to_owned(), (*label).to_owned()));
    options(named, chosen.as_deref())
}

fn options(named: impl Iterator<Item = (String, String)>, chosen: Option<&str>) -> Html {
    let options = named.map(|(word, label)| {
        let is_chosen = chosen == Some(word.as_str());
        html! { <option value={word} selected={is_chosen}>{ label }</option> }
    });
    html! { { for options } }
}

/// The ways in which what is searched for changes.
struct Set<'a>(&'a PlaceHandle);

impl Set<'_> {
    fn find(&self, change: impl Fn(&mut Find, String) + 'static) -> Callback<String> {
        let PlaceHandle { place, go, .. } = self.0.clone();
        Callback::from(move |text| {
            let mut next: Place = place.clone();
            change(&mut next.find, text);
            go.emit((next, Way::Quiet));
        })
    }

    fn typed(&self, change: impl Fn(&mut Find, String) + 'static) -> Callback<InputEvent> {
        self.find(change)
            .reform(|event: InputEvent| dom::value_of(&event))
    }

    fn chosen(&self, change: impl Fn(&mut Find, String) + 'static) -> Callback<Event> {
        self.find(change)
            .reform(|event: Event| dom::value_of(&event))
    }
}

/// How many paths there are, or how many were found.
fn counted(sight: &Sight, locale: &Locale) -> Html {
    let v = &locale.texts().views;
    let said = match &sight.found {
        None => locale
            .language
            .count(sight.entries as u64, locale.texts().common.entries),
        Some(found) => {
            let count = locale.language.number(found.found as u64);
            let looked = (found.looked * 100 / found.of.max(1)).to_string();
            let seconds = (SEARCH_MS_MAX / 1_000).to_string();
            match (found.goes_on, found.is_cut) {
                (true, _) => fill(v.found_so_far, &[&count, &looked]),
                (_, true) => fill(v.found_cut, &[&count, &seconds, &looked]),
                _ => fill(v.found, &[&count]),
            }
        }
    };
    html! { <span class="tree-count" role="status" data-testid="tree-count">{ said }</span> }
}

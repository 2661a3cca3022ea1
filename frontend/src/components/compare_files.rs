//! The files that differ between two images: a tree, made by the worker of what is wanted.

use yew::prelude::*;

use super::{DifferenceGrid, Icon, IconName, Loading};
use crate::hooks::{TreeReply, use_locale};
use crate::i18n::fill;
use crate::services::dom;
use crate::state::by_address::ByAddress;
use estiva_worker::comparison::{Compared, Wanted};
use estiva_worker::difference_tree::DifferenceTree;

/// The props of [`CompareFiles`].
#[derive(PartialEq, Properties)]
pub struct CompareFilesProps {
    /// What differs.
    pub compared: ByAddress<Compared>,
    /// The way to trees of files.
    pub tree: Callback<(Wanted, TreeReply)>,
}

/// The files that differ.
#[component]
pub fn CompareFiles(props: &CompareFilesProps) -> Html {
    let texts = use_locale().texts();
    let t = &texts.compare;
    let wanted = use_state_eq(|| Wanted::ALL);
    let shown = use_state(|| None::<Result<ByAddress<DifferenceTree>, String>>);
    // An answer that comes after a newer question was asked is not shown.
    let newest = use_mut_ref(|| 0_u32);
    {
        let (ask, shown) = (props.tree.clone(), shown.setter());
        use_effect_with((props.compared.clone(), *wanted), move |(_, wanted)| {
            *newest.borrow_mut() += 1;
            let number = *newest.borrow();
            let reply = Callback::from(move |tree| {
                if *newest.borrow() == number {
                    shown.set(Some(tree));
                }
            });
            ask.emit((*wanted, reply));
        });
    }
    let check = |label: &'static str,
                 testid: &'static str,
                 checked: bool,
                 set: fn(&mut Wanted, bool)| {
        let (state, before) = (wanted.setter(), *wanted);
        let onchange = Callback::from(move |event: Event| {
            let mut next = before;
            set(&mut next, dom::is_checked(&event));
            state.set(next);
        });
        html! { <label class="check"><input type="checkbox" {checked} {onchange} data-testid={testid} />{ label }</label> }
    };
    let tree = match &*shown {
        None => html! { <Loading text={texts.inspect.tree_loading} /> },
        Some(Err(message)) => html! {
            <p class="notice notice-error" role="alert"><Icon name={IconName::Warning} />{ fill(texts.inspect.tree_failed, &[message]) }</p>
        },
        Some(Ok(tree)) if tree.is_empty() => html! { <p class="tree-none">{ t.files_none }</p> },
        Some(Ok(tree)) => html! { <DifferenceGrid tree={tree.clone()} /> },
    };
    html! {
        <>
            <p class="note">{ t.files_note }</p>
            <div class="compare-filters" role="group" aria-label={t.show}>
                { check(t.added, "show-added", wanted.added, |wanted, value| wanted.added = value) }
                { check(t.removed, "show-removed", wanted.removed, |wanted, value| wanted.removed = value) }
                { check(t.content, "show-content", wanted.content, |wanted, value| wanted.content = value) }
                { check(t.metadata, "show-metadata", wanted.metadata, |wanted, value| wanted.metadata = value) }
            </div>
            { tree }
        </>
    }
}

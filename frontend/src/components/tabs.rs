//! Tabs, as the ARIA authoring practices describe them: arrows move between them, one of them is in the tab order.

use web_sys::KeyboardEvent;
use yew::prelude::*;

use crate::services::dom;

/// One tab.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    /// A stable name, also for tests (`tab-NAME`).
    pub name: &'static str,
    /// What it says.
    pub label: AttrValue,
    /// A number beside it, where there is one to tell.
    pub count: Option<AttrValue>,
}

/// The props of [`Tabs`].
#[derive(PartialEq, Properties)]
pub struct TabsProps {
    /// What they are the tabs of.
    pub label: AttrValue,
    /// The tabs.
    pub tabs: Vec<Tab>,
    /// The one that is chosen.
    pub chosen: AttrValue,
    /// Another was chosen.
    pub on_choose: Callback<&'static str>,
    /// What belongs to the chosen one.
    pub children: Html,
}

/// The element of a tab.
pub fn tab_id(name: &str) -> String {
    format!("tab-{name}")
}

/// Tabs and the panel of the chosen one.
#[component]
pub fn Tabs(props: &TabsProps) -> Html {
    let chosen_node = use_node_ref();
    let index = props
        .tabs
        .iter()
        .position(|tab| props.chosen == tab.name)
        .unwrap_or_default();
    let moved = use_mut_ref(|| false);
    {
        let (node, moved) = (chosen_node.clone(), moved.clone());
        use_effect_with(index, move |_| {
            if std::mem::take(&mut *moved.borrow_mut()) {
                dom::focus(&node);
            }
        });
    }
    let onkeydown = {
        let (tabs, choose) = (props.tabs.clone(), props.on_choose.clone());
        Callback::from(move |event: KeyboardEvent| {
            let last = tabs.len().saturating_sub(1);
            let next = match event.key().as_str() {
                "ArrowRight" => (index + 1).min(last),
                "ArrowLeft" => index.saturating_sub(1),
                "Home" => 0,
                "End" => last,
                _ => return,
            };
            event.prevent_default();
            *moved.borrow_mut() = true;
            choose.emit(tabs[next].name);
        })
    };
    let tabs = props.tabs.iter().enumerate().map(|(at, tab)| {
        let (name, choose) = (tab.name, props.on_choose.clone());
        let chosen = at == index;
        html! {
            <button type="button" role="tab" key={name} class="tab" id={tab_id(name)} data-testid={format!("tab-{name}")}
                ref={if chosen { chosen_node.clone() } else { NodeRef::default() }}
                aria-selected={chosen.to_string()} aria-controls={chosen.then(|| format!("panel-{name}"))} tabindex={if chosen { "0" } else { "-1" }}
                onclick={move |_| choose.emit(name)}>
                { &tab.label }
                if let Some(count) = &tab.count { <span class="tab-count">{ count }</span> }
            </button>
        }
    });
    html! {
        <div class="tabs">
            <div class="tab-list" role="tablist" aria-label={props.label.clone()} {onkeydown}>{ for tabs }</div>
            <div class="tab-panel" role="tabpanel" id={format!("panel-{}", props.chosen)} aria-labelledby={tab_id(&props.chosen)}>
                { props.children.clone() }
            </div>
        </div>
    }
}

//! The choice of a network, for a container and for the steps of a build.

use estiva_shared::protocol::NetworkMode;
use yew::prelude::*;

use crate::hooks::use_locale;
use crate::services::dom;

/// The networks, in the order in which they are offered.
const NETWORKS: [(NetworkMode, &str); 3] = [
    (NetworkMode::Bridge, "bridge"),
    (NetworkMode::None, "none"),
    (NetworkMode::Host, "host"),
];

/// The props of [`NetworkChoice`].
#[derive(PartialEq, Properties)]
pub struct NetworkChoiceProps {
    /// Its name.
    pub label: AttrValue,
    /// The chosen one.
    pub network: NetworkMode,
    /// Another was chosen.
    pub on_change: Callback<NetworkMode>,
    /// A name for tests.
    pub testid: AttrValue,
}

/// The choice of a network.
#[component]
pub fn NetworkChoice(props: &NetworkChoiceProps) -> Html {
    let t = &use_locale().texts().run;
    let onchange = props.on_change.reform(|event: Event| {
        let word = dom::value_of(&event);
        let found = NETWORKS.iter().find(|(_, known)| *known == word);
        found.map_or(NetworkMode::Bridge, |(network, _)| *network)
    });
    let options = NETWORKS.iter().map(|(network, word)| {
        let name = match network {
            NetworkMode::Bridge => t.network_bridge,
            NetworkMode::None => t.network_none,
            NetworkMode::Host => t.network_host,
        };
        html! { <option value={*word} selected={props.network == *network}>{ name }</option> }
    });
    html! {
        <label class="field"><span class="field-label">{ &props.label }</span>
            <select {onchange} data-testid={props.testid.clone()}>{ for options }</select></label>
    }
}

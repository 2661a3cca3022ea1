//! A container's published ports: as links where a browser can follow them.

use estiva_shared::protocol::PublishedPort;
use yew::prelude::*;

use super::{Icon, IconName};
use crate::hooks::use_locale;
use crate::i18n::fill;
use crate::state::ports::{address, distinct, inside, words};

/// The props of [`PortLinks`].
#[derive(PartialEq, Properties)]
pub struct PortLinksProps {
    /// The ports.
    pub ports: Vec<PublishedPort>,
    /// The host that the page came from, as it stands in an address.
    pub host: AttrValue,
}

/// A container's published ports. A link leads to a program that is not ours: it opens in a tab of its own, which can't reach
/// this one.
#[component]
pub fn PortLinks(props: &PortLinksProps) -> Html {
    let t = &use_locale().texts().containers;
    let ports = distinct(&props.ports);
    let items = ports.iter().map(|port| {
        let text = words(port);
        let link = match address(port, &props.host) {
            Some(href) => {
                let label = fill(t.port_open, &[&port.host_port.to_string(), &inside(port)]);
                // Who speaks to the page says what is seen (WCAG 2.2, 2.5.3).
                let name = format!("{text}. {label}");
                html! {
                    <a class="port-link" {href} target="_blank" rel="noopener noreferrer" title={label} aria-label={name} data-testid="port-link">
                        { &text }<Icon name={IconName::Link} /></a>
                }
            }
            None => html! { <span class="port-text" data-testid="port-text">{ &text }</span> },
        };
        html! { <li key={text.clone()}>{ link }</li> }
    });
    html! { <ul class="port-links">{ for items }</ul> }
}

//! What is known of a container beside what it writes and uses: its network and ports, its mounts, its limits.

use estiva_shared::protocol::{ContainerSummary, Mount, NetworkMode};
use yew::prelude::*;

use super::containers::limits;
use crate::hooks::{Locale, use_locale};
use crate::i18n::fill;

/// The props of [`Details`].
#[derive(PartialEq, Properties)]
pub(super) struct DetailsProps {
    /// The container.
    pub(super) container: ContainerSummary,
    /// Whether it runs.
    pub(super) running: bool,
}

/// What is known of a container.
#[component]
pub(super) fn Details(props: &DetailsProps) -> Html {
    let locale = use_locale();
    let t = &locale.texts().containers;
    let container = &props.container;
    html! {
        <section>
            <h2>{ t.details }</h2>
            <dl class="table">
                { network(container, props.running, &locale) }
                if !container.mounts.is_empty() {
                    <dt>{ t.detail_mounts }</dt>
                    <dd><ul class="mount-list">{ for container.mounts.iter().map(|mount| mounted(mount, &locale)) }</ul></dd>
                }
                <dt>{ t.column_limits }</dt><dd>{ for limits(&container.limits, &locale) }</dd>
                if let Some(pid) = container.pid { <dt>{ t.detail_pid }</dt><dd>{ pid }<p class="note">{ t.namespaces_note }</p></dd> }
                <dt>{ t.detail_id }</dt><dd><code class="break">{ container.id.get(..12).unwrap_or(&container.id).to_owned() }</code></dd>
            </dl>
        </section>
    }
}

fn network(container: &ContainerSummary, running: bool, locale: &Locale) -> Html {
    let (t, run) = (&locale.texts().containers, &locale.texts().run);
    let name = match container.network {
        NetworkMode::Bridge => run.network_bridge,
        NetworkMode::None => run.network_none,
        NetworkMode::Host => run.network_host,
    };
    // Those that are published stand above all else, where one looks for them.
    let ports = match container.network {
        NetworkMode::Bridge if running && container.ports.is_empty() => Some(t.ports_none),
        NetworkMode::Host => Some(t.ports_host),
        _ => None,
    };
    html! {
        <>
            if let Some(ports) = ports { <dt>{ t.detail_ports }</dt><dd class="muted">{ ports }</dd> }
            <dt>{ t.detail_network }</dt><dd>{ name }</dd>
            if !container.addresses.is_empty() {
                <dt>{ t.detail_addresses }</dt>
                <dd>{ for container.addresses.iter().map(|address| html! { <code class="break">{ address.to_string() }</code> }) }
                    <p class="note">{ t.addresses_note }</p></dd>
            }
        </>
    }
}

/// One mount: where it is, and what is there.
fn mounted(mount: &Mount, locale: &Locale) -> Html {
    let t = &locale.texts().containers;
    let (target, read_only) = match mount {
        Mount::Bind {
            target, read_only, ..
        }
        | Mount::Volume {
            target, read_only, ..
        } => (target, *read_only),
        Mount::Tmpfs { target, .. } => (target, false),
    };
    let from = match mount {
        Mount::Bind { source, .. } => {
            html! { <>{ t.mount_bind }{ " " }<code class="break">{ source }</code></> }
        }
        Mount::Volume {
            name: Some(name), ..
        } => html! { <>{ t.mount_volume }{ " " }<code class="break">{ name }</code></> },
        Mount::Volume { name: None, .. } => html! { { t.mount_volume_new } },
        Mount::Tmpfs {
            size_bytes: Some(bytes),
            ..
        } => html! { { fill(t.mount_tmpfs_of, &[&locale.language.memory(*bytes)]) } },
        Mount::Tmpfs { .. } => html! { { t.mount_tmpfs } },
    };
    html! {
        <li><code class="mount-place break">{ target }</code>
            <span class="muted">{ from }</span>
            if read_only { <span class="badge">{ t.read_only }</span> }</li>
    }
}

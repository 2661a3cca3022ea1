//! `estiva port`: where a container's ports are published, in Docker's lines.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use estiva_shared::protocol::{ContainerSummary, PortProtocol, PublishedPort};

use super::completion::names;
use super::{Outcome, publish};
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::say;

/// The command's words.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit status is 1 where the port that is asked for is not published.\n\nExamples:\n  estiva port web\n  estiva port web 80\n  estiva port dns 53/udp"
)]
pub(crate) struct Args {
    /// The container's name or id
    #[arg(add = names::running())]
    container: String,
    /// The container's port; all of them where none is named
    #[arg(value_name = "PORT[/tcp|udp]", value_parser = asked)]
    port: Option<(u16, PortProtocol)>,
}

/// Prints them.
pub(crate) async fn run(args: &Args, root: &Path) -> Outcome {
    let mut client = Client::connect(root).await?;
    let path = format!("/api/v1/containers/{}", segment(&args.container));
    let container: ContainerSummary = client.get(&path).await?;
    let text = match args.port {
        None => all(&container.ports),
        Some((port, protocol)) => one(&container.ports, port, protocol),
    };
    if let (Some((port, protocol)), "") = (args.port, text.as_str()) {
        return Err(Failure::new(format_args!(
            "expected a port that container {} publishes, but found: {port}/{}",
            container.name,
            name(protocol)
        )));
    }
    say(&text)?;
    Ok(0)
}

fn asked(text: &str) -> Result<(u16, PortProtocol), String> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let port = port.parse().ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| {
        format!("expected a port of the container, from 1 to 65535, but found: {text}")
    })?;
    Ok((port, publish::protocol_of(protocol)?))
}

/// `80/tcp -> 0.0.0.0:8080`, a line for each address.
fn all(ports: &[PublishedPort]) -> String {
    let lines = ports.iter().flat_map(|port| {
        addresses(port).into_iter().map(move |address| {
            format!(
                "{}/{} -> {address}\n",
                port.container_port,
                name(port.protocol)
            )
        })
    });
    lines.collect()
}

fn one(ports: &[PublishedPort], port: u16, protocol: PortProtocol) -> String {
    let is_it = |published: &&PublishedPort| {
        (published.container_port, published.protocol) == (port, protocol)
    };
    let lines = ports.iter().filter(is_it).flat_map(addresses);
    lines.map(|address| format!("{address}\n")).collect()
}

/// Where a port is listened on: every address is one of each family.
pub(super) fn addresses(port: &PublishedPort) -> Vec<SocketAddr> {
    let at = |address: std::net::IpAddr| SocketAddr::new(address, port.host_port);
    match port.address {
        Some(address) => vec![at(address)],
        None => vec![
            at(Ipv4Addr::UNSPECIFIED.into()),
            at(Ipv6Addr::UNSPECIFIED.into()),
        ],
    }
}

pub(super) fn name(protocol: PortProtocol) -> &'static str {
    match protocol {
        PortProtocol::Tcp => "tcp",
        PortProtocol::Udp => "udp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_dockers() {
        let ports = [
            PublishedPort {
                address: None,
                host_port: 8080,
                container_port: 80,
                protocol: PortProtocol::Tcp,
            },
            PublishedPort {
                address: Some("127.0.0.1".parse().unwrap()),
                host_port: 5353,
                container_port: 53,
                protocol: PortProtocol::Udp,
            },
        ];
        assert_eq!(
            all(&ports),
            "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n53/udp -> 127.0.0.1:5353\n"
        );
        assert_eq!(
            one(&ports, 80, PortProtocol::Tcp),
            "0.0.0.0:8080\n[::]:8080\n"
        );
        assert_eq!(one(&ports, 53, PortProtocol::Tcp), "");
    }

    #[test]
    fn a_port_is_asked_for_with_or_without_its_protocol() {
        assert_eq!(asked("80"), Ok((80, PortProtocol::Tcp)));
        assert_eq!(asked("53/udp"), Ok((53, PortProtocol::Udp)));
        for text in ["0", "x", "65536", "80/x", ""] {
            assert!(asked(text).is_err(), "{text}");
        }
    }
}

//! What an image exposes (its config's `ExposedPorts`; OCI image specification, "Config"), for `-P`.

use estiva_shared::protocol::{PortProtocol, PortRequest};

use super::PORTS_MAX;

/// Each exposed port, to be published at a free one of the host's; what is not a port is left out, as Docker does, because
/// an image may say anything here.
pub(crate) fn exposed(ports: &[String]) -> Vec<PortRequest> {
    let mut found = Vec::new();
    for text in ports {
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => PortProtocol::Tcp,
            "udp" => PortProtocol::Udp,
            _ => continue,
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
            continue;
        };
        // One more than there may be is refused later, with a sentence.
        let ports = (first.max(1)..=last).take(PORTS_MAX + 1 - found.len());
        found.extend(ports.map(|container_port| PortRequest {
            container_port,
            protocol,
            ..PortRequest::default()
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ports_and_ranges_and_leaves_out_what_is_none() {
        let words = [
            "80/tcp",
            "53/UDP",
            "8000-8002",
            "x/tcp",
            "9/sctp",
            "0",
            "7-3",
        ];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        let ports: Vec<_> = exposed(&words)
            .iter()
            .map(|port| (port.container_port, port.protocol))
            .collect();
        use PortProtocol::{Tcp, Udp};
        let expected = [(80, Tcp), (53, Udp), (8000, Tcp), (8001, Tcp), (8002, Tcp)];
        assert_eq!(ports, expected);
        assert_eq!(exposed(&["1-65535".to_owned()]).len(), PORTS_MAX + 1);
    }
}

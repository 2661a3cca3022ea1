//! `-p`: published ports, in Docker's words: `[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`, ranges, and `KEY=VALUE` pairs. One
//! word becomes as many requests as it names ports; the wire knows no ranges of containers' ports.

use std::net::IpAddr;

use estiva_shared::protocol::{PortProtocol, PortRequest};

/// What one `-p` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published(pub(crate) Vec<PortRequest>);

/// Ports of a range, both ends of it included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
}

/// Reads one.
///
/// # Errors
/// What was expected.
pub(crate) fn publish(text: &str) -> Result<Published, String> {
    if text.contains('=') {
        return pairs(text);
    }
    let (ports, protocol) = match text.rsplit_once('/') {
        Some((ports, protocol)) => (ports, protocol_of(protocol)?),
        None => (text, PortProtocol::Tcp),
    };
    // From the end, because an IPv6 address has colons of its own.
    let mut parts = ports.rsplitn(3, ':');
    let container = range(parts.next().unwrap_or_default(), text)?;
    let host = parts.next().unwrap_or_default();
    let address = address_of(parts.next().unwrap_or_default(), text)?;
    let host = host_range(host, text)?;
    unfold(address, host, container, protocol, text)
}

/// `published=8080,target=80,protocol=tcp`, Docker's other form.
fn pairs(text: &str) -> Result<Published, String> {
    let (mut host, mut container, mut protocol, mut address) =
        (None, None, PortProtocol::Tcp, None);
    for pair in text.split(',') {
        match pair.split_once('=') {
            Some(("target", value)) => container = Some(range(value, text)?),
            Some(("published", value)) => host = host_range(value, text)?,
            Some(("protocol", value)) => protocol = protocol_of(value)?,
            Some(("host_ip", value)) => address = address_of(value, text)?,
            _ => {
                return Err(format!(
                    "expected target=, published=, protocol= or host_ip=, but found: {pair}"
                ));
            }
        }
    }
    let container =
        container.ok_or_else(|| format!("expected target=, the container's port, in: {text}"))?;
    unfold(address, host, container, protocol, text)
}

fn unfold(
    address: Option<IpAddr>,
    host: Option<Range>,
    container: Range,
    protocol: PortProtocol,
    text: &str,
) -> Result<Published, String> {
    let request = PortRequest {
        address,
        protocol,
        ..PortRequest::default()
    };
    let length = |range: Range| u32::from(range.last - range.first) + 1;
    let host = match host {
        // Any free one of them.
        Some(host) if length(container) == 1 && length(host) > 1 => {
            return Ok(Published(vec![PortRequest {
                host_port: Some(host.first),
                host_port_last: Some(host.last),
                container_port: container.first,
                ..request
            }]));
        }
        Some(host) if length(host) != length(container) => {
            return Err(format!(
                "expected two ranges of the same length, but found {} and {} ports: {text}",
                length(host),
                length(container)
            ));
        }
        host => host,
    };
    let ports = container.first..=container.last;
    let requests = ports
        .enumerate()
        .map(|(place, container_port)| PortRequest {
            // Both ranges are as long, so that neither leaves the ports that there are.
            host_port: host.map(|host| host.first + place as u16),
            container_port,
            ..request
        });
    Ok(Published(requests.collect()))
}

fn range(text: &str, whole: &str) -> Result<Range, String> {
    let wrong = || {
        format!(
            "expected [ADDRESS:][HOST:]CONTAINER[/tcp|udp] with ports from 1 to 65535, but found: {whole}"
        )
    };
    let port = |text: &str| {
        // Neither a sign nor a space is a part of a port.
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let port = text.parse::<u16>().ok().filter(|port| plain && *port > 0);
        port.ok_or_else(wrong)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = Range {
        first: port(first)?,
        last: port(last)?,
    };
    if range.first > range.last {
        return Err(format!(
            "expected a range that begins with its lower port, but found: {whole}"
        ));
    }
    Ok(range)
}

/// The host's side; nothing, or Docker's 0, is any free port.
fn host_range(text: &str, whole: &str) -> Result<Option<Range>, String> {
    match text {
        "" | "0" => Ok(None),
        text => range(text, whole).map(Some),
    }
}

fn address_of(text: &str, whole: &str) -> Result<Option<IpAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match inner.unwrap_or(text).parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(format!(
            "expected an IP address before the ports, such as 127.0.0.1 or [::1], but found: {whole}"
        )),
    }
}

/// `tcp` or `udp`.
///
/// # Errors
/// What was expected.
pub(crate) fn protocol_of(text: &str) -> Result<PortProtocol, String> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => Ok(PortProtocol::Tcp),
        "udp" => Ok(PortProtocol::Udp),
        "sctp" => Err("SCTP is not published; there are tcp and udp".to_owned()),
        _ => Err(format!(
            "expected tcp or udp after the port, but found: {text}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address, host's port and last of its range, container's port, whether it is UDP.
    type Shown = (Option<&'static str>, Option<u16>, Option<u16>, u16, bool);

    fn read(text: &str) -> Vec<PortRequest> {
        publish(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .0
    }

    #[test]
    fn every_form_of_dockers_is_read() {
        let forms: [(&str, &[Shown]); 16] = [
            ("80", &[(None, None, None, 80, false)]),
            ("8080:80", &[(None, Some(8080), None, 80, false)]),
            ("8080:80/udp", &[(None, Some(8080), None, 80, true)]),
            ("53:53/UDP", &[(None, Some(53), None, 53, true)]),
            (
                "127.0.0.1:8080:80",
                &[(Some("127.0.0.1"), Some(8080), None, 80, false)],
            ),
            (
                "127.0.0.1::80",
                &[(Some("127.0.0.1"), None, None, 80, false)],
            ),
            (
                "127.0.0.1:0:80",
                &[(Some("127.0.0.1"), None, None, 80, false)],
            ),
            ("[::1]:80:80", &[(Some("::1"), Some(80), None, 80, false)]),
            ("[::1]::80/tcp", &[(Some("::1"), None, None, 80, false)]),
            ("::1:80:80", &[(Some("::1"), Some(80), None, 80, false)]),
            (
                "0.0.0.0:80:80",
                &[(Some("0.0.0.0"), Some(80), None, 80, false)],
            ),
            (":80:80", &[(None, Some(80), None, 80, false)]),
            (
                "8000-8001:9000-9001",
                &[
                    (None, Some(8000), None, 9000, false),
                    (None, Some(8001), None, 9001, false),
                ],
            ),
            (
                "9000-9001",
                &[
                    (None, None, None, 9000, false),
                    (None, None, None, 9001, false),
                ],
            ),
            ("8000-8010:80", &[(None, Some(8000), Some(8010), 80, false)]),
            (
                "published=8080,target=80,protocol=udp",
                &[(None, Some(8080), None, 80, true)],
            ),
        ];
        for (text, expected) in forms {
            let expected: Vec<PortRequest> = expected
                .iter()
                .map(
                    |(address, host_port, host_port_last, container_port, udp)| PortRequest {
                        address: address.map(|address| address.parse().unwrap()),
                        host_port: *host_port,
                        host_port_last: *host_port_last,
                        container_port: *container_port,
                        protocol: if *udp {
                            PortProtocol::Udp
                        } else {
                            PortProtocol::Tcp
                        },
                    },
                )
                .collect();
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("1-65535:1-65535").len(), 65_535);
        assert_eq!(read("65535:65535")[0].host_port, Some(65_535));
    }

    #[test]
    fn what_is_no_port_is_refused_with_what_was_expected() {
        for (text, word) in [
            ("", "expected [ADDRESS:]"),
            (":", "1 to 65535"),
            ("0", "1 to 65535"),
            ("80:0", "1 to 65535"),
            ("65536", "1 to 65535"),
            ("80:65536", "1 to 65535"),
            ("99999999999:80", "1 to 65535"),
            ("-1:80", "1 to 65535"),
            ("+80", "1 to 65535"),
            (" 80", "1 to 65535"),
            ("80:http", "1 to 65535"),
            ("80/", "tcp or udp"),
            ("80/http", "tcp or udp"),
            ("80/sctp", "SCTP"),
            ("8000-8002:80-81", "same length"),
            ("8002-8000:80-82", "lower port"),
            ("localhost:80:80", "IP address"),
            ("[::1]:80", "IP address"),
            ("1.2.3:80:80", "IP address"),
            ("target=80,mode=host", "target="),
            ("published=80", "target="),
        ] {
            let error = publish(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}

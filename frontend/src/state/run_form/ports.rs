//! The ports that are asked for: rows of a host's port and a container's.

use std::net::{IpAddr, Ipv4Addr};

use estiva_shared::protocol::{PortProtocol, PortRequest};

use super::Problem;
use crate::state::rows::{Row, Rows};

/// One port, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortRow {
    /// The host's port; a free one where empty.
    pub host: String,
    /// The port in the container.
    pub container: String,
    /// What it carries.
    pub protocol: PortProtocol,
}

/// What is wrong with a row, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortProblems {
    /// With the host's port.
    pub host: Option<Problem>,
    /// With the container's.
    pub container: Option<Problem>,
}

impl PortProblems {
    /// The first one.
    pub fn first(self) -> Option<Problem> {
        self.host.or(self.container)
    }
}

impl PortRow {
    /// The row for a port that an image exposes (`3000/tcp`): the same number on the host. Nothing for what can't be
    /// published, such as SCTP.
    pub fn of_exposed(text: &str) -> Option<PortRow> {
        let (number, protocol) = split_protocol(text)?;
        let port = parse_port(number).ok().flatten()?.to_string();
        Some(PortRow {
            host: port.clone(),
            container: port,
            protocol,
        })
    }

    /// The row for what the command line's `-p` takes (`8080:80/udp`), as it is pasted; nothing for any other text.
    pub fn of_words(text: &str) -> Option<PortRow> {
        let (host, rest) = text.trim().split_once(':')?;
        let (container, protocol) = split_protocol(rest)?;
        parse_port(host).ok()?;
        parse_port(container).ok().flatten()?;
        Some(PortRow {
            host: host.trim().to_owned(),
            container: container.trim().to_owned(),
            protocol,
        })
    }

    /// Nothing was typed in it.
    pub fn is_empty(&self) -> bool {
        self.host.trim().is_empty() && self.container.trim().is_empty()
    }

    fn request(&self, address: Option<IpAddr>) -> Result<PortRequest, Problem> {
        Ok(PortRequest {
            address,
            host_port: parse_port(&self.host)?,
            host_port_last: None,
            container_port: parse_port(&self.container)?.ok_or(Problem::PortMissing)?,
            protocol: self.protocol,
        })
    }
}

/// The ports of an image that no row has yet, as rows that are ready. A host's port that a row has already is left to chance.
pub fn offered(exposed: &[String], rows: &Rows<PortRow>) -> Vec<PortRow> {
    let is_there = |port: &PortRow| {
        rows.values()
            .any(|row| row.container.trim() == port.container && row.protocol == port.protocol)
    };
    let mut ready: Vec<PortRow> = Vec::new();
    for mut port in exposed.iter().filter_map(|text| PortRow::of_exposed(text)) {
        // `80` and `80/tcp` are one.
        let is_offered = ready
            .iter()
            .any(|other| other.container == port.container && other.protocol == port.protocol);
        if is_there(&port) || is_offered {
            continue;
        }
        let is_taken = rows
            .values()
            .any(|row| row.host.trim() == port.host && row.protocol == port.protocol);
        if is_taken {
            port.host.clear();
        }
        ready.push(port);
    }
    ready
}

/// What is wrong with a row beside the others.
pub fn problems(rows: &Rows<PortRow>, row: &Row<PortRow>) -> PortProblems {
    if row.value.is_empty() {
        return PortProblems::default();
    }
    let host = match parse_port(&row.value.host) {
        Err(problem) => Some(problem),
        Ok(None) => None,
        Ok(port) => rows
            .iter()
            .take_while(|other| other.id != row.id)
            .any(|other| {
                other.value.protocol == row.value.protocol
                    && parse_port(&other.value.host) == Ok(port)
            })
            .then(|| Problem::PortTwice(row.value.host.trim().to_owned())),
    };
    let container = match parse_port(&row.value.container) {
        Err(problem) => Some(problem),
        Ok(None) => Some(Problem::PortMissing),
        Ok(Some(_)) => None,
    };
    PortProblems { host, container }
}

/// The ports to ask for; rows in which nothing was typed are passed over.
///
/// # Errors
/// The first that can't be read.
pub(super) fn requests(rows: &Rows<PortRow>, is_local: bool) -> Result<Vec<PortRequest>, Problem> {
    let address = is_local.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    rows.iter()
        .filter(|row| !row.value.is_empty())
        .map(|row| match problems(rows, row).first() {
            Some(problem) => Err(problem),
            None => row.value.request(address),
        })
        .collect()
}

/// A port from 1 to 65535; `None` for an empty field.
///
/// # Errors
/// [`Problem::Port`] for anything else.
pub fn parse_port(text: &str) -> Result<Option<u16>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || Problem::Port(text.to_owned());
    // `parse` takes a sign, which no port has.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(bad()),
    }
}

fn split_protocol(text: &str) -> Option<(&str, PortProtocol)> {
    match text.split_once('/') {
        None => Some((text, PortProtocol::Tcp)),
        Some((port, word)) if word.eq_ignore_ascii_case("tcp") => Some((port, PortProtocol::Tcp)),
        Some((port, word)) if word.eq_ignore_ascii_case("udp") => Some((port, PortProtocol::Udp)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(typed: &[(&str, &str)]) -> Rows<PortRow> {
        let mut rows = Rows::default();
        for (host, container) in typed {
            rows.add(PortRow {
                host: (*host).into(),
                container: (*container).into(),
                protocol: PortProtocol::Tcp,
            });
        }
        rows
    }

    fn found(rows: &Rows<PortRow>) -> Vec<PortProblems> {
        rows.iter().map(|row| problems(rows, row)).collect()
    }

    #[test]
    fn a_port_is_a_number_from_1_to_65535() {
        assert_eq!(parse_port(" 3000 "), Ok(Some(3000)));
        assert_eq!(parse_port(""), Ok(None));
        for text in ["0", "65536", "+80", "-1", "http", "80.0", "1e3"] {
            assert_eq!(parse_port(text), Err(Problem::Port(text.into())));
        }
    }

    #[test]
    fn an_empty_host_port_is_a_free_one_and_an_empty_row_is_none() {
        let asked = requests(&rows(&[("", "80"), ("", ""), ("8080", "80")]), false);
        let port = |host_port| PortRequest {
            address: None,
            host_port,
            host_port_last: None,
            container_port: 80,
            protocol: PortProtocol::Tcp,
        };
        assert_eq!(asked, Ok(vec![port(None), port(Some(8080))]));
    }

    #[test]
    fn ports_for_this_machine_alone_listen_on_loopback() {
        let asked = requests(&rows(&[("8080", "80")]), true).expect("a port");
        assert_eq!(asked[0].address, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn a_host_port_belongs_to_one_row_of_its_protocol() {
        let mut both = rows(&[("53", "53"), ("53", "54")]);
        assert_eq!(found(&both)[0], PortProblems::default());
        assert_eq!(found(&both)[1].host, Some(Problem::PortTwice("53".into())));
        both.get_mut(1).expect("a row").protocol = PortProtocol::Udp;
        assert_eq!(found(&both)[1], PortProblems::default());
    }

    #[test]
    fn a_row_with_a_host_port_wants_a_container_port() {
        let typed = rows(&[("8080", ""), ("x", "y")]);
        assert_eq!(found(&typed)[0].container, Some(Problem::PortMissing));
        assert_eq!(found(&typed)[1].host, Some(Problem::Port("x".into())));
        assert_eq!(requests(&typed, false), Err(Problem::PortMissing));
    }

    #[test]
    fn what_the_image_exposes_is_offered_until_a_row_has_it() {
        let exposed = ["3000/tcp", "53/udp", "9/sctp", "many", "3000"].map(String::from);
        let port = |host: &str, container: &str, protocol| PortRow {
            host: host.into(),
            container: container.into(),
            protocol,
        };
        assert_eq!(
            offered(&exposed, &Rows::default()),
            [
                port("3000", "3000", PortProtocol::Tcp),
                port("53", "53", PortProtocol::Udp)
            ]
        );
        let typed = rows(&[("8080", "3000")]);
        assert_eq!(
            offered(&exposed, &typed),
            [port("53", "53", PortProtocol::Udp)]
        );
        // The host's port is another row's already.
        assert_eq!(
            offered(&exposed[..1], &rows(&[("3000", "80")])),
            [port("", "3000", PortProtocol::Tcp)]
        );
    }

    #[test]
    fn reads_what_the_command_line_takes_when_it_is_pasted() {
        let row = PortRow::of_words(" 8080:80/udp ").expect("ports");
        assert_eq!((row.host.as_str(), row.container.as_str()), ("8080", "80"));
        assert_eq!(row.protocol, PortProtocol::Udp);
        assert_eq!(
            PortRow::of_words(":80").map(|row| row.host),
            Some("".into())
        );
        for text in ["80", "a:b", "80:", "1:2/sctp", "127.0.0.1:1:2"] {
            assert_eq!(PortRow::of_words(text), None, "{text}");
        }
    }
}

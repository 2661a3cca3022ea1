//! EXPOSE: ports that the container listens on. It documents; it opens nothing.

use estiva_shared::dockerfile::{Span, Word};

use super::super::scope::Scope;
use super::super::{Action, PlanError, mistake};

/// The step of EXPOSE.
pub(super) fn expose(scope: &mut Scope<'_>, words: &[Word]) -> Result<(String, Action), PlanError> {
    let mut text = "EXPOSE".to_owned();
    let mut identity = vec!["EXPOSE".to_owned()];
    for word in words {
        text.push_str(&format!(" {}", scope.shown(&word.text)));
        for written in scope.expand_list(word)? {
            identity.extend(ports(&written, word.span)?);
        }
    }
    scope
        .config
        .exposed_ports
        .extend(identity[1..].iter().cloned());
    Ok((text, Action::Configure(identity)))
}

/// `[[ADDRESS:]HOST:]PORT[-PORT][/PROTOCOL]` as a list of `PORT/PROTOCOL`. An address and a host's port are dropped, as
/// Docker drops them: nothing is published by EXPOSE.
fn ports(written: &str, span: Span) -> Result<Vec<String>, PlanError> {
    let bad = |what: &str| {
        let message = format!("expected {what}, but found: {written}");
        mistake("bad-port", message, span)
    };
    let (range, protocol) = written.split_once('/').unwrap_or((written, "tcp"));
    let protocol = if protocol.is_empty() {
        "tcp".to_owned()
    } else {
        protocol.to_ascii_lowercase()
    };
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(bad("the protocol tcp, udp or sctp"));
    }
    let range = range
        .rsplit_once(':')
        .map_or(range, |(_, container)| container);
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (Some(first), Some(last)) = (port(first), port(last)) else {
        return Err(bad("a port from 1 to 65535 or a range of them"));
    };
    if first > last {
        return Err(bad("a range of ports that begins with the lower"));
    }
    Ok((first..=last)
        .map(|port| format!("{port}/{protocol}"))
        .collect())
}

/// Digits only: `parse` alone would take `+80`.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_take_a_range_and_a_protocol_in_any_case() {
        for (written, expected) in [
            ("80", vec!["80/tcp"]),
            ("127.0.0.1:8080:80", vec!["80/tcp"]),
            ("53/UDP", vec!["53/udp"]),
            (
                "8000-8002/sctp",
                vec!["8000/sctp", "8001/sctp", "8002/sctp"],
            ),
        ] {
            assert_eq!(
                ports(written, Span::default()).unwrap(),
                expected,
                "{written}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_port() {
        for written in [
            "", "0", "65536", "+80", "http", "90-80", "1-2-3", "80/icmp", "8080:", "-",
        ] {
            assert!(ports(written, Span::default()).is_err(), "{written}");
        }
    }
}

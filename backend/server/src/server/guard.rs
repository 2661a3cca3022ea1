//! Who may ask for what: a decision over a request's head and the door it came through, before any handler runs.
//!
//! A server on loopback can be reached by every page that the user has open in a browser and by every user of the
//! host. Against the first (DNS rebinding, requests across sites) stand the checks of Host and Origin; against both,
//! the token. No cookie is set or read anywhere: browsers send cookies to every port of a host, so a container's
//! published port would be handed ours.
//!
//! **Invariant:** a new route wants the token; being open is the exception, listed in [`is_open`].

use std::net::SocketAddr;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use estiva_shared::protocol::{API_PREFIX, SOCKET_PATH};

use super::session::Sessions;

/// Through which listener a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The Unix socket, with the process at its other end. Only the root's owner can open it.
    Owner {
        /// The peer's process id, as the kernel says.
        pid: Option<i32>,
    },
    /// The loopback listener.
    Page(SocketAddr),
    /// The second listener, for shared links.
    Shares,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request was meant for another host: DNS rebinding looks so.
    #[error("expected a Host of this server, but found: {0}")]
    Host(String),
    /// A page of another origin asks.
    #[error("expected an Origin of this server, but found: {0}")]
    Origin(String),
    /// No token, or one that this server does not know.
    #[error("a token is wanted: this server does not know the one that was sent, or none was")]
    Token,
    /// A route of the other listener.
    #[error("nothing is here")]
    NotHere,
    /// A route that only the Unix socket has.
    #[error("this is answered on the Unix socket only")]
    OwnerOnly,
}

/// Decides over one request.
///
/// # Errors
/// The refusal.
pub(crate) fn check(
    door: Door,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    sessions: &Sessions,
    now: Instant,
) -> Result<(), Refusal> {
    let path = uri.path();
    match door {
        Door::Owner { .. } => Ok(()),
        Door::Shares if is_shared_page(path) && matches!(*method, Method::GET | Method::HEAD) => {
            Ok(())
        }
        Door::Shares => Err(Refusal::NotHere),
        Door::Page(address) => {
            // RFC 9112, 3.2.2: of a target that names the host, that name counts; ours has to stand in both.
            let named = uri.authority().map(|authority| authority.as_str());
            let host = if headers.contains_key(header::HOST) {
                one(headers, &header::HOST)
            } else {
                named
            };
            let own = names(address);
            let is_own = |host: &str| own.iter().any(|name| name.eq_ignore_ascii_case(host));
            if !host.is_some_and(is_own) {
                return Err(Refusal::Host(shown(host)));
            }
            if !named.is_none_or(is_own) {
                return Err(Refusal::Host(shown(named)));
            }
            if headers.contains_key(header::ORIGIN) {
                let origin = one(headers, &header::ORIGIN);
                let same = origin
                    .and_then(|origin| origin.strip_prefix("http://"))
                    .zip(host)
                    .is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
                if !same {
                    return Err(Refusal::Origin(shown(origin)));
                }
            }
            if is_owner_only(path) {
                return Err(Refusal::OwnerOnly);
            }
            if is_open(method, path)
                || bearer(headers).is_some_and(|token| sessions.knows(token, now))
            {
                Ok(())
            } else {
                Err(Refusal::Token)
            }
        }
    }
}

/// The routes that want no token: the page's own files, the exchange of the code, shared links, and the WebSocket,
/// which is given the token as its first message because browsers can't send a header with it.
fn is_open(method: &Method, path: &str) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path.strip_prefix(API_PREFIX) {
        Some("/session") => *method == Method::POST,
        Some(_) => reads && path == SOCKET_PATH,
        None => reads,
    }
}

fn is_shared_page(path: &str) -> bool {
    path.starts_with("/s/")
}

/// What mints codes and ends servers is for the owner alone.
fn is_owner_only(path: &str) -> bool {
    path.strip_prefix(API_PREFIX)
        .is_some_and(|rest| rest == "/codes" || rest.starts_with("/server/"))
}

/// The values of Host by which this server is rightly called.
fn names(address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let mut names = vec![
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        address.to_string(),
    ];
    if port == 80 {
        // Browsers leave a scheme's own port out.
        names.extend(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned));
    }
    names
}

/// A header's value where it stands exactly once: two Hosts are a smuggler's.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// The token of `Authorization: Bearer TOKEN`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = one(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// A header's value for a message, short and without control characters.
fn shown(value: Option<&str>) -> String {
    match value {
        None => "none, or more than one".to_owned(),
        Some(value) => {
            let short: String = value.chars().take(80).collect();
            estiva_shared::text::escape_name(&short).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:7878";

    /// One request through the loopback door; headers as `Name: value` lines.
    fn ask(sessions: &Sessions, method: &str, path: &str, lines: &[&str]) -> Result<(), Refusal> {
        through(
            Door::Page(HERE.parse().unwrap()),
            sessions,
            method,
            path,
            lines,
        )
    }

    fn through(
        door: Door,
        sessions: &Sessions,
        method: &str,
        path: &str,
        lines: &[&str],
    ) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        check(
            door,
            &method.parse().unwrap(),
            &path.parse().unwrap(),
            &headers,
            sessions,
            Instant::now(),
        )
    }

    fn token(sessions: &Sessions) -> String {
        let code = sessions.new_code(Instant::now()).unwrap();
        sessions.exchange(&code, Instant::now()).unwrap()
    }

    #[test]
    fn only_the_hosts_of_this_server_are_answered() {
        let sessions = Sessions::default();
        for host in [
            "127.0.0.1:7878",
            "localhost:7878",
            "LOCALHOST:7878",
            "[::1]:7878",
        ] {
            assert_eq!(
                ask(&sessions, "GET", "/", &[&format!("host: {host}")]),
                Ok(()),
                "{host}"
            );
        }
        for host in [
            "127.0.0.1",
            "localhost",
            "127.0.0.1:7879",
            "evil.example:7878",
            "127.0.0.1.evil.example:7878",
            "0.0.0.0:7878",
            "",
        ] {
            let refused = ask(&sessions, "GET", "/", &[&format!("host: {host}")]);
            assert!(
                matches!(refused, Err(Refusal::Host(_))),
                "{host}: {refused:?}"
            );
        }
        let twice = ask(
            &sessions,
            "GET",
            "/",
            &["host: 127.0.0.1:7878", "host: 127.0.0.1:7878"],
        );
        assert!(matches!(twice, Err(Refusal::Host(_))));
        // A target that names the host once let two Hosts pass, and none of either is to be another's.
        let (own, other) = ("host: 127.0.0.1:7878", "host: evil.example");
        for (target, lines, passes) in [
            ("http://127.0.0.1:7878/", &[own][..], true),
            ("http://127.0.0.1:7878/", &[], true),
            ("http://127.0.0.1:7878/", &[own, own], false),
            ("http://127.0.0.1:7878/", &[other, own], false),
            ("http://127.0.0.1:7878/", &[other], false),
            ("http://evil.example/", &[own], false),
        ] {
            let asked = ask(&sessions, "GET", target, lines);
            assert_eq!(asked.is_ok(), passes, "{target} {lines:?}: {asked:?}");
        }
        assert!(matches!(
            ask(&sessions, "GET", "/", &[]),
            Err(Refusal::Host(_))
        ));
    }

    #[test]
    fn a_page_of_another_origin_is_refused_even_with_the_token() {
        let sessions = Sessions::default();
        let bearer = format!("authorization: Bearer {}", token(&sessions));
        let host = "host: 127.0.0.1:7878";
        let own = ask(
            &sessions,
            "GET",
            "/api/v1/images",
            &[host, &bearer, "origin: http://127.0.0.1:7878"],
        );
        assert_eq!(own, Ok(()));
        for origin in [
            "http://127.0.0.1:3000",
            "http://localhost:7878",
            "https://127.0.0.1:7878",
            "null",
            "http://evil.example",
        ] {
            let refused = ask(
                &sessions,
                "GET",
                "/api/v1/images",
                &[host, &bearer, &format!("origin: {origin}")],
            );
            assert!(
                matches!(refused, Err(Refusal::Origin(_))),
                "{origin}: {refused:?}"
            );
        }
    }

    #[test]
    fn every_route_but_the_listed_ones_wants_the_token() {
        let sessions = Sessions::default();
        let host = "host: 127.0.0.1:7878";
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/page.js"),
            ("HEAD", "/"),
            ("POST", "/api/v1/session"),
            ("GET", "/s/00"),
            ("GET", "/api/v1/socket"),
        ] {
            assert_eq!(
                ask(&sessions, method, path, &[host]),
                Ok(()),
                "{method} {path}"
            );
        }
        for (method, path) in [
            ("GET", "/api/v1/version"),
            ("GET", "/api/v1/images"),
            ("POST", "/api/v1/containers"),
            ("GET", "/api/v1/session"),
            ("POST", "/api/v1/socket"),
            ("GET", "/api/v1/socket/more"),
            ("POST", "/"),
            ("DELETE", "/s/00"),
            ("GET", "/api/v1"),
        ] {
            assert_eq!(
                ask(&sessions, method, path, &[host]),
                Err(Refusal::Token),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn the_token_must_be_one_that_was_given() {
        let sessions = Sessions::default();
        let (good, host) = (token(&sessions), "host: localhost:7878");
        let with = |value: &str| {
            ask(
                &sessions,
                "GET",
                "/api/v1/images",
                &[host, &format!("authorization: {value}")],
            )
        };
        assert_eq!(with(&format!("Bearer {good}")), Ok(()));
        assert_eq!(with(&format!("bearer {good}")), Ok(()));
        for bad in [
            format!("Basic {good}"),
            good.clone(),
            "Bearer ".to_owned(),
            format!("Bearer {good}0"),
            format!("Bearer {}", &good[1..]),
        ] {
            assert_eq!(with(&bad), Err(Refusal::Token), "{bad}");
        }
        let cookie = ask(
            &sessions,
            "GET",
            "/api/v1/images",
            &[host, &format!("cookie: token={good}")],
        );
        assert_eq!(cookie, Err(Refusal::Token));
    }

    #[test]
    fn codes_and_the_servers_end_are_for_the_unix_socket() {
        let sessions = Sessions::default();
        let bearer = format!("authorization: Bearer {}", token(&sessions));
        for path in [
            "/api/v1/codes",
            "/api/v1/server/stop",
            "/api/v1/server/reset",
        ] {
            let refused = ask(&sessions, "POST", path, &["host: 127.0.0.1:7878", &bearer]);
            assert_eq!(refused, Err(Refusal::OwnerOnly), "{path}");
            assert_eq!(
                through(Door::Owner { pid: None }, &sessions, "POST", path, &[]),
                Ok(())
            );
        }
    }

    #[test]
    fn the_second_listener_has_shared_links_and_nothing_else() {
        let sessions = Sessions::default();
        let bearer = format!("authorization: Bearer {}", token(&sessions));
        let ask = |method: &str, path: &str| {
            through(
                Door::Shares,
                &sessions,
                method,
                path,
                &["host: anything", &bearer],
            )
        };
        assert_eq!(ask("GET", "/s/00"), Ok(()));
        assert_eq!(ask("GET", "/s/00/report.json"), Ok(()));
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/api/v1/images"),
            ("POST", "/api/v1/session"),
            ("GET", "/api/v1/socket"),
            ("POST", "/s/00"),
            ("GET", "/s"),
        ] {
            assert_eq!(ask(method, path), Err(Refusal::NotHere), "{method} {path}");
        }
    }
}

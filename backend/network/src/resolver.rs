//! The resolver's configuration for a network namespace of its own: the host's, without what only the host can reach.
//!
//! A name server on loopback is another one in every network namespace, or none. systemd-resolved's stub (127.0.0.53) is
//! the usual one, and the servers that it asks stand in a file beside it; where a host has a loopback server of another
//! kind only, a public one is asked, as Docker does, because a container that can't resolve names is of little use.
//!
//! The file's form is resolv.conf(5)'s.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;

/// The host's configuration.
const HOST: &str = "/etc/resolv.conf";

/// Where systemd-resolved writes the servers that its stub asks (systemd-resolved.service(8)).
const UPSTREAM: &str = "/run/systemd/resolve/resolv.conf";

/// Asked where the host names nobody that can be reached: Google's public servers, which Docker takes too.
const FALLBACK: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 8, 8)),
    IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 4, 4)),
];

/// The most that is read of a file, in bytes: it is lines for people.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the name servers were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the host's own file.
    Host,
    /// In systemd-resolved's.
    Upstream,
    /// Nowhere: public ones are asked.
    Fallback,
}

/// A configuration that works from a namespace of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// The text of `/etc/resolv.conf`.
    pub text: String,
    /// Where its servers come from.
    pub source: Source,
}

/// The configuration for a namespace that has IPv6 or not.
///
/// # Errors
/// If the host's file is there and can't be read.
pub fn resolver(has_ipv6: bool) -> io::Result<Resolver> {
    let host = read(Path::new(HOST))?.unwrap_or_default();
    // A second file that can't be read is as none.
    let upstream = read(Path::new(UPSTREAM)).ok().flatten();
    Ok(choose(&host, upstream.as_deref(), has_ipv6))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn choose(host: &str, upstream: Option<&str>, has_ipv6: bool) -> Resolver {
    if let Some(text) = reachable(host, has_ipv6) {
        let source = Source::Host;
        return Resolver { text, source };
    }
    if let Some(text) = upstream.and_then(|upstream| reachable(upstream, has_ipv6)) {
        let source = Source::Upstream;
        return Resolver { text, source };
    }
    // What else the host's file says still holds: where to search, how long to wait.
    let mut text = without_servers(host);
    for server in FALLBACK {
        text.push_str(&format!("nameserver {server}\n"));
    }
    let source = Source::Fallback;
    Resolver { text, source }
}

/// The file with those servers that can be reached; `None` where there are none.
fn reachable(text: &str, has_ipv6: bool) -> Option<String> {
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| server(line).is_none_or(|address| can_reach(address, has_ipv6)))
        .collect();
    let has_server = kept.iter().any(|line| server(line).is_some());
    has_server.then(|| kept.iter().map(|line| format!("{line}\n")).collect())
}

fn without_servers(text: &str) -> String {
    let others = text.lines().filter(|line| server(line).is_none());
    others.map(|line| format!("{line}\n")).collect()
}

/// The address of a line that names a server; one that can't be read is nobody's (`::`).
fn server(line: &str) -> Option<IpAddr> {
    let rest = line.strip_prefix("nameserver")?;
    let address = rest.strip_prefix([' ', '\t'])?.split_whitespace().next()?;
    Some(
        address
            .parse()
            .unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)),
    )
}

fn can_reach(address: IpAddr, has_ipv6: bool) -> bool {
    match address {
        // 0.0.0.0 means this host to the resolver.
        IpAddr::V4(address) => !address.is_loopback() && !address.is_unspecified(),
        IpAddr::V6(address) => {
            let is_here = address.is_loopback()
                || address.is_unspecified()
                // On one link only, and that is the host's.
                || address.is_unicast_link_local()
                || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback());
            has_ipv6 && !is_here
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_only_the_host_reaches_are_left_out() {
        let host = "# made by hand\nsearch example.org\nnameserver 127.0.0.1\nnameserver 10.0.0.2\nnameserver ::1\n\
                    nameserver fe80::1%eth0\nnameserver 2001:db8::1\noptions edns0\n";
        let both = choose(host, None, true);
        let expected = "# made by hand\nsearch example.org\nnameserver 10.0.0.2\nnameserver 2001:db8::1\noptions edns0\n";
        assert_eq!((both.text.as_str(), both.source), (expected, Source::Host));
        assert!(!choose(host, None, false).text.contains("2001:db8::1"));
    }

    #[test]
    fn a_stubs_own_servers_are_asked_instead_of_it() {
        let stub = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n";
        let upstream = "nameserver 192.0.2.1\nsearch example.org\n";
        let chosen = choose(stub, Some(upstream), true);
        assert_eq!(
            (chosen.text.as_str(), chosen.source),
            (upstream, Source::Upstream)
        );
    }

    #[test]
    fn a_host_that_names_nobody_gets_public_servers_and_keeps_the_rest() {
        for host in [
            "",
            "nameserver 127.0.0.1\n",
            "nameserver\t127.0.0.1\nnameserver nonsense\n",
            "nameserver 0.0.0.0\n",
        ] {
            let chosen = choose(host, Some("nameserver ::1\n"), true);
            assert_eq!(chosen.text, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
            assert_eq!(chosen.source, Source::Fallback);
        }
        let text = choose("search a\nnameserver 127.0.0.53\n", None, true).text;
        assert!(text.starts_with("search a\n"), "{text}");
    }
}

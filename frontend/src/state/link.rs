//! A shared link: who can open it, and what the same report is called as a file.

/// Whether a link's host is the loopback interface, so that it opens on this machine only.
pub fn is_local(link: &str) -> bool {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The name of a report's file: the image's, with what file systems mind replaced.
pub fn file_name(image: &str) -> String {
    let name: String = image
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_') {
                letter
            } else {
                '-'
            }
        })
        .collect();
    format!("{}-report.html", name.trim_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_is_for_this_machine_only() {
        for link in [
            "http://127.0.0.1:7878/s/0",
            "http://127.8.8.8/s/0",
            "http://[::1]:7878/s/0",
            "http://LOCALHOST:1/s/0",
        ] {
            assert!(is_local(link), "{link}");
        }
        for link in [
            "http://192.168.1.5:7880/s/0",
            "http://127.0.0.1.example.org/s/0",
            "https://estiva.example/s/0?localhost",
            "http://[2001:db8::1]:7880/s/0",
        ] {
            assert!(!is_local(link), "{link}");
        }
    }

    #[test]
    fn a_file_is_named_after_its_image() {
        assert_eq!(
            file_name("registry.example/team/api:1.0"),
            "registry.example-team-api-1.0-report.html"
        );
        assert_eq!(file_name("../x"), "x-report.html");
    }
}

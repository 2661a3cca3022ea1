//! Where Debian's packages come from: a release, its archives, and the mirrors that this host's APT takes them from.
//!
//! APT itself is asked, so that no file of its is read here: its lists say which archive is Debian's own, its settings how a
//! mirror is reached. None of it gets into an image, which names Debian's public mirror.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::mmdebstrap::{shown, tool, tool_fault};
use super::{BaseError, date};

/// Debian's public mirror, which every image names, wherever its packages came from.
const MIRROR: &str = "http://deb.debian.org/debian";
const SECURITY_MIRROR: &str = "http://deb.debian.org/debian-security";

/// The most bytes read of a Release file: Debian's has 150 kB.
const RELEASE_BYTES_MAX: u64 = 16 << 20;

/// Settings of the host's APT that say how to reach a mirror.
const SETTINGS: [&str; 5] = [
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::Check-",
    "Acquire::ForceIPv",
    "Acquire::Retries",
];

/// A code name of Debian's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suite(String);

impl Suite {
    /// Lower-case letters: it becomes a word of commands and of an image's name.
    pub(super) fn parse(text: &str) -> Result<Self, BaseError> {
        let is_name =
            (2..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if is_name {
            return Ok(Self(text.to_owned()));
        }
        Err(BaseError::BadSuite {
            found: text.to_owned(),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its archives, each with its default mirror. The unstable one has neither updates nor security's.
    pub(super) fn archives(&self) -> Vec<(String, &'static str)> {
        let name = &self.0;
        let mut archives = vec![(name.clone(), MIRROR)];
        if name != "sid" {
            archives.push((format!("{name}-updates"), MIRROR));
            archives.push((format!("{name}-security"), SECURITY_MIRROR));
        }
        archives
    }
}

/// The archives, each with the mirror that the host's APT takes it from; Debian's public one where it has none.
pub(super) fn sources(suite: &Suite) -> Result<Vec<(String, String)>, BaseError> {
    let listed = tool("apt-get")
        .args(["indextargets", "--format"])
        .arg("$(ORIGIN)\t$(RELEASE)\t$(COMPONENT)\t$(REPO_URI)")
        .arg("Created-By: Packages")
        .output()
        .map_err(tool_fault("apt-get"))?;
    // An APT without lists has nothing to tell; so the public mirror is asked.
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    Ok(mirrors(suite, &listed))
}

fn mirrors(suite: &Suite, listed: &str) -> Vec<(String, String)> {
    let is_uri = |uri: &str| !uri.is_empty() && !uri.contains([' ', '[', ']', '\t']);
    let known = |archive: &str| {
        listed.lines().find_map(|line| {
            let mut fields = line.split('\t');
            let fits = fields.next() == Some("Debian")
                && fields.next() == Some(archive)
                && fields.next() == Some("main");
            fields.next().filter(|uri| fits && is_uri(uri))
        })
    };
    suite
        .archives()
        .into_iter()
        .map(|(archive, mirror)| {
            let uri = known(&archive).unwrap_or(mirror).to_owned();
            (archive, uri)
        })
        .collect()
}

/// When the release was made. It changes with a point release, not with each update of security's, so that it stays the
/// same as long as most packages do.
pub(super) fn release_date(
    suite: &Suite,
    sources: &[(String, String)],
    folder: &Path,
) -> Result<i64, BaseError> {
    let suite = suite.as_str();
    let uri = sources.first().map_or(MIRROR, |(_, uri)| uri);
    let no_date = |found: String| BaseError::NoDate {
        suite: suite.to_owned(),
        uri: without_password(uri),
        found,
    };
    let file = folder.join("InRelease");
    let from = format!("{}/dists/{suite}/InRelease", uri.trim_end_matches('/'));
    let fetched = tool("/usr/lib/apt/apt-helper")
        .args(["-o", "APT::Sandbox::User=root", "download-file"])
        .arg(from)
        .arg(&file)
        .output()
        .map_err(tool_fault("apt-helper"))?;
    if !fetched.status.success() {
        return Err(no_date(refusal(&fetched.stdout, &fetched.stderr)));
    }
    let mut text = String::new();
    fs::File::open(&file)
        .and_then(|file| file.take(RELEASE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| no_date(error.to_string()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Date: "))
        .and_then(date::parse)
        .ok_or_else(|| no_date("none".to_owned()))
}

/// Why apt-helper could not fetch: the line after the one that begins with `Err`; else the last that it said.
fn refusal(stdout: &[u8], stderr: &[u8]) -> String {
    let (said, complained) = (
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr),
    );
    let reason = said
        .lines()
        .skip_while(|line| !line.starts_with("Err"))
        .nth(1)
        .or_else(|| complained.trim().lines().next_back());
    shown(reason.unwrap_or("nothing").trim())
}

/// A mirror's address as it can be told: a password in it stays unsaid.
fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// What of the host's APT says how to reach its mirrors. And nothing is fetched by another user than root, who alone
/// may enter the folder.
pub(super) fn settings(dumped: &str) -> String {
    let mut settings = String::from("APT::Sandbox::User \"root\";\n");
    for line in dumped.lines() {
        if SETTINGS.iter().any(|prefix| line.starts_with(prefix)) {
            settings.push_str(line);
            settings.push('\n');
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(text: &str) -> Suite {
        Suite::parse(text).unwrap()
    }

    #[test]
    fn the_hosts_mirrors_of_debian_are_used_and_no_other_archive() {
        let listed = "Other\tbookworm\tmain\thttps://packages.example/debian/\n\
             Debian\tbookworm\tcontrib\thttp://contrib.example/debian/\n\
             Debian\tbookworm\tmain\thttp://mirror.example/debian/\n\
             Debian\tbookworm-security\tmain\thttp://bad mirror/\n";
        let found = mirrors(&suite("bookworm"), listed);
        let pair = |archive: &str, uri: &str| (archive.to_owned(), uri.to_owned());
        assert_eq!(
            found,
            [
                pair("bookworm", "http://mirror.example/debian/"),
                pair("bookworm-updates", MIRROR),
                pair("bookworm-security", SECURITY_MIRROR),
            ]
        );
        assert_eq!(mirrors(&suite("sid"), ""), [pair("sid", MIRROR)]);
    }

    #[test]
    fn what_of_apt_reaches_a_mirror_is_taken_and_nothing_else() {
        let dumped = "Acquire \"\";\nAcquire::http::Proxy \"http://proxy.example:3128\";\n\
             Acquire::Check-Date \"false\";\nAcquire::Languages \"en\";\n";
        let settings = settings(dumped);
        assert_eq!(
            settings,
            "APT::Sandbox::User \"root\";\nAcquire::http::Proxy \"http://proxy.example:3128\";\n\
             Acquire::Check-Date \"false\";\n"
        );
    }

    #[test]
    fn suites_are_code_names() {
        for bad in [
            "",
            "a",
            "Bookworm",
            "book worm",
            "../etc",
            "--mode=unshare",
            "bookworm-updates",
        ] {
            assert!(Suite::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(suite("bookworm").as_str(), "bookworm");
    }

    #[test]
    fn a_mirrors_refusal_is_told_in_its_own_words() {
        let stdout = b"Err:1 http://mirror.example/dists/x/InRelease\n  404  Not Found [IP: ::1]\n";
        assert_eq!(
            refusal(stdout, b"E: Download Failed\n"),
            "404  Not Found [IP: ::1]"
        );
        assert_eq!(refusal(b"", b"E: Download Failed\n"), "E: Download Failed");
    }

    #[test]
    fn a_password_of_a_mirror_is_not_told() {
        assert_eq!(
            without_password("https://me:secret@mirror.example/debian"),
            "https://mirror.example/debian"
        );
        assert_eq!(
            without_password("http://mirror.example/@x"),
            "http://mirror.example/@x"
        );
    }
}

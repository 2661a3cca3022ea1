//! Image names, by the grammar that Docker's users know (distribution's `reference` package):
//! `[domain[:port]/]path[:tag][@digest]`, where `hello` is short for `docker.io/library/hello:latest`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Digest, DigestError};

/// The domain that a name without one means.
const DEFAULT_DOMAIN: &str = "docker.io";
/// What that domain was once called; names still come with it.
const OLD_DEFAULT_DOMAIN: &str = "index.docker.io";
/// The folder of the default domain that a name of one word means.
const OFFICIAL_FOLDER: &str = "library/";
/// The tag that a name without tag and digest means.
const DEFAULT_TAG: &str = "latest";
/// Longest repository, domain included: distribution's own limit.
const REPOSITORY_BYTES_MAX: usize = 255;
/// Longest tag, by the grammar.
const TAG_BYTES_MAX: usize = 128;

/// Why a text is not an image's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing stands before the tag or digest.
    #[error("expected an image's name, but found nothing: {text:?}")]
    Empty {
        /// The whole text.
        text: String,
    },
    /// The path is not lower-case words with `.`, `_`, `__` or dashes between them.
    #[error(
        "expected lower-case letters, digits and single separators in the name, but found {found:?} in {text:?}"
    )]
    Path {
        /// The part concerned.
        found: String,
        /// The whole text.
        text: String,
    },
    /// The domain is not a host name, an address or one with a port.
    #[error("expected a registry's host and port, but found {found:?} in {text:?}")]
    Domain {
        /// The part concerned.
        found: String,
        /// The whole text.
        text: String,
    },
    /// The tag holds something else than letters, digits, `_`, `.` and `-`, or is too long.
    #[error(
        "expected a tag of at most 128 letters, digits, dots, dashes and underscores, but found {found:?} in {text:?}"
    )]
    Tag {
        /// The part concerned.
        found: String,
        /// The whole text.
        text: String,
    },
    /// What follows `@` is not a digest.
    #[error("expected a digest after the @ in {text:?}: {source}")]
    Digest {
        /// The whole text.
        text: String,
        /// Why.
        source: DigestError,
    },
    /// The repository is longer than 255 bytes.
    #[error("expected a name of at most 255 bytes, but found {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// 64 hexadecimal digits: an image's id, which can't be a name.
    #[error("expected a name, but found an image's id: {text}")]
    LooksLikeId {
        /// The whole text.
        text: String,
    },
}

/// An image's name, in full: domain, path, and a tag or digest or both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    /// Domain and path.
    repository: String,
    /// Bytes of `repository` before the first `/`.
    domain_length: usize,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// `docker.io/library/hello`: domain and path, without tag and digest.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// `docker.io`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.repository[..self.domain_length]
    }

    /// `library/hello`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.repository[self.domain_length + 1..]
    }

    /// `latest`; none only where a digest stands alone.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest after `@`.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The whole name: `docker.io/library/hello:latest`.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.with_suffix(&self.repository)
    }

    /// The name as people write it: `hello:latest`.
    #[must_use]
    pub fn familiar(&self) -> String {
        let repository = match self.domain() {
            DEFAULT_DOMAIN => self
                .path()
                .strip_prefix(OFFICIAL_FOLDER)
                .filter(|rest| !rest.contains('/'))
                .unwrap_or(self.path()),
            _ => &self.repository,
        };
        self.with_suffix(repository)
    }

    /// `repository` with this reference's tag and digest.
    fn with_suffix(&self, repository: &str) -> String {
        let mut text = repository.to_owned();
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
        text
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => match digest.parse() {
                Ok(digest) => (name, Some(digest)),
                Err(source) => {
                    return Err(ReferenceError::Digest {
                        text: text.to_owned(),
                        source,
                    });
                }
            },
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let path_start = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[path_start..].find(':') {
            Some(colon) if path_start + colon > 0 => {
                let tag = &name[path_start + colon + 1..];
                (&name[..path_start + colon], Some(check_tag(tag, text)?))
            }
            _ => (name, None),
        };
        if name.is_empty() {
            return Err(ReferenceError::Empty {
                text: text.to_owned(),
            });
        }
        if Digest::from_hex(name).is_ok() {
            return Err(ReferenceError::LooksLikeId {
                text: text.to_owned(),
            });
        }
        let (domain, path) = split_domain(name);
        check_domain(domain, text)?;
        check_path(&path, text)?;
        let repository = format!("{domain}/{path}");
        if repository.len() > REPOSITORY_BYTES_MAX {
            return Err(ReferenceError::TooLong {
                length: repository.len(),
            });
        }
        let tag = tag.or_else(|| digest.is_none().then(|| DEFAULT_TAG.to_owned()));
        Ok(Self {
            domain_length: domain.len(),
            repository,
            tag,
            digest,
        })
    }
}

/// A name's domain and its path, with what is understood filled in.
fn split_domain(name: &str) -> (&str, String) {
    let (domain, path) = match name.split_once('/') {
        // The first word is a domain where it can't be a path's: with a dot, a port or upper case, or `localhost`.
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(char::is_uppercase) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, name),
    };
    let domain = if domain == OLD_DEFAULT_DOMAIN {
        DEFAULT_DOMAIN
    } else {
        domain
    };
    let official = domain == DEFAULT_DOMAIN && !path.contains('/');
    (
        domain,
        if official {
            format!("{OFFICIAL_FOLDER}{path}")
        } else {
            path.to_owned()
        },
    )
}

/// The tag, where it follows the grammar.
fn check_tag(tag: &str, text: &str) -> Result<String, ReferenceError> {
    let starts_well = tag.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_');
    let holds_well = tag
        .chars()
        .all(|each| each.is_ascii_alphanumeric() || matches!(each, '_' | '.' | '-'));
    if starts_well && holds_well && tag.len() <= TAG_BYTES_MAX {
        Ok(tag.to_owned())
    } else {
        Err(ReferenceError::Tag {
            found: tag.to_owned(),
            text: text.to_owned(),
        })
    }
}

/// Refuses a domain that is neither host name, IPv4 nor bracketed IPv6 address, each with an optional port.
fn check_domain(domain: &str, text: &str) -> Result<(), ReferenceError> {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let port_is_good = port
        .is_none_or(|port| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()));
    let host_is_good = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => {
            !address.is_empty()
                && address
                    .bytes()
                    .all(|each| each.is_ascii_hexdigit() || each == b':')
        }
        None => host.split('.').all(|label| {
            let ends_well = !label.starts_with('-') && !label.ends_with('-');
            !label.is_empty()
                && ends_well
                && label
                    .bytes()
                    .all(|each| each.is_ascii_alphanumeric() || each == b'-')
        }),
    };
    if port_is_good && host_is_good {
        Ok(())
    } else {
        Err(ReferenceError::Domain {
            found: domain.to_owned(),
            text: text.to_owned(),
        })
    }
}

/// Refuses a path whose components are not `[a-z0-9]+` words joined by `.`, `_`, `__` or dashes.
fn check_path(path: &str, text: &str) -> Result<(), ReferenceError> {
    for component in path.split('/') {
        let is_word = |each: char| each.is_ascii_lowercase() || each.is_ascii_digit();
        let ends_well = component.starts_with(is_word) && component.ends_with(is_word);
        let separators_are_good = component.split(is_word).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|each| each == b'-')
        });
        if !ends_well || !separators_are_good {
            return Err(ReferenceError::Path {
                found: component.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    Ok(())
}

/// The canonical form.
impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.canonical())
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.canonical()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn short_names_mean_the_same_as_docker_s() {
        let table = [
            ("hello", "docker.io/library/hello:latest", "hello:latest"),
            ("hello:1.0", "docker.io/library/hello:1.0", "hello:1.0"),
            (
                "you/hello",
                "docker.io/you/hello:latest",
                "you/hello:latest",
            ),
            (
                "index.docker.io/hello",
                "docker.io/library/hello:latest",
                "hello:latest",
            ),
            (
                "docker.io/library/hello",
                "docker.io/library/hello:latest",
                "hello:latest",
            ),
            (
                "localhost/hello",
                "localhost/hello:latest",
                "localhost/hello:latest",
            ),
            (
                "localhost:5000/a/b:v_1",
                "localhost:5000/a/b:v_1",
                "localhost:5000/a/b:v_1",
            ),
            ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
            ("Host/a", "Host/a:latest", "Host/a:latest"),
            (
                "a__b/c---d.e",
                "docker.io/a__b/c---d.e:latest",
                "a__b/c---d.e:latest",
            ),
        ];
        for (text, canonical, familiar) in table {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.canonical(), canonical);
            assert_eq!(reference.familiar(), familiar);
            assert_eq!(canonical.parse::<Reference>().unwrap(), reference);
            assert_eq!(familiar.parse::<Reference>().unwrap(), reference);
        }
    }

    #[test]
    fn digest_takes_the_default_tag_s_place() {
        let alone: Reference = format!("hello@{DIGEST}").parse().unwrap();
        assert_eq!(
            (alone.tag(), alone.digest().unwrap().to_string().as_str()),
            (None, DIGEST)
        );
        let both: Reference = format!("hello:1@{DIGEST}").parse().unwrap();
        assert_eq!(both.tag(), Some("1"));
        assert_eq!(
            both.canonical(),
            format!("docker.io/library/hello:1@{DIGEST}")
        );
    }

    #[test]
    fn parts_are_those_of_the_whole_name() {
        let reference: Reference = "r.example:5000/a/b:c".parse().unwrap();
        assert_eq!(reference.domain(), "r.example:5000");
        assert_eq!(reference.path(), "a/b");
        assert_eq!(reference.repository(), "r.example:5000/a/b");
        assert_eq!(reference.tag(), Some("c"));
    }

    #[test]
    fn rejects_what_is_no_name() {
        let long = "a".repeat(256);
        let long_tag = format!("a:{}", "b".repeat(129));
        let bad = [
            "",
            ":",
            ":tag",
            "@",
            "Hello",
            "hello:",
            "hello:-a",
            "hello:a b",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a._b",
            "a___b",
            "a..b",
            "a@sha256:12",
            "a b",
            "é",
            "http://a/b",
            "x.:1/a",
            "x.y:port/a",
            "[::1/a",
            "a\nb",
            "a:b\n",
            &long,
            &long_tag,
            &DIGEST[7..],
        ];
        for text in bad {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}

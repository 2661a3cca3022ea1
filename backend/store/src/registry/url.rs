//! Addresses that a registry is asked at, and those that it answers: http and https alone, without a user's name in them.
//! Shown without their query, because storage services sign there.
//!
//! RFC 3986, section 5.2, for a `Location` that is relative.

use std::fmt;

use ureq::http::Uri;

/// The longest address, in bytes: signed ones of storage services have two thousand.
const URL_BYTES_MAX: usize = 16 << 10;

/// An address to ask at.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Url(Uri);

/// Why an address is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum UrlFault {
    #[error("expected http: or https:, but found {0}:")]
    Scheme(String),
    #[error("expected an address without a user's name in it")]
    UserInfo,
    #[error("expected an address of at most {URL_BYTES_MAX} bytes, but found {0}")]
    TooLong(usize),
    #[error("expected an address, but found one that can't be read")]
    Unreadable,
}

impl Url {
    /// An address in full.
    pub(super) fn parse(text: &str) -> Result<Self, UrlFault> {
        match scheme(text) {
            Some(scheme) if scheme == "http" || scheme == "https" => {}
            Some(scheme) => return Err(UrlFault::Scheme(scheme)),
            None => return Err(UrlFault::Unreadable),
        }
        if text.len() > URL_BYTES_MAX {
            return Err(UrlFault::TooLong(text.len()));
        }
        // A fragment is the client's own affair.
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| UrlFault::Unreadable)?;
        let authority = uri.authority().ok_or(UrlFault::Unreadable)?;
        // `http:relative` is read as a host and a port.
        if uri.scheme().is_none() {
            return Err(UrlFault::Unreadable);
        }
        if authority.as_str().contains('@') {
            return Err(UrlFault::UserInfo);
        }
        if authority.host().is_empty() {
            return Err(UrlFault::Unreadable);
        }
        Ok(Self(uri))
    }

    /// What a `Location` means that came from here.
    pub(super) fn join(&self, location: &str) -> Result<Self, UrlFault> {
        let location = location.trim();
        if scheme(location).is_some() {
            return Self::parse(location);
        }
        let (scheme, authority) = (self.scheme(), self.authority());
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        if location.starts_with('/') {
            return Self::parse(&format!("{scheme}://{authority}{location}"));
        }
        let path = self.0.path();
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        match location.starts_with('?') {
            true => Self::parse(&format!("{scheme}://{authority}{path}{location}")),
            false => Self::parse(&format!("{scheme}://{authority}{folder}{location}")),
        }
    }

    /// The same, with one more parameter in its query.
    ///
    /// # Errors
    /// Where it becomes longer than any address: both parts may be a registry's.
    pub(super) fn with_query(&self, name: &str, value: &str) -> Result<Self, UrlFault> {
        let before = self.0.to_string();
        let joint = if self.0.query().is_some() { '&' } else { '?' };
        Self::parse(&format!("{before}{joint}{name}={}", encode(value)))
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }

    pub(super) fn scheme(&self) -> &str {
        self.0.scheme_str().unwrap_or_default()
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    fn authority(&self) -> &str {
        self.0
            .authority()
            .map_or("", |authority| authority.as_str())
    }

    pub(super) fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// Whether both are one server's: credentials for the one may go to the other.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        let port = |url: &Self| {
            let default = if url.is_https() { 443 } else { 80 };
            url.0.port_u16().unwrap_or(default)
        };
        self.scheme() == other.scheme()
            && self.host().eq_ignore_ascii_case(other.host())
            && port(self) == port(other)
    }
}

/// The scheme in lower case, where a text begins with one.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|each| each.is_ascii_alphanumeric() || "+-.".contains(each));
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Without the query.
impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}://{}{}",
            self.scheme(),
            self.authority(),
            self.0.path()
        )
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_understood_from_where_it_came() {
        let base = Url::parse("https://r.example:5000/v2/a/blobs/uploads/1?state=x").unwrap();
        for (location, whole) in [
            ("/v2/b", "https://r.example:5000/v2/b"),
            ("2?y=1", "https://r.example:5000/v2/a/blobs/uploads/2?y=1"),
            ("?y=1", "https://r.example:5000/v2/a/blobs/uploads/1?y=1"),
            ("//cdn.example/z", "https://cdn.example/z"),
            ("HTTP://cdn.example/z#part", "http://cdn.example/z"),
        ] {
            assert_eq!(base.join(location).unwrap().uri().to_string(), whole);
        }
    }

    #[test]
    fn other_schemes_and_users_names_are_refused() {
        let base = Url::parse("https://r.example/v2/").unwrap();
        for location in ["file:///etc/passwd", "gopher://x/", "data:text/plain,x"] {
            let fault = base.join(location).unwrap_err();
            assert!(matches!(fault, UrlFault::Scheme(_)), "{location}");
        }
        assert!(matches!(
            base.join("https://a:b@r.example/"),
            Err(UrlFault::UserInfo)
        ));
        for location in ["https://", "https:///x", "http:relative", "/a b\u{7f}"] {
            assert!(base.join(location).is_err(), "{location}");
        }
    }

    #[test]
    fn a_query_is_added_and_never_shown() {
        let url = Url::parse("https://r.example/x?sig=secret").unwrap();
        let url = url.with_query("digest", "sha256:a/b").unwrap();
        assert_eq!(
            url.uri().to_string(),
            "https://r.example/x?sig=secret&digest=sha256%3Aa%2Fb"
        );
        assert_eq!(
            format!("{url} {url:?}"),
            "https://r.example/x Url(https://r.example/x)"
        );
    }

    /// A location and a parameter of a registry's that were long enough ended the server's thread.
    #[test]
    fn an_address_that_is_too_long_is_refused_and_no_text_makes_a_panic() {
        let base = Url::parse("https://r.example/v2/").unwrap();
        let long = "x".repeat(URL_BYTES_MAX);
        assert!(matches!(base.join(&long), Err(UrlFault::TooLong(_))));
        let nearly = base.join(&long[..URL_BYTES_MAX - 100]).unwrap();
        let fault = nearly.with_query("digest", &long[..100]).unwrap_err();
        assert!(matches!(fault, UrlFault::TooLong(_)));
        let alphabet: Vec<char> = "htp:/?#[]@%&=.\\ é\u{0}\u{202e}x1-".chars().collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..(state % 30) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push(alphabet[(state % alphabet.len() as u64) as usize]);
            }
            state = state.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(1);
            if let Ok(url) = base.join(&text) {
                assert!(matches!(url.scheme(), "http" | "https"), "{text:?}");
                assert!(!url.host().is_empty(), "{text:?}");
                let _ = url.with_query("a", &text);
            }
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert!(url("https://R.example/a").same_origin(&url("https://r.example:443/b")));
        assert!(!url("https://r.example/").same_origin(&url("http://r.example/")));
        assert!(!url("http://r.example/").same_origin(&url("http://r.example:81/")));
        assert!(!url("http://r.example/").same_origin(&url("http://s.example/")));
    }
}

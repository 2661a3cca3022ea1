//! The headers that every answer carries, and the content security policy of each kind of page.
//!
//! The policy begins at nothing and allows what the page needs: its own scripts, styles, worker and WebAssembly, its
//! own server, and the inline scripts that its build put into `index.html`, each by its digest.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use estiva_shared::report;
use sha2::{Digest as _, Sha256};

/// For answers that are no page: nothing may run, be framed or be loaded from them.
const NOTHING: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What each answer carries, whatever it is.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    // With the one before: the page's workers may share memory, one reading while another hashes.
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// Adds what is missing. A handler's own policy and cache rule stay.
pub(crate) fn complete(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(NOTHING));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// The dashboard's policy, with the digests of the inline scripts and styles of its `index.html`. The report's style is
/// allowed too: the page shows a report in a frame before it is shared, and such a frame is under its page's policy. A picture
/// of an image that is looked at comes from the page itself (`blob:`); what is drawn as an image runs no script.
pub(crate) fn page_policy(index: &str) -> String {
    policy(index, "frame-ancestors 'none'; base-uri 'none'")
}

/// The same for a page that no server of ours sends: it stands in the document, where nothing can be said of frames around
/// it (Content Security Policy Level 3, section 3.3), and names its own base.
pub(crate) fn site_policy(index: &str) -> String {
    policy(index, "base-uri 'self'")
}

fn policy(index: &str, around: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{}; style-src 'self'{}{}; connect-src 'self'; \
         img-src 'self' data: blob:; font-src 'self'; worker-src 'self'; manifest-src 'self'; {around}; form-action 'none'",
        digests(index, "script"),
        digests(index, "style"),
        digest(report::HTML_STYLE),
    )
}

/// The policy of a shared report: its inline styles, and no script at all.
pub(crate) fn report_policy(html: &str) -> String {
    format!(
        "default-src 'none'; style-src{}; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        match digests(html, "style") {
            none if none.is_empty() => " 'none'".to_owned(),
            some => some,
        }
    )
}

/// ` 'sha256-…'` for the content of each inline element of this name (Content Security Policy Level 3, section 6.7.3.3).
fn digests(html: &str, element: &str) -> String {
    inline(html, element).into_iter().map(digest).collect()
}

/// ` 'sha256-…'` for this content.
fn digest(content: &str) -> String {
    format!(" 'sha256-{}'", base64(&Sha256::digest(content.as_bytes())))
}

/// The contents of the elements of this name that have any. It reads pages that our own build wrote, so it knows no
/// comments and no elements in attribute values.
fn inline<'a>(html: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find(&open) {
        let after = &rest[start + open.len()..];
        rest = after;
        // `<style` begins `<styled-thing` too.
        if !after.starts_with(|next: char| next == '>' || next.is_ascii_whitespace()) {
            continue;
        }
        let Some((_, body)) = after.split_once('>') else {
            break;
        };
        let Some(end) = body.find(&close) else { break };
        if end > 0 {
            found.push(&body[..end]);
        }
        rest = &body[end..];
    }
    found
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let six_bits = (group >> (18 - 6 * digit)) & 63;
            text.push(if digit > chunk.len() {
                '='
            } else {
                char::from(DIGITS[six_bits as usize])
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_specification() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn inline_scripts_are_allowed_by_their_digest_and_no_others() {
        let index = "<head><script src=\"/a.js\"></script><script type=\"module\">alert(1)</script><style>p{}</style></head>";
        let policy = page_policy(index);
        // Digest of `alert(1)`, taken with openssl.
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=';"), "{policy}");
        // The script, the style, and the style of a report in a frame.
        assert_eq!(policy.matches("sha256-").count(), 3);
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        assert!(policy.starts_with("default-src 'none';"));
    }

    #[test]
    fn the_page_may_show_a_report_in_a_frame_as_its_link_will() {
        let report = format!("<style>{}</style>", report::HTML_STYLE);
        let style = digests(&report, "style");
        assert!(page_policy("<head>").contains(&format!("style-src 'self'{style};")));
    }

    #[test]
    fn a_report_runs_no_script() {
        let policy = report_policy("<style>a{}</style><p>text</p>");
        assert!(policy.contains("style-src 'sha256-") && !policy.contains("script-src"));
        assert!(report_policy("<p>").contains("style-src 'none'"));
    }

    #[test]
    fn an_answer_gets_what_it_lacks_and_keeps_what_it_has() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        complete(&mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "public");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], NOTHING);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(header::SET_COOKIE));
    }
}

//! Licences: which declared texts are identifiers of the SPDX list, so that they may stand where only those may.

/// The identifiers that packages declare most.
const KNOWN: [&str; 44] = [
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BlueOak-1.0.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSL-1.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "curl",
    "EPL-1.0",
    "EPL-2.0",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ICU",
    "ISC",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "OFL-1.1",
    "OpenSSL",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Unicode-3.0",
    "Unlicense",
    "WTFPL",
    "Zlib",
];

/// The expression that a declared text is: identifiers joined by AND or OR, without brackets; none for anything else.
pub(super) fn expression(declared: &str) -> Option<String> {
    let words: Vec<_> = declared.split(' ').collect();
    let fits = words
        .iter()
        .enumerate()
        .all(|(number, word)| match number % 2 {
            0 => KNOWN.contains(word),
            _ => matches!(*word, "AND" | "OR"),
        });
    (fits && words.len() % 2 == 1).then(|| declared.to_owned())
}

/// Whether a declared text is one identifier.
pub(super) fn is_id(declared: &str) -> bool {
    KNOWN.contains(&declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_list_has_is_an_expression() {
        for good in ["MIT", "Apache-2.0 OR MIT", "GPL-2.0-only AND MIT AND Zlib"] {
            assert_eq!(expression(good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "BSD License",
            "MIT OR",
            "(MIT OR ISC)",
            "MIT ISC",
            "mit",
        ] {
            assert_eq!(expression(bad), None, "{bad}");
        }
    }
}

//! What may be shown of a secret: never enough to use it, enough to know which one it is.

/// Most characters of a secret that are shown.
const SHOWN_CHARS: usize = 4;

/// One character is shown for so many that there are: a password of eight shows two.
const CHARS_FOR_ONE: usize = 4;

/// Longest name of a variable that is shown, in characters.
const NAME_CHARS_MAX: usize = 64;

/// A secret's first characters, four at most, and a mark that something follows.
pub(super) fn masked(secret: &str) -> String {
    let chars = secret.chars().count();
    let shown = secret
        .chars()
        .take(SHOWN_CHARS.min(chars / CHARS_FOR_ONE))
        .take_while(|c| c.is_ascii_graphic());
    let mut text: String = shown.collect();
    text.push('…');
    text
}

/// `NAME=abcd…`.
pub(super) fn masked_assignment(name: &str, secret: &str) -> String {
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    format!("{name}={}", masked(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_characters_at_most_and_a_quarter_of_a_short_one() {
        for (secret, shown) in [
            ("", "…"),
            ("abc", "…"),
            ("hunter22", "hu…"),
            ("0123456789abcdef0123", "0123…"),
            ("é123456789abcdef", "…"),
        ] {
            assert_eq!(masked(secret), shown);
        }
        assert_eq!(masked_assignment("A", "0123456789abcdef"), "A=0123…");
    }
}

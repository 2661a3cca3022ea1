//! Text for people: names from an archive made safe to show, sizes and durations in words.
//!
//! One place, so that the page, the command line and a report say the same thing of the same number. Nothing here
//! is read back: what a machine needs goes over the wire as a number.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::image::holdings::sbom::moment::date;

/// Shows a name that came from outside so that it can't move the cursor, colour the terminal or read backwards:
/// control characters, line separators, bidirectional overrides and invisible characters become `\u{…}`.
///
/// Everything else stays as it is; a name without such characters is borrowed. A backslash is left alone, because
/// the result is for eyes: it is not meant to be turned back.
pub fn escape_name(name: &str) -> Cow<'_, str> {
    if !name.contains(is_deceptive) {
        return Cow::Borrowed(name);
    }
    let mut shown = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        if is_deceptive(c) {
            // Writing to a String can't fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Characters that change how the text around them is shown (Unicode Standard Annex 9, "Trojan Source" CVE-2021-42574)
/// or that can't be seen at all. U+200C and U+200D are spared: words and emoji of honest names need them.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The decimal units of a size, each a thousand of the one before; the last holds every `u64`.
const BYTE_UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

/// A size in decimal units, as Docker's own lists show it: `0 B`, `999 B`, `1.2 kB`, `170 MB`.
///
/// One decimal below 100 of a unit and none from there on; a decimal of zero is left out.
pub fn human_bytes(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // In tenths of the unit, so that the rounding is exact: 999 950 B is 1 MB, not "1000 kB".
    let mut unit_bytes: u128 = 1000;
    for (index, unit) in BYTE_UNITS.iter().enumerate() {
        let tenths = (u128::from(bytes) * 10 + unit_bytes / 2) / unit_bytes;
        let rounded_up =
            tenths >= 1000 && (u128::from(bytes) + unit_bytes / 2) / unit_bytes >= 1000;
        if (tenths < 10_000 && !rounded_up) || index + 1 == BYTE_UNITS.len() {
            return if tenths < 1000 && !tenths.is_multiple_of(10) {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!(
                    "{} {unit}",
                    (u128::from(bytes) + unit_bytes / 2) / unit_bytes
                )
            };
        }
        unit_bytes *= 1000;
    }
    format!("{bytes} B")
}

/// A duration in milliseconds as people say it: `0 ms`, `850 ms`, `1.2 s`, `2 min 5 s`, `3 h 20 min`.
///
/// Cut, not rounded, so that a running clock never shows a time that has not passed.
pub fn human_duration_ms(duration_ms: u64) -> String {
    let seconds = duration_ms / 1000;
    match seconds {
        0 => format!("{duration_ms} ms"),
        1..60 => format!("{seconds}.{} s", duration_ms % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// Furthest day from 1970 that is written as a date: the year 9999.
const DAYS_MAX: i64 = 2_932_896;

/// A time of seconds since 1970, such as `2024-05-01 12:30:00 UTC`; one that no calendar has is written as the number.
pub fn human_moment(seconds: i64) -> String {
    let days = seconds.div_euclid(DAY_SECONDS);
    if !(-719_162..=DAYS_MAX).contains(&days) {
        return seconds.to_string();
    }
    let second = seconds.rem_euclid(DAY_SECONDS);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_names_are_borrowed() {
        for name in ["", "usr/bin/café", "a b\\n", "日本", "👩\u{200d}💻"] {
            assert!(matches!(escape_name(name), Cow::Borrowed(shown) if shown == name));
        }
    }

    #[test]
    fn control_and_direction_characters_are_spelled_out() {
        assert_eq!(escape_name("a\nb\u{1b}[31m"), "a\\u{a}b\\u{1b}[31m");
        assert_eq!(escape_name("exe.\u{202e}gpj"), "exe.\\u{202e}gpj");
        assert_eq!(
            escape_name("\u{9b}\u{7f}\u{feff}"),
            "\\u{9b}\\u{7f}\\u{feff}"
        );
    }

    #[test]
    fn sizes_are_decimal() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1234, "1.2 kB"),
            (99_940, "99.9 kB"),
            (99_960, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1 MB"),
            (170_000_000, "170 MB"),
            (1_250_000_000, "1.3 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in table {
            assert_eq!(human_bytes(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn durations_are_cut_to_what_has_passed() {
        let table = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1.0 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (125_000, "2 min 5 s"),
            (12_000_000, "3 h 20 min"),
        ];
        for (duration_ms, text) in table {
            assert_eq!(human_duration_ms(duration_ms), text, "{duration_ms}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let table = [
            (0, "1970-01-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_714_566_645, "2024-05-01 12:30:45 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (253_402_300_800, "253402300800"),
            (i64::MAX, "9223372036854775807"),
            (i64::MIN, "-9223372036854775808"),
            (-62_135_596_800, "0001-01-01 00:00:00 UTC"),
        ];
        for (seconds, text) in table {
            assert_eq!(human_moment(seconds), text, "{seconds}");
        }
    }
}

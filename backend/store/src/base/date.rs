//! The one kind of date that an archive's Release file has, and the one that an image's config has.

/// Names of months, as RFC 5322 has them.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const SECONDS_A_DAY: i64 = 86_400;

/// Seconds since 1970 of `Sat, 06 Sep 2025 09:47:37 UTC` (Debian's repository format, "Date, Valid-Until").
pub(super) fn parse(text: &str) -> Option<i64> {
    let (_, text) = text.split_once(", ")?;
    let mut words = text.split_whitespace();
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':');
    let mut part = |max: i64| {
        clock
            .next()?
            .parse()
            .ok()
            .filter(|part| (0..=max).contains(part))
    };
    let seconds = part(23)? * 3600 + part(59)? * 60 + part(60)?;
    let is_utc = matches!(words.next(), Some("UTC" | "GMT" | "+0000"));
    let is_sane = (1970..=9999).contains(&year) && (1..=31).contains(&day) && is_utc;
    is_sane.then(|| days(year, month, day) * SECONDS_A_DAY + seconds)
}

/// `2025-09-06T09:47:37Z` (RFC 3339, section 5.6) of seconds since 1970.
pub(super) fn rfc3339(seconds: i64) -> String {
    let (days, rest) = (
        seconds.div_euclid(SECONDS_A_DAY),
        seconds.rem_euclid(SECONDS_A_DAY),
    );
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since 1970 of a day of the Gregorian calendar. Years are counted from March, so that a leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The other way round.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_releases_date_is_read_and_written() {
        let seconds = parse("Sat, 06 Sep 2025 13:06:40 UTC").unwrap();
        assert_eq!(seconds, 1_757_164_000);
        assert_eq!(rfc3339(seconds), "2025-09-06T13:06:40Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 UTC"), Some(0));
        assert_eq!(
            rfc3339(parse("Thu, 29 Feb 2024 23:59:59 GMT").unwrap()),
            "2024-02-29T23:59:59Z"
        );
    }

    #[test]
    fn both_ways_agree_on_every_day_of_a_century() {
        for day in 0..36_525 {
            let (year, month, day_of_month) = civil(day);
            assert_eq!(days(year, month, day_of_month), day);
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "Sat, 06 Foo 2025 13:06:40 UTC",
            "Sat, 06 Sep 2025 25:06:40 UTC",
            "Sat, 06 Sep 2025 13:06:40 CET",
            "Sat, 99 Sep 2025 13:06:40 UTC",
            "Sat, 06 Sep 99999999999 13:06:40 UTC",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

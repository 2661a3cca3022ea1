//! A time as both forms want it: in UTC, to the second.
//!
//! Specification: RFC 3339, section 5.6. There is no clock here: the time is the one that the image has.

/// The time that stands where the image has none.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// Turns a time (RFC 3339, any offset and fraction) to `YYYY-MM-DDThh:mm:ssZ`.
pub(super) fn in_utc(created: Option<&str>) -> String {
    created
        .and_then(convert)
        .unwrap_or_else(|| NO_TIME.to_owned())
}

fn convert(text: &str) -> Option<String> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let is_formed = marks.iter().all(|(at, mark)| bytes.get(*at) == Some(mark))
        && matches!(bytes.get(10), Some(b'T' | b't' | b' '));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_real = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_formed || !is_real {
        return None;
    }
    let rest = text.get(19..)?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let offset_minutes = match offset.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d]
            if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) =>
        {
            let digit = |byte: &u8| i64::from(byte - b'0');
            let minutes = (digit(a) * 10 + digit(b)) * 60 + digit(c) * 10 + digit(d);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let minutes = days(year, month, day) * 1440 + hour * 60 + minute - offset_minutes;
    let (year, month, day) = date(minutes.div_euclid(1440));
    let minute = minutes.rem_euclid(1440);
    // A leap second has no place in most readers.
    let second = second.min(59);
    let is_shown = (0..=9999).contains(&year);
    is_shown.then(|| {
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{second:02}Z",
            minute / 60,
            minute % 60
        )
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years are counted from March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date that lies so many days after 1970-01-01.
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_fractions_go() {
        for (given, shown) in [
            ("2024-02-29T23:30:05.123456789Z", "2024-02-29T23:30:05Z"),
            ("2024-03-01T00:30:05+01:00", "2024-02-29T23:30:05Z"),
            ("2023-12-31T22:00:00-03:00", "2024-01-01T01:00:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("1969-12-31T23:59:60Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(in_utc(Some(given)), shown);
        }
    }

    #[test]
    fn what_is_no_time_is_the_first_second() {
        for bad in [
            "",
            "yesterday",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00+1:00",
            "20é4-01-01T00:00:00Z",
            "0000-01-01T00:00:00+23:59",
        ] {
            assert_eq!(in_utc(Some(bad)), NO_TIME, "{bad}");
        }
        assert_eq!(in_utc(None), NO_TIME);
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in (days(1900, 1, 1)..days(2300, 1, 1)).step_by(13) {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}

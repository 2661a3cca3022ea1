//! The time of day as the builder reads it: from the system, or fixed by a test.
//!
//! It goes into the image's configuration and so into its digest: with a fixed clock two builds give the same image.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where the builder takes the time of day from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The system's.
    #[default]
    System,
    /// Always this: milliseconds since 1970.
    Fixed(u64),
}

impl Clock {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(self) -> u64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
                }),
            Self::Fixed(now_ms) => now_ms,
        }
    }

    /// The time as RFC 3339 in UTC, to the millisecond, as the image configuration wants it.
    #[must_use]
    pub fn now_rfc3339(self) -> String {
        rfc3339(self.now_ms())
    }
}

/// Milliseconds since 1970 as `YYYY-MM-DDThh:mm:ss.mmmZ`.
fn rfc3339(time_ms: u64) -> String {
    const DAY_S: u64 = 86_400;
    let (seconds, milliseconds) = (time_ms / 1000, time_ms % 1000);
    let (year, month, day) = civil_date(seconds / DAY_S);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// The Gregorian date of a day counted from 1970-01-01. Counts in years that begin in March, so that the leap day is
/// the last of its year, and in eras of 400 years, which all have the same length.
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_OF_ERA: u64 = 146_097;
    // 0000-03-01 is 719,468 days before 1970-01-01.
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_around_leap_days_and_centuries_are_right() {
        for (time_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_709_164_800_123, "2024-02-29T00:00:00.123Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(time_ms), text);
        }
    }
}

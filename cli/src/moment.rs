use std::time::{SystemTime, UNIX_EPOCH};

/// The time, in milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A moment for people: `2026-11-22 03:44 UTC`; a dash where there is none.
pub(crate) fn show(ms: Option<u64>) -> String {
    let Some(ms) = ms.filter(|ms| *ms > 0) else { return "-".to_owned() };
    let minutes = ms / 60_000;
    let (year, month, day) = date(minutes / 1_440);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

/// The Gregorian date so many days after 1970-01-01, by eras of 400 years that begin with a March.
fn date(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (ERA_DAYS - 1)) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments() {
        for (ms, expect) in [
            (None, "-"),
            (Some(0), "-"),
            (Some(1), "1970-01-01 00:00 UTC"),
            (Some(951_782_399_999), "2000-02-28 23:59 UTC"),
            (Some(951_782_400_000), "2000-02-29 00:00 UTC"),
            (Some(1_800_000_000_000), "2027-01-15 08:00 UTC"),
            (Some(4_107_542_400_000), "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(show(ms), expect);
        }
    }

    proptest! {
        #[test]
        fn each_day_is_the_one_after_the_day_before(day in 0u64..4_000_000) {
            let (before, after) = (date(day), date(day + 1));
            prop_assert!(before < after);
            prop_assert!(after.2 == before.2 + 1 || after.2 == 1);
            prop_assert!((1..=12).contains(&after.1) && after.2 <= 31);
        }
    }
}

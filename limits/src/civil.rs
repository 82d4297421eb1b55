//! The Gregorian calendar, by Howard Hinnant's `chrono`-compatible algorithms
//! (<https://howardhinnant.github.io/date_algorithms.html>), for days since 1970-01-01.
//!
//! Years begin in March here, so that the day that comes and goes is the last; 400 of them are an era.

const DAY_MS: u64 = 86_400_000;
const DAYS_PER_ERA: u64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u64 = 719_468;

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    year: u64,
    /// 1 to 12.
    month: u64,
}

impl Month {
    /// The month that `day` lies in.
    pub(super) fn of(day: u64) -> Self {
        let day = day.saturating_add(EPOCH);
        let (era, of_era) = (day / DAYS_PER_ERA, day % DAYS_PER_ERA);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { year: era * 400 + year_of_era + u64::from(month <= 2), month }
    }

    /// The one after.
    pub(super) fn next(self) -> Self {
        if self.month == 12 { Self { year: self.year + 1, month: 1 } } else { Self { month: self.month + 1, ..self } }
    }

    /// The month's first day.
    pub(super) fn first_day(self) -> u64 {
        let year = self.year - u64::from(self.month <= 2);
        let from_march = (self.month + 9) % 12;
        let year_of_era = year % 400;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5;
        (year / 400 * DAYS_PER_ERA + of_era).saturating_sub(EPOCH)
    }
}

/// The day of a time in milliseconds since the epoch, as days since 1970-01-01 (UTC).
pub fn day_of(at_ms: u64) -> u64 {
    at_ms / DAY_MS
}

/// A day as `YYYY-MM-DD`.
pub fn date(day: u64) -> String {
    let month = Month::of(day);
    format!("{:04}-{:02}-{:02}", month.year, month.month, day - month.first_day() + 1)
}

/// The day that `YYYY-MM-DD` names, if it names one of these four-digit years.
pub fn day(text: &str) -> Option<u64> {
    let number = |range| text.get(range).filter(|digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, of_month) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let month = Month { year: year.parse().ok()?, month: month.parse().ok().filter(|month| (1..=12).contains(month))? };
    let day = (month.first_day() + of_month.parse::<u64>().ok()?).checked_sub(1)?;
    // What does not read back as it was written is no day: the 30th of February, or a text with more to it.
    (month.year >= 1970 && date(day) == text).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names() {
        for (day, name) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_833, "2027-01-15"), (2_932_896, "9999-12-31")]
        {
            assert_eq!((date(day).as_str(), super::day(name)), (name, Some(day)));
        }
        for name in [
            "",
            "2027-02-29",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "2027-1-1",
            "1969-12-31",
            "2027-01-15x",
            "2027/01/15",
            "+027-01-15",
            "二〇二七",
        ] {
            assert_eq!(super::day(name), None, "{name}");
        }
    }

    #[test]
    fn every_day_of_a_thousand_years_lies_in_the_month_that_counting_finds() {
        let (mut day, mut month) = (0, Month { year: 1970, month: 1 });
        while month.year < 2970 {
            let leap = month.year % 4 == 0 && (month.year % 100 != 0 || month.year % 400 == 0);
            let days = match month.month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            assert_eq!(month.first_day(), day);
            for day in day..day + days {
                assert_eq!(Month::of(day), month);
            }
            (day, month) = (day + days, month.next());
        }
        // 2970-01-01, as `date -u -d 2970-01-01 +%s` says.
        assert_eq!(day, 31_556_995_200 / 86_400);
    }

    #[test]
    fn no_clock_is_too_wrong() {
        let month = Month::of(u64::MAX / 86_400_000);
        assert!(month.first_day() <= u64::MAX / 86_400_000);
        assert!(month.next().first_day() > u64::MAX / 86_400_000);
    }
}

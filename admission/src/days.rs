//! The days that usage is asked for.

use forebay_contract::ProblemCode;
use forebay_limits::civil::{date, day, day_of};

use super::{Refusal, refusal::quoted};

/// The most days of one answer.
const MOST_DAYS: u64 = 400;
/// How many days are listed when nobody says which, today included.
const USUAL_DAYS: u64 = 30;

/// The first and the last day, `YYYY-MM-DD`.
pub fn read(query: &str, now_ms: u64) -> Result<(String, String), Refusal> {
    let (mut from, mut to) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "from" => &mut from,
            "to" => &mut to,
            _ => {
                return Err(invalid(format!("unknown query parameter {}; allowed: from, to", quoted(&name))));
            }
        };
        let day = day(&value).ok_or_else(|| invalid(format!("`{name}` must be a day, as in 2026-11-22")))?;
        if slot.replace(day).is_some() {
            return Err(invalid(format!("`{name}` is given twice")));
        }
    }
    let to = to.unwrap_or_else(|| day_of(now_ms));
    let from = from.unwrap_or_else(|| to.saturating_sub(USUAL_DAYS - 1));
    if from > to {
        return Err(invalid("`from` lies after `to`".to_owned()));
    }
    if to - from >= MOST_DAYS {
        return Err(invalid(format!("these are {} days; allowed are {MOST_DAYS}", to - from + 1)));
    }
    Ok((date(from), date(to)))
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ProblemCode::InvalidQuery, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_asked_for_by_name_or_are_the_last_thirty() {
        const NOW_MS: u64 = 1_800_000_000_000;
        let of = |query| read(query, NOW_MS).map_err(|refusal| refusal.code);
        let days = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(of(""), days("2026-12-17", "2027-01-15"));
        assert_eq!(of("from=2026-01-01"), days("2026-01-01", "2027-01-15"));
        assert_eq!(of("to=2026-01-31&from=2026-01-31"), days("2026-01-31", "2026-01-31"));
        for query in [
            "from=2027-02-30",
            "from=yesterday",
            "from=2027-01-16",
            "from=2020-01-01",
            "day=2027-01-01",
            "from=2027-01-01&from=2027-01-02",
            "to=",
        ] {
            assert_eq!(of(query), Err(ProblemCode::InvalidQuery), "{query}");
        }
    }
}

//! Delayed starts: when a job may begin.

use forebay_contract::ProblemCode;

use super::Refusal;

/// The furthest start that is taken, from now; never more than half of the time for which jobs are kept.
const FURTHEST_MS: u64 = 7 * 86_400_000;

/// A start that has passed longer ago is a mistake, rather than a submission that comes late or again.
const LONGEST_AGO_MS: u64 = 366 * 86_400_000;
/// A number that would be a moment so near in seconds was meant as one.
const NEAR_MS: u64 = LONGEST_AGO_MS;

/// Whether a moment that has passed was given in seconds, by the look of it.
pub fn in_seconds(moment: u64, now_ms: u64) -> bool {
    moment.saturating_mul(1_000).abs_diff(now_ms) <= NEAR_MS
}

/// What a start is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Calendar {
    /// The time.
    pub now_ms: u64,
    /// By when the result is worth having.
    pub deadline_ms: Option<u64>,
    /// How long a job is kept.
    pub retention_ms: u64,
}

/// When a job that is sent at `now_ms` enters its lane; a start that has passed is now.
pub fn enters_ms(not_before_ms: Option<u64>, now_ms: u64) -> u64 {
    not_before_ms.map_or(now_ms, |start_ms| start_ms.max(now_ms))
}

/// Reads `not_before_ms`, in milliseconds since the epoch, as JSON or a query has it. One that has just passed is now.
pub fn read(text: &str, calendar: Calendar) -> Result<u64, Refusal> {
    let Calendar { now_ms, deadline_ms, retention_ms } = calendar;
    let digits = !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit());
    let start_ms: u64 = digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
        invalid("`not_before_ms` must be a whole number: milliseconds since 1970-01-01T00:00:00Z".to_owned())
    })?;
    if now_ms.saturating_sub(start_ms) > LONGEST_AGO_MS {
        let why = if in_seconds(start_ms, now_ms) { ", and is read in milliseconds, not in seconds" } else { "" };
        return Err(invalid(format!("`not_before_ms` has passed long ago{why}: it is {now_ms} now")));
    }
    let furthest_ms = FURTHEST_MS.min(retention_ms / 2);
    if start_ms.saturating_sub(now_ms) > furthest_ms {
        let hours = furthest_ms / 3_600_000;
        return Err(invalid(format!("`not_before_ms` may be at most {hours} hours away: it is {now_ms} now")));
    }
    if deadline_ms.is_some_and(|deadline_ms| deadline_ms <= start_ms) {
        return Err(invalid("`not_before_ms` must lie before `deadline_ms`".to_owned()));
    }
    Ok(start_ms)
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ProblemCode::InvalidNotBefore, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn a_job_enters_at_its_start_or_now() {
        for (not_before_ms, expect) in
            [(None, NOW_MS), (Some(0), NOW_MS), (Some(NOW_MS - 1), NOW_MS), (Some(NOW_MS + 5), NOW_MS + 5)]
        {
            assert_eq!(enters_ms(not_before_ms, NOW_MS), expect);
        }
    }

    #[test]
    fn starts_lie_in_the_next_days_and_before_the_deadline() {
        let now = NOW_MS;
        for (text, deadline_ms, retention_days, expect) in [
            ((now + 1).to_string(), None, 14, true),
            ((now - 30 * DAY_MS).to_string(), None, 14, true),
            ((now / 1000 + 60).to_string(), None, 14, false),
            ("0".to_owned(), None, 14, false),
            ((now + 7 * DAY_MS).to_string(), None, 14, true),
            ((now + 7 * DAY_MS + 1).to_string(), None, 14, false),
            ((now + 4 * DAY_MS).to_string(), None, 7, false),
            ((now + 10).to_string(), Some(now + 11), 7, true),
            ((now + 10).to_string(), Some(now + 10), 7, false),
            ("-1".to_owned(), None, 7, false),
            ("soon".to_owned(), None, 7, false),
            ("1e12".to_owned(), None, 7, false),
            ("99999999999999999999".to_owned(), None, 7, false),
            (String::new(), None, 7, false),
        ] {
            let calendar = Calendar { now_ms: now, deadline_ms, retention_ms: retention_days * DAY_MS };
            assert_eq!(read(&text, calendar).is_ok(), expect, "{text} {deadline_ms:?}");
        }
        let calendar = Calendar { now_ms: now, deadline_ms: None, retention_ms: 7 * DAY_MS };
        let refusal = read(&(now / 1000 + 60).to_string(), calendar).unwrap_err();
        assert!(refusal.detail.contains("in milliseconds, not in seconds"), "{refusal:?}");
        assert!(!read("0", calendar).unwrap_err().detail.contains("seconds,"));
    }
}

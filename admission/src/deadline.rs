//! Deadlines: by when a result is worth having.

use forebay_contract::ProblemCode;

use super::{Refusal, start::in_seconds};

/// The furthest deadline that is taken, from now: jobs are not kept forever.
const FURTHEST_MS: u64 = 30 * 86_400_000;

/// Reads `deadline_ms`, in milliseconds since the epoch, as JSON or a query has it.
pub fn read(text: &str, now_ms: u64) -> Result<u64, Refusal> {
    let digits = !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit());
    let deadline: u64 = digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
        invalid("`deadline_ms` must be a whole number: milliseconds since 1970-01-01T00:00:00Z".to_owned())
    })?;
    if deadline <= now_ms {
        let why = if in_seconds(deadline, now_ms) { ", and is read in milliseconds, not in seconds" } else { "" };
        return Err(invalid(format!("`deadline_ms` has passed{why}: it is {now_ms} now")));
    }
    if deadline - now_ms > FURTHEST_MS {
        return Err(invalid(format!("`deadline_ms` may be at most 30 days away: it is {now_ms} now")));
    }
    Ok(deadline)
}

/// Refuses what would not be finished in time; better now than late.
pub fn check(deadline_ms: Option<u64>, predicted_finish_ms: u64) -> Result<(), Refusal> {
    let Some(deadline_ms) = deadline_ms.filter(|deadline_ms| *deadline_ms < predicted_finish_ms) else { return Ok(()) };
    let detail = format!(
        "the job would be finished about {} ms after its deadline; the earliest that can be met is {predicted_finish_ms}",
        predicted_finish_ms - deadline_ms
    );
    let mut refusal = Refusal::new(ProblemCode::DeadlineInfeasible, detail);
    refusal.extensions.earliest_feasible_ms = Some(predicted_finish_ms);
    Err(refusal)
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ProblemCode::InvalidDeadline, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn deadlines_lie_in_the_next_thirty_days() {
        for (text, expect) in [
            ("1800000000001", Some(NOW_MS + 1)),
            ("1802592000000", Some(NOW_MS + FURTHEST_MS)),
            ("1800000000000", None),
            ("1802592000001", None),
            ("0", None),
            ("-1", None),
            ("1.8e12", None),
            ("99999999999999999999", None),
            ("\"1800000000001\"", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(read(text, NOW_MS).ok(), expect, "{text}");
        }
        let refusal = read("1800000060", NOW_MS).unwrap_err();
        assert!(refusal.detail.contains("in milliseconds, not in seconds"), "{refusal:?}");
    }

    #[test]
    fn what_cannot_be_in_time_is_refused_with_what_can() {
        assert_eq!(check(None, 9), Ok(()));
        assert_eq!(check(Some(9), 9), Ok(()));
        let refusal = check(Some(8), 9).unwrap_err();
        assert_eq!((refusal.code, refusal.extensions.earliest_feasible_ms), (ProblemCode::DeadlineInfeasible, Some(9)));
    }
}

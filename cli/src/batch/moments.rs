//! `--deadline` and `--not-before`: spans that count from when a command first began, however often it is interrupted and
//! gone on with. So what is sent again under a key is the same request.

use forebay::Submission;
use serde::{Deserialize, Serialize};

use crate::{moment, progress};

/// What is asked for, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Spans {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before_s: Option<u64>,
}

/// Spans and the moment that they count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Moments {
    /// The moment that the spans count from, in milliseconds since the epoch.
    pub(crate) from_ms: u64,
    #[serde(flatten)]
    pub(crate) spans: Spans,
}

/// Why moments are these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// The command begins: the first time, or after nothing was left. Or an earlier run did not write down when it began.
    Begins,
    /// They are those of the first start.
    GoesOn,
    /// Other spans are asked for than before.
    Changed,
    /// The deadline has passed, and what failed is to be tried again.
    Again,
}

impl Spans {
    /// The spans, counted from this moment.
    pub(crate) fn from(self, from_ms: u64) -> Moments {
        Moments { from_ms, spans: self }
    }
}

impl Moments {
    /// Results are worth nothing after this moment.
    pub(crate) fn deadline_ms(self) -> Option<u64> {
        self.after(self.spans.deadline_s)
    }

    /// No job begins before this moment.
    pub(crate) fn not_before_ms(self) -> Option<u64> {
        self.after(self.spans.not_before_s)
    }

    fn after(self, span_s: Option<u64>) -> Option<u64> {
        Some(self.from_ms.saturating_add(span_s?.saturating_mul(1_000)))
    }

    /// The same submission with these moments.
    pub(crate) fn of(self, template: Submission) -> Submission {
        template.deadline_ms(self.deadline_ms()).not_before_ms(self.not_before_ms())
    }

    /// Whether it is too late for anything that is not submitted.
    pub(super) fn are_over(self, now_ms: u64) -> bool {
        self.deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms)
    }

    /// Those of this run, after an earlier one had `known`.
    pub(super) fn decide(known: Option<Self>, asked: Spans, again: bool, now_ms: u64) -> (Self, Because) {
        match known {
            None => (asked.from(now_ms), Because::Begins),
            Some(known) if known.spans != asked => (asked.from(now_ms), Because::Changed),
            Some(known) if again && known.are_over(now_ms) => (asked.from(now_ms), Because::Again),
            Some(known) => (known, Because::GoesOn),
        }
    }

    /// What is to be said of them where an earlier run is gone on with; nothing of what nobody asked for.
    pub(super) fn notice(self, because: Because, now_ms: u64) -> Option<String> {
        let deadline = self.deadline_ms().map(|ms| format!("the deadline is {}", shown(ms, now_ms)));
        let start = self.not_before_ms().map(|ms| format!("no job begins before {}", shown(ms, now_ms)));
        let moments = [deadline, start].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let because = match because {
            Because::Begins => "counted from now",
            Because::GoesOn => "counted from when this command first began",
            Because::Changed => "counted from now, as another was asked for before",
            Because::Again => "counted from now, as the one before has passed",
        };
        (!moments.is_empty()).then(|| format!("{moments}, {because}"))
    }

    /// Why nothing more is submitted, and what to do about it.
    pub(super) fn over(self, has_journal: bool, now_ms: u64) -> String {
        let deadline = self.deadline_ms().map(|ms| shown(ms, now_ms)).unwrap_or_default();
        let advice = match has_journal {
            true => "--again gives what is left, and what failed, a new one from then on; --anew does all once more",
            false => "the same command has a new one from then on",
        };
        format!(
            "the deadline, {deadline}, counts from when this command first began, so nothing more is submitted; {advice}"
        )
    }
}

/// Such as `2026-11-22 03:44 UTC, in 5 min`.
fn shown(ms: u64, now_ms: u64) -> String {
    let moment = moment::show(Some(ms));
    match ms.checked_sub(now_ms) {
        Some(left_ms) => format!("{moment}, in {}", progress::span(left_ms)),
        None => format!("{moment}, {} ago", progress::span(now_ms - ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const TEN: Spans = Spans { deadline_s: Some(10), not_before_s: None };

    #[test]
    fn a_command_that_is_gone_on_with_has_the_moments_of_its_first_start() {
        let first = TEN.from(NOW);
        let twenty = Spans { deadline_s: Some(20), not_before_s: Some(5) };
        for (known, asked, again, passed_ms, from_ms, because) in [
            (None, TEN, false, 0, 0, Because::Begins),
            (None, TEN, true, 7, 7, Because::Begins),
            (Some(first), TEN, false, 9_999, 0, Because::GoesOn),
            (Some(first), TEN, true, 9_999, 0, Because::GoesOn),
            (Some(first), TEN, false, 10_000, 0, Because::GoesOn),
            (Some(first), TEN, true, 10_000, 10_000, Because::Again),
            (Some(first), twenty, false, 5, 5, Because::Changed),
            (Some(first), Spans::default(), false, 5, 5, Because::Changed),
        ] {
            let (moments, found) = Moments::decide(known, asked, again, NOW + passed_ms);
            assert_eq!((moments, found), (asked.from(NOW + from_ms), because), "{known:?} {passed_ms}");
        }
        assert!(!first.are_over(NOW + 9_999) && first.are_over(NOW + 10_000));
        assert!(!Spans::default().from(0).are_over(u64::MAX));
    }

    #[test]
    fn the_notice_says_when_and_since_when() {
        let moments = Spans { deadline_s: Some(600), not_before_s: Some(60) }.from(NOW);
        let notice = moments.notice(Because::GoesOn, NOW + 120_000).unwrap();
        assert_eq!(
            notice,
            "the deadline is 2027-01-15 08:10 UTC, in 8 min, no job begins before 2027-01-15 08:01 UTC, 60 s ago, \
             counted from when this command first began"
        );
        assert_eq!(Spans::default().from(NOW).notice(Because::Changed, NOW), None);
        let over = moments.over(true, NOW + 660_000);
        assert!(over.starts_with("the deadline, 2027-01-15 08:10 UTC, 60 s ago, counts"), "{over}");
        assert!(over.contains("--again") && !moments.over(false, NOW).contains("--again"));
    }
}

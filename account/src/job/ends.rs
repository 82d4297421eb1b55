//! When what an ended job consists of is to go, as its plan keeps it.

use forebay_contract::catalog::Retention;

use super::Job;

/// Something that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// What was sent in.
    Input,
    /// What came of it, and all that says what it was about.
    Result,
    /// Its row.
    Row,
}

impl Job {
    /// For how long its plan keeps what it consists of. What another build wrote and this one cannot read ends with jobs
    /// as such.
    pub(crate) fn kept(&self) -> Option<Retention> {
        serde_json::from_str(self.retention.as_deref()?).ok()
    }

    /// Whether its result goes with its first delivery: no cache keeps it.
    pub fn is_once(&self) -> bool {
        self.kept().is_some_and(|kept| kept.is_once())
    }

    /// What goes next, and when; `has_input`: whether its input may be there still.
    pub(crate) fn next_end(&self, has_input: bool) -> Option<(u64, End)> {
        let kept = self.kept()?;
        let ended_ms = self.finished_ms.filter(|_| self.state.is_final())?;
        let after = |ms: Option<u64>, end| ms.map(|ms| (ended_ms.saturating_add(ms), end));
        let input = after(kept.input_ms().filter(|_| has_input && self.erased_ms.is_none()), End::Input);
        let result = after(kept.result_ms().filter(|_| self.erased_ms.is_none()), End::Result);
        let row = after(kept.job.map(|span| span.ms()), End::Row);
        [input, result, row].into_iter().flatten().min_by_key(|(at_ms, _)| *at_ms)
    }
}

#[cfg(test)]
mod tests {
    use forebay_contract::state::Transition;

    use super::*;
    use crate::job::example::{START_MS, queued};

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn what_ends_first_goes_first_and_nothing_before_the_job_has_ended() {
        let all = r#"{"input":"end","result":"once","job":"2d"}"#;
        for (retention, has_input, is_erased, expect) in [
            (None, true, false, None),
            (Some("?"), true, false, None),
            (Some("{}"), true, false, None),
            (Some(all), true, false, Some((0, End::Input))),
            (Some(all), false, false, Some((DAY_MS, End::Result))),
            (Some(all), true, true, Some((2 * DAY_MS, End::Row))),
            (Some(r#"{"input":"3d","result":"2d"}"#), true, false, Some((2 * DAY_MS, End::Result))),
        ] {
            let retention = retention.map(str::to_owned);
            let mut job = Job { retention, erased_ms: is_erased.then_some(START_MS), ..queued() };
            assert_eq!(job.next_end(has_input), None, "it has not ended");
            job.transition(Transition::Succeeded, START_MS + 5);
            let expect = expect.map(|(after_ms, end)| (START_MS + 5 + after_ms, end));
            assert_eq!(job.next_end(has_input), expect, "{job:?}");
        }
    }
}

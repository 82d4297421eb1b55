//! What is done and what is left, of a journal's records.

use std::collections::HashMap;

use forebay::{JobId, JobStatus};

use super::record::Record;

/// What is known of each input, by its content's digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger(HashMap<String, Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    attempt: u32,
    job: JobId,
    ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    status: JobStatus,
    detail: String,
    retryable: bool,
    /// Whether it ended in an earlier run than this one.
    earlier: bool,
}

/// What is next for an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Submit {
        attempt: u32,
    },
    Wait {
        attempt: u32,
        job: JobId,
    },
    /// The job succeeded and its result is not here.
    Fetch {
        attempt: u32,
        job: JobId,
    },
    Done {
        job: JobId,
    },
    Failed {
        job: JobId,
        detail: String,
    },
}

/// What is looked at besides the records.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Circumstances {
    /// The result lies where it belongs.
    pub(crate) has_result: bool,
    /// What failed in an earlier run is to be tried again.
    pub(crate) again: bool,
}

impl Ledger {
    /// Enters a record. One of an earlier attempt than what is known changes nothing.
    pub(crate) fn enter(&mut self, record: &Record) {
        let (item, attempt, job, ended) = match record {
            Record::Begun(_) | Record::Moments(_) | Record::Finished {} => return,
            Record::Submitted { item, attempt, job } => (item, *attempt, job, None),
            Record::Ended { item, attempt, job, status, detail, retryable } => {
                let (detail, retryable) = (detail.clone(), *retryable);
                (item, *attempt, job, Some(Ended { status: *status, detail, retryable, earlier: false }))
            }
        };
        let known = self.0.get(item);
        let stale = known.is_some_and(|known| attempt < known.attempt || (attempt == known.attempt && ended.is_none()));
        if !stale {
            self.0.insert(item.clone(), Entry { attempt, job: job.clone(), ended });
        }
    }

    /// All so far is of earlier runs.
    pub(crate) fn close_run(&mut self) {
        for ended in self.0.values_mut().filter_map(|entry| entry.ended.as_mut()) {
            ended.earlier = true;
        }
    }

    /// How many inputs were submitted.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is next for an input.
    pub(crate) fn step(&self, item: &str, circumstances: Circumstances) -> Step {
        let Some(Entry { attempt, job, ended }) = self.0.get(item) else { return Step::Submit { attempt: 0 } };
        let (attempt, job) = (*attempt, job.clone());
        match ended {
            None => Step::Wait { attempt, job },
            Some(ended) if ended.status == JobStatus::Succeeded => match circumstances.has_result {
                true => Step::Done { job },
                false => Step::Fetch { attempt, job },
            },
            Some(ended) if ended.earlier && (ended.retryable || circumstances.again) => {
                Step::Submit { attempt: attempt.saturating_add(1) }
            }
            Some(ended) => Step::Failed { job, detail: ended.detail.clone() },
        }
    }

    /// A job that the service forgot is as good as never submitted.
    pub(crate) fn forget(&mut self, item: &str) {
        if let Some(entry) = self.0.get_mut(item) {
            let detail = "the service knows it no more".to_owned();
            entry.ended = Some(Ended { status: JobStatus::Expired, detail, retryable: true, earlier: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::record::tests::records, *};

    fn submitted(attempt: u32) -> Record {
        Record::Submitted { item: "i".to_owned(), attempt, job: "job_1".parse().unwrap() }
    }

    fn ended(attempt: u32, status: JobStatus, retryable: bool) -> Record {
        let (item, job) = ("i".to_owned(), "job_1".parse().unwrap());
        Record::Ended { item, attempt, job, status, detail: "why".to_owned(), retryable }
    }

    #[test]
    fn what_is_next() {
        use JobStatus::{Failed, Succeeded};
        let job: JobId = "job_1".parse().unwrap();
        let has_result = Circumstances { has_result: true, again: false };
        let again = Circumstances { has_result: false, again: true };
        let none = Circumstances::default();
        let failed = Step::Failed { job: job.clone(), detail: "why".to_owned() };
        for (records, circumstances, expect) in [
            (vec![], has_result, Step::Submit { attempt: 0 }),
            (vec![submitted(0)], none, Step::Wait { attempt: 0, job: job.clone() }),
            (vec![submitted(0), ended(0, Succeeded, false)], has_result, Step::Done { job: job.clone() }),
            (vec![submitted(0), ended(0, Succeeded, false)], none, Step::Fetch { attempt: 0, job: job.clone() }),
            (vec![submitted(0), ended(0, Failed, false)], none, failed),
            (vec![submitted(0), ended(0, Failed, false)], again, Step::Submit { attempt: 1 }),
            (vec![submitted(0), ended(0, Failed, true)], none, Step::Submit { attempt: 1 }),
            (vec![submitted(0), ended(0, Failed, true), submitted(1)], none, Step::Wait { attempt: 1, job }),
        ] {
            let mut ledger = Ledger::default();
            records.iter().for_each(|record| ledger.enter(record));
            ledger.close_run();
            assert_eq!(ledger.step("i", circumstances), expect, "{records:?}");
        }
    }

    #[test]
    fn what_fails_in_this_run_is_not_tried_again_in_it() {
        let mut ledger = Ledger::default();
        ledger.enter(&ended(0, JobStatus::Failed, true));
        let step = ledger.step("i", Circumstances { has_result: false, again: true });
        assert!(matches!(step, Step::Failed { .. }));
        ledger.forget("i");
        assert_eq!(ledger.step("i", Circumstances::default()), Step::Submit { attempt: 1 });
    }

    proptest! {
        #[test]
        fn reading_a_journal_twice_is_reading_it_once(records in records()) {
            let mut once = Ledger::default();
            records.iter().for_each(|record| once.enter(record));
            let mut twice = once.clone();
            // The last word on an attempt stands, whatever is said again before it.
            records.iter().for_each(|record| twice.enter(record));
            for item in ["i0", "i1", "i2", "i3"] {
                prop_assert_eq!(once.step(item, Circumstances::default()), twice.step(item, Circumstances::default()));
            }
        }

        #[test]
        fn no_record_makes_an_attempt_lower(records in records(), cut in any::<prop::sample::Index>()) {
            let attempt = |step| match step {
                Step::Submit { attempt } | Step::Wait { attempt, .. } | Step::Fetch { attempt, .. } => attempt,
                Step::Done { .. } | Step::Failed { .. } => u32::MAX,
            };
            let (before, after) = records.split_at(cut.index(records.len()));
            let mut ledger = Ledger::default();
            before.iter().for_each(|record| ledger.enter(record));
            let first = ledger.0.get("i0").map(|entry| entry.attempt);
            after.iter().for_each(|record| ledger.enter(record));
            prop_assert!(ledger.0.get("i0").map(|entry| entry.attempt) >= first);
            prop_assert!(attempt(ledger.step("i0", Circumstances::default())) >= first.unwrap_or(0));
        }
    }
}

//! A batch that fails is cut in two until each culprit is alone; one that is too large is cut until it fits. Pure: what
//! runs is an argument.

use std::{ops::Range, time::Duration};

use crate::{array::Array, engine::RunError};

/// Runs rows of one batch.
pub(super) trait Runner {
    /// The most rows of one run, at the moment: a run that was out of memory lowers it.
    fn limit(&self) -> usize;

    /// Runs these rows: as many out as in. Also says how long it took.
    fn run(&mut self, rows: Range<usize>) -> (Result<Array<f32>, RunError>, Duration);
}

/// What one job was answered.
#[derive(Debug)]
pub(super) struct Answered {
    /// Its own rows, out of those of the batch.
    pub(super) answer: Result<Array<f32>, RunError>,
    /// Its share of the runs that decided it.
    pub(super) busy: Duration,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Bisected {
    /// One a job, in order. None is missing unless the device was lost.
    pub(super) outcomes: Vec<Option<Answered>>,
    /// Why the device can run nothing more.
    pub(super) lost: Option<String>,
}

/// Runs a batch whose jobs take so many rows each. With k culprits among n jobs there are at most `1 + 2 k ⌈log2 n⌉` runs.
/// Once the device is lost there are none: what it answers from then on says nothing about the rows.
pub(super) fn run(rows: &[usize], runner: &mut impl Runner) -> Bisected {
    let spans = spans(rows);
    let mut outcomes: Vec<Option<Answered>> = rows.iter().map(|_| None).collect();
    // The next part is the last one.
    let mut parts: Vec<Range<usize>> = std::iter::once(0..spans.len()).collect();
    while let Some(part) = parts.pop() {
        let Some(span) = whole(&spans, &part) else { continue };
        if part.len() == 1 {
            match (outcomes.get_mut(part.start), alone(span, runner)) {
                (_, Answered { answer: Err(RunError::DeviceLost(why)), .. }) => {
                    return Bisected { outcomes, lost: Some(why) };
                }
                (Some(outcome), alone) => *outcome = Some(alone),
                (None, _) => {}
            }
        } else if span.len() > runner.limit() {
            cut(&mut parts, &part, fitting(&spans, &part, runner.limit()));
        } else {
            match runner.run(span.clone()) {
                (Ok(output), busy) => {
                    let (spans, outcomes) = (spans.get(part.clone()), outcomes.get_mut(part));
                    for (own, outcome) in spans.into_iter().flatten().zip(outcomes.into_iter().flatten()) {
                        *outcome = Some(share(&output, &span, own, busy));
                    }
                }
                (Err(RunError::DeviceLost(why)), _) => return Bisected { outcomes, lost: Some(why) },
                (Err(_), _) => cut(&mut parts, &part, part.len() / 2),
            }
        }
    }
    let missing = || Answered { answer: Err(wrong_rows()), busy: Duration::ZERO };
    let outcomes = outcomes.into_iter().map(|outcome| Some(outcome.unwrap_or_else(missing))).collect();
    Bisected { outcomes, lost: None }
}

/// One job, in as many runs as its rows need.
fn alone(span: Range<usize>, runner: &mut impl Runner) -> Answered {
    let mut parts = vec![span];
    let (mut outputs, mut total) = (Vec::new(), Duration::ZERO);
    while let Some(part) = parts.pop() {
        if part.len() > runner.limit() {
            cut(&mut parts, &part, runner.limit().max(1));
            continue;
        }
        let (answer, busy) = runner.run(part.clone());
        total += busy;
        match answer {
            Ok(output) => outputs.push(output),
            Err(RunError::OutOfMemory) if part.len() > 1 => cut(&mut parts, &part, part.len() / 2),
            Err(error) => return Answered { answer: Err(error), busy: total },
        }
    }
    Answered { answer: Array::join(outputs).ok_or_else(wrong_rows), busy: total }
}

fn share(output: &Array<f32>, span: &Range<usize>, own: &Range<usize>, busy: Duration) -> Answered {
    let answer = output.copy_rows(own.start - span.start, own.len()).ok_or_else(wrong_rows);
    Answered { answer, busy: busy.mul_f64(own.len() as f64 / span.len().max(1) as f64) }
}

/// The first half goes first.
fn cut(parts: &mut Vec<Range<usize>>, part: &Range<usize>, first: usize) {
    let middle = part.start + first;
    parts.push(middle..part.end);
    parts.push(part.start..middle);
}

/// How many of the part's jobs fit, at least one and not all.
fn fitting(spans: &[Range<usize>], part: &Range<usize>, limit: usize) -> usize {
    let start = spans.get(part.start).map_or(0, |span| span.start);
    let jobs = spans.get(part.clone()).unwrap_or_default();
    jobs.iter().take_while(|span| span.end - start <= limit).count().clamp(1, part.len() - 1)
}

fn spans(rows: &[usize]) -> Vec<Range<usize>> {
    let mut start = 0;
    let next = |rows: &usize| {
        let span = start..start + rows;
        start = span.end;
        span
    };
    rows.iter().map(next).collect()
}

fn whole(spans: &[Range<usize>], part: &Range<usize>) -> Option<Range<usize>> {
    let jobs = spans.get(part.clone())?;
    Some(jobs.first()?.start..jobs.last()?.end)
}

fn wrong_rows() -> RunError {
    RunError::Refused("the model answered with another count of rows".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Answers each row with its number; poisoned rows fail their run, and no more than `holds` rows fit.
    struct Rows {
        poison: BTreeSet<usize>,
        /// The row that loses the device.
        deadly: Option<usize>,
        lost: bool,
        holds: usize,
        limit: usize,
        runs: usize,
    }

    impl Runner for Rows {
        fn limit(&self) -> usize {
            self.limit
        }

        fn run(&mut self, rows: Range<usize>) -> (Result<Array<f32>, RunError>, Duration) {
            self.runs += 1;
            assert!(rows.len() <= self.limit && !rows.is_empty());
            assert!(!self.lost, "a lost device is left alone");
            let answer = if rows.len() <= self.holds && self.deadly.is_some_and(|deadly| rows.contains(&deadly)) {
                self.lost = true;
                Err(RunError::DeviceLost("assert".to_owned()))
            } else if rows.len() > self.holds {
                self.limit = (rows.len() / 2).max(1);
                Err(RunError::OutOfMemory)
            } else if self.poison.range(rows.clone()).next().is_some() {
                Err(RunError::Refused("poison".to_owned()))
            } else {
                let data = rows.clone().map(|row| row as f32).collect();
                Ok(Array::new(vec![rows.len(), 1], data).unwrap())
            };
            (answer, Duration::from_millis(1))
        }
    }

    fn runner(poison: &[usize]) -> Rows {
        let poison = poison.iter().copied().collect();
        Rows { poison, deadly: None, lost: false, holds: usize::MAX, limit: usize::MAX, runs: 0 }
    }

    /// While the device is well, every job has an outcome.
    fn outcomes(rows: &[usize], runner: &mut Rows) -> Vec<Answered> {
        let Bisected { outcomes, lost } = run(rows, runner);
        assert_eq!(lost, None);
        outcomes.into_iter().map(Option::unwrap).collect()
    }

    #[test]
    fn one_culprit_of_a_thousand_costs_twenty_runs() {
        let mut rows = runner(&[777]);
        let outcomes = outcomes(&[1; 1000], &mut rows);
        let failed: Vec<usize> = (0..1000).filter(|job| outcomes[*job].answer.is_err()).collect();
        assert_eq!((failed.as_slice(), rows.runs), (&[777][..], 21));
    }

    #[test]
    fn a_job_of_many_rows_runs_in_pieces_that_fit() {
        let mut rows = Rows { holds: 3, limit: 64, ..runner(&[]) };
        let outcomes = outcomes(&[10], &mut rows);
        assert_eq!(outcomes[0].answer.as_ref().unwrap().data(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(rows.limit, 2);
    }

    #[test]
    fn what_does_not_fit_alone_is_out_of_memory() {
        let outcomes = outcomes(&[1, 1], &mut Rows { holds: 0, limit: 8, ..runner(&[]) });
        assert!(outcomes.iter().all(|outcome| outcome.answer == Err(RunError::OutOfMemory)));
    }

    proptest! {
        #[test]
        fn exactly_the_culprits_fail_and_the_others_get_their_own_rows(
            rows in prop::collection::vec(1_usize..5, 1..40),
            poison in prop::collection::btree_set(0_usize..100, 0..5),
            (holds, limit) in (1_usize..20, 1_usize..50),
        ) {
            let mut device = Rows { poison: poison.clone(), deadly: None, lost: false, holds, limit, runs: 0 };
            let outcomes = outcomes(&rows, &mut device);
            prop_assert_eq!(outcomes.len(), rows.len());
            let mut start = 0;
            for (outcome, rows) in outcomes.iter().zip(&rows) {
                let own = start..start + rows;
                start = own.end;
                match &outcome.answer {
                    Ok(output) => {
                        prop_assert!(poison.range(own.clone()).next().is_none());
                        let expected: Vec<f32> = own.map(|row| row as f32).collect();
                        prop_assert_eq!(output.data(), &expected[..]);
                    }
                    Err(error) => {
                        prop_assert_eq!(error, &RunError::Refused("poison".to_owned()));
                        prop_assert!(poison.range(own).next().is_some());
                    }
                }
            }
        }

        #[test]
        fn who_has_no_answer_when_the_device_is_lost_gets_none(
            rows in prop::collection::vec(1_usize..5, 1..40),
            poison in prop::collection::btree_set(0_usize..100, 0..5),
            (deadly, holds, limit) in (0_usize..100, 1_usize..20, 1_usize..50),
        ) {
            let mut device = Rows { poison: poison.clone(), deadly: Some(deadly), lost: false, holds, limit, runs: 0 };
            let Bisected { outcomes, lost } = run(&rows, &mut device);
            prop_assert_eq!(outcomes.len(), rows.len());
            prop_assert_eq!(lost.is_some(), device.lost);
            let mut start = 0;
            for (outcome, rows) in outcomes.iter().zip(&rows) {
                let own = start..start + rows;
                start = own.end;
                match outcome.as_ref().map(|outcome| &outcome.answer) {
                    Some(Ok(output)) => prop_assert_eq!(output.data()[0], own.start as f32),
                    Some(Err(error)) => {
                        prop_assert_eq!(error, &RunError::Refused("poison".to_owned()));
                        prop_assert!(poison.range(own).next().is_some());
                    }
                    None => prop_assert!(lost.is_some()),
                }
            }
        }

        #[test]
        fn culprits_are_found_in_logarithmic_time(
            jobs in 1_usize..300,
            poison in prop::collection::btree_set(0_usize..300, 0..6),
        ) {
            let mut device = runner(&poison.iter().copied().filter(|row| *row < jobs).collect::<Vec<_>>());
            let culprits = device.poison.len();
            outcomes(&vec![1; jobs], &mut device);
            let depth = jobs.next_power_of_two().ilog2() as usize;
            prop_assert!(device.runs <= 1 + 2 * culprits * depth, "{} runs for {culprits} of {jobs}", device.runs);
        }
    }
}

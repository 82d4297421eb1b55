//! Which jobs run together, and when: a pure function of what is pending, the time, the limits and the device.

use std::collections::BTreeMap;

use forebay_contract::Lane;

/// One job that waits to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending<'a> {
    /// `name@version`: jobs of one model run together.
    pub model: &'a str,
    /// The lane it came through.
    pub lane: Lane,
    /// Whose it is.
    pub account: &'a str,
    /// How many rows of a batch it takes.
    pub rows: usize,
    /// Since when it is ready, on the planner's clock in milliseconds.
    pub since_ms: u64,
}

/// How large a model's batches may be and how long they may be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most rows of one batch. A job that alone has more runs alone.
    pub max_rows: usize,
    /// How long the oldest job waits for company once the device is free, in milliseconds.
    pub max_wait_ms: u64,
}

/// What the device does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// Nothing: whatever is due may run.
    Free,
    /// It runs a batch. The next one is made ready only when it is full; until then it keeps growing.
    Busy,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Run these, by their position in what was pending; never empty.
    Run(Vec<usize>),
    /// Ask again at this time, or when anything changes.
    WaitUntil(u64),
    /// Ask again when anything changes.
    Idle,
}

/// Decides. A model's batch is due when it is full, or when the device is free and its oldest job has waited enough;
/// of several due models the one with the oldest job goes first.
pub fn plan(pending: &[Pending<'_>], now_ms: u64, limits: impl Fn(&str) -> Limits, device: Device) -> Decision {
    let mut by_model: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, job) in pending.iter().enumerate() {
        by_model.entry(job.model).or_default().push(position);
    }
    // (oldest job's time, batch) of the best model so far.
    let mut due: Option<(u64, Vec<usize>)> = None;
    let mut wake_ms: Option<u64> = None;
    for (model, positions) in by_model {
        let limits = limits(model);
        let jobs: Vec<(usize, Pending<'_>)> =
            positions.iter().filter_map(|position| Some((*position, *pending.get(*position)?))).collect();
        let Some(oldest_ms) = jobs.iter().map(|(_, job)| job.since_ms).min() else { continue };
        let (batch, full) = fill(jobs, limits.max_rows);
        let due_ms = oldest_ms.saturating_add(limits.max_wait_ms);
        if full || (device == Device::Free && due_ms <= now_ms) {
            if due.as_ref().is_none_or(|(other_ms, _)| oldest_ms < *other_ms) {
                due = Some((oldest_ms, batch));
            }
        } else if device == Device::Free {
            wake_ms = Some(wake_ms.map_or(due_ms, |other_ms| other_ms.min(due_ms)));
        }
    }
    match (due, wake_ms) {
        (Some((_, batch)), _) => Decision::Run(batch),
        (None, Some(wake_ms)) => Decision::WaitUntil(wake_ms),
        (None, None) => Decision::Idle,
    }
}

/// Takes jobs until the batch is full, one of each (lane, account) in turn, the oldest of each first; the oldest of
/// all is always among them. Also says whether the batch is full, which a job that did not fit shows too.
fn fill(mut jobs: Vec<(usize, Pending<'_>)>, max_rows: usize) -> (Vec<usize>, bool) {
    jobs.sort_by_key(|(position, job)| (job.since_ms, *position));
    let mut turns: BTreeMap<(Lane, &str), usize> = BTreeMap::new();
    let mut queue: Vec<(usize, usize, Pending<'_>)> = jobs
        .into_iter()
        .map(|(position, job)| {
            let turn = turns.entry((job.lane, job.account)).or_default();
            *turn += 1;
            (*turn, position, job)
        })
        .collect();
    // Stable: within a turn, the oldest stays first.
    queue.sort_by_key(|(turn, _, _)| *turn);

    let mut batch = Vec::new();
    let mut rows = 0_usize;
    for (_, position, job) in queue {
        let with_it = rows.saturating_add(job.rows);
        if !batch.is_empty() && with_it > max_rows {
            return (batch, true);
        }
        batch.push(position);
        rows = with_it;
        if rows >= max_rows {
            return (batch, true);
        }
    }
    (batch, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { max_rows: 4, max_wait_ms: 10 };

    fn job(model: &'static str, account: &'static str, since_ms: u64) -> Pending<'static> {
        Pending { model, lane: Lane::FreeLight, account, rows: 1, since_ms }
    }

    fn check(pending: &[Pending<'_>], now_ms: u64, device: Device, expect: &Decision) {
        assert_eq!(plan(pending, now_ms, |_| LIMITS, device), *expect, "{pending:?} at {now_ms}, {device:?}");
    }

    #[test]
    fn nothing_pending_is_idle() {
        check(&[], 5, Device::Free, &Decision::Idle);
    }

    #[test]
    fn a_lone_job_waits_for_company_and_then_runs() {
        let pending = [job("m", "a", 100)];
        check(&pending, 100, Device::Free, &Decision::WaitUntil(110));
        check(&pending, 110, Device::Free, &Decision::Run(vec![0]));
    }

    #[test]
    fn a_busy_device_lets_the_batch_grow_until_it_is_full() {
        let mut pending = vec![job("m", "a", 0); 3];
        check(&pending, 1000, Device::Busy, &Decision::Idle);
        pending.push(job("m", "a", 1000));
        check(&pending, 1000, Device::Busy, &Decision::Run(vec![0, 1, 2, 3]));
    }

    #[test]
    fn models_never_mix_and_the_oldest_goes_first() {
        let pending = [job("m", "a", 5), job("n", "a", 1), job("m", "a", 6)];
        check(&pending, 20, Device::Free, &Decision::Run(vec![1]));
        check(&[pending[0], pending[2]], 20, Device::Free, &Decision::Run(vec![0, 1]));
    }

    #[test]
    fn a_crowd_leaves_room_for_the_others() {
        let mut pending = vec![job("m", "crowd", 0); 10];
        pending.push(job("m", "lone", 9));
        check(&pending, 9, Device::Free, &Decision::Run(vec![0, 10, 1, 2]));
    }

    #[test]
    fn a_job_over_the_limit_runs_alone() {
        let large = Pending { rows: 64, ..job("m", "a", 0) };
        check(&[large, job("m", "b", 1)], 2, Device::Free, &Decision::Run(vec![0]));
        check(&[job("m", "b", 0), large], 2, Device::Free, &Decision::Run(vec![0]));
    }

    fn pendings() -> impl Strategy<Value = Vec<Pending<'static>>> {
        let model = prop::sample::select(vec!["m", "n"]);
        let account = prop::sample::select(vec!["a", "b", "c"]);
        let lane = prop::sample::select(Lane::ALL.to_vec());
        let one = (model, account, lane, 1_usize..7, 0_u64..50)
            .prop_map(|(model, account, lane, rows, since_ms)| Pending { model, lane, account, rows, since_ms });
        prop::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn a_batch_is_of_one_model_within_its_limit_and_without_doubles(pending in pendings(), now_ms in 0_u64..100) {
            for device in [Device::Free, Device::Busy] {
                let Decision::Run(batch) = plan(&pending, now_ms, |_| LIMITS, device) else { continue };
                prop_assert!(!batch.is_empty());
                let models: std::collections::BTreeSet<_> = batch.iter().map(|at| pending[*at].model).collect();
                prop_assert_eq!(models.len(), 1);
                let rows: usize = batch.iter().map(|at| pending[*at].rows).sum();
                prop_assert!(rows <= LIMITS.max_rows || batch.len() == 1);
                let once: std::collections::BTreeSet<_> = batch.iter().collect();
                prop_assert_eq!(once.len(), batch.len());
            }
        }

        #[test]
        fn a_free_device_never_lets_the_oldest_wait_past_its_patience(pending in pendings(), now_ms in 0_u64..100) {
            let oldest_ms = pending.iter().map(|job| job.since_ms).min();
            match plan(&pending, now_ms, |_| LIMITS, Device::Free) {
                Decision::Run(batch) => {
                    let is_oldest = |at: &usize| {
                        let (model, since_ms) = (pending[*at].model, pending[*at].since_ms);
                        pending.iter().all(|job| job.model != model || job.since_ms >= since_ms)
                    };
                    prop_assert!(batch.iter().any(is_oldest));
                }
                Decision::WaitUntil(at_ms) => {
                    prop_assert!(at_ms > now_ms);
                    prop_assert_eq!(Some(at_ms), oldest_ms.map(|ms| ms + LIMITS.max_wait_ms));
                }
                Decision::Idle => prop_assert!(pending.is_empty()),
            }
        }

        #[test]
        fn every_job_runs_exactly_once(pending in pendings()) {
            let mut left: Vec<(usize, Pending<'_>)> = pending.iter().copied().enumerate().collect();
            let mut ran = Vec::new();
            while !left.is_empty() {
                let view: Vec<_> = left.iter().map(|(_, job)| *job).collect();
                let Decision::Run(batch) = plan(&view, 1000, |_| LIMITS, Device::Free) else {
                    return Err(TestCaseError::fail("all are due"));
                };
                prop_assert!(!batch.is_empty());
                ran.extend(batch.iter().map(|at| left[*at].0));
                let mut at = 0;
                left.retain(|_| { at += 1; !batch.contains(&(at - 1)) });
            }
            ran.sort_unstable();
            prop_assert_eq!(ran, (0..pending.len()).collect::<Vec<_>>());
        }
    }
}

//! [`Disposition`] → lane: messages are deleted or given back, many with one call, and then reported. No other stage
//! deletes one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use forebay_contract::{EventKind, Lane};
use futures_util::future::join_all;
use tokio::{sync::mpsc, task::JoinSet};
use tracing::warn;

use super::{
    job::{Disposition, Job, ReturnReason},
    report::Reporter,
    restraint::Restraints,
    runs::Runs,
};
use crate::{
    past::stays_away,
    queue::{Lanes, MAX_PER_CALL, Queue, QueueError, Receipt, Refused},
    retry::Backoff,
};

/// Jobs of one batch are stored within milliseconds of one another: so long the first waits for the others.
const LINGER: Duration = Duration::from_millis(5);
/// Calls in flight at once.
const CALLS: usize = 16;
/// A message that cannot be deleted comes again and is then answered from the store.
const TRIES: usize = 5;

/// What acknowledging and giving back needs besides the messages.
pub(crate) struct Acknowledge {
    pub(crate) lanes: Lanes,
    pub(crate) runs: Runs,
    pub(crate) restraints: Restraints,
    pub(crate) reporter: Reporter,
}

/// Acknowledges and gives back until nothing more comes.
pub(crate) async fn run(acknowledge: Acknowledge, mut disposed: mpsc::Receiver<Disposition>) {
    let acknowledge = Arc::new(acknowledge);
    let mut calls = JoinSet::new();
    let mut buffer = Vec::new();
    while disposed.recv_many(&mut buffer, CALLS * MAX_PER_CALL).await > 0 {
        if buffer.len() < MAX_PER_CALL {
            tokio::time::sleep(LINGER).await;
            while buffer.len() < CALLS * MAX_PER_CALL
                && let Ok(next) = disposed.try_recv()
            {
                buffer.push(next);
            }
        }
        for (lane, group) in groups(&mut buffer) {
            let acknowledge = Arc::clone(&acknowledge);
            calls.spawn(async move { acknowledge.carry_out(lane, group).await });
        }
        while calls.len() > CALLS {
            calls.join_next().await;
        }
    }
    while calls.join_next().await.is_some() {}
}

/// Jobs of one lane whose messages go the same way.
enum Group {
    /// Deleted; then the events are reported, of those that somebody wants.
    Delete(Vec<(Job, Option<EventKind>)>),
    /// Given back, to stay hidden for so long.
    GiveBack(Vec<Job>, ReturnReason, Duration),
}

fn groups(buffer: &mut Vec<Disposition>) -> Vec<(Lane, Group)> {
    let mut delete: BTreeMap<Lane, Vec<(Job, Option<EventKind>)>> = BTreeMap::new();
    let mut give_back: BTreeMap<(Lane, ReturnReason, Duration), Vec<Job>> = BTreeMap::new();
    for disposition in buffer.drain(..) {
        match disposition {
            Disposition::Stored(job, event) => {
                delete.entry(job.visibility.lane).or_default().push((job, Some(event)));
            }
            Disposition::Unwanted(job) => delete.entry(job.visibility.lane).or_default().push((job, None)),
            Disposition::Returned(job, reason) => {
                let after = comes_again_after(&job, reason);
                give_back.entry((job.visibility.lane, reason, after)).or_default().push(job);
            }
        }
    }
    let delete = delete.into_iter().flat_map(|(lane, jobs)| chunks(jobs).map(move |jobs| (lane, Group::Delete(jobs))));
    let give_back = give_back.into_iter().flat_map(|((lane, reason, after), jobs)| {
        chunks(jobs).map(move |jobs| (lane, Group::GiveBack(jobs, reason, after)))
    });
    delete.chain(give_back).collect()
}

fn comes_again_after(job: &Job, reason: ReturnReason) -> Duration {
    match reason {
        ReturnReason::Stopped | ReturnReason::Lost => Duration::ZERO,
        ReturnReason::Later => stays_away(job.attempt),
        ReturnReason::Unable => job.past.was_unable().stays_away(),
    }
}

fn chunks<T>(items: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<T> = items.by_ref().take(MAX_PER_CALL).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

impl Acknowledge {
    async fn carry_out(&self, lane: Lane, group: Group) {
        let Some(queue) = self.lanes.get(&lane) else { return };
        match group {
            Group::Delete(jobs) => {
                call(queue.as_ref(), lane, QueueCall::Delete, receipts(jobs.iter().map(|(job, _)| job))).await;
                for (job, event) in jobs {
                    if let Some(event) = event {
                        self.restraints.ran(lane);
                        self.reporter.report(&job, event);
                    }
                }
            }
            Group::GiveBack(jobs, reason, after) => {
                if matches!(reason, ReturnReason::Later | ReturnReason::Unable) {
                    jobs.iter().for_each(|_| self.restraints.was_unable(lane));
                }
                // Before another worker may have them.
                join_all(jobs.iter().map(|job| self.runs.give_back(job, reason))).await;
                call(queue.as_ref(), lane, QueueCall::GiveBack(after), receipts(jobs.iter())).await;
                let again_ms = u64::try_from(after.as_millis()).ok().filter(|ms| *ms > 0);
                jobs.iter().for_each(|job| self.reporter.report(job, EventKind::Returned { again_ms }));
            }
        }
    }
}

fn receipts<'a>(jobs: impl Iterator<Item = &'a Job>) -> Vec<Receipt> {
    jobs.map(|job| job.visibility.receipt.clone()).collect()
}

#[derive(Debug, Clone, Copy)]
enum QueueCall {
    Delete,
    GiveBack(Duration),
}

/// Tries again what may still succeed, a few times.
async fn call(queue: &dyn Queue, lane: Lane, call: QueueCall, mut receipts: Vec<Receipt>) {
    let mut backoff = Backoff::default();
    for _ in 0..TRIES {
        let answer: Result<Vec<Refused>, QueueError> = match call {
            QueueCall::Delete => queue.delete(&receipts).await,
            QueueCall::GiveBack(after) => queue.give_back(&receipts, after).await,
        };
        match answer {
            Ok(refused) => {
                receipts = refused.into_iter().filter(|refused| !refused.gone).map(|refused| refused.receipt).collect();
            }
            Err(error) => warn!(%lane, ?call, %error, "the lane does not answer, trying again"),
        }
        if receipts.is_empty() {
            return;
        }
        tokio::time::sleep(backoff.next()).await;
    }
    warn!(%lane, ?call, messages = receipts.len(), "given up: these messages will come again");
}

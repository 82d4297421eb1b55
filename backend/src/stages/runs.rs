//! The runs that began and have not ended: what is written down of their jobs, so that the worker's end is not taken for
//! nothing, nor a hand-back for a run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use forebay_contract::JobId;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::job::{Job, ReturnReason};
use crate::{past::Past, retry, store::Store};

/// What runs, and where it is written down.
#[derive(Clone)]
pub(crate) struct Runs {
    store: Arc<dyn Store>,
    stop: CancellationToken,
    open: Open,
}

type Open = Arc<Mutex<HashMap<JobId, Entry>>>;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// What was known before; nothing was asked at a first delivery.
    past: Option<Past>,
    /// Whether the bucket says that the run began.
    written: bool,
}

/// A job's run is under way until this is dropped.
pub(crate) struct Run {
    id: JobId,
    open: Open,
}

impl Runs {
    pub(crate) fn new(store: Arc<dyn Store>, stop: CancellationToken) -> Self {
        Self { store, stop, open: Open::default() }
    }

    /// These are about to run. A first delivery is written down by its message alone, so that it costs nothing; of any
    /// later one the bucket knows before it begins.
    pub(crate) async fn begin(&self, jobs: &mut [(Job, usize)]) {
        for (job, _) in &mut *jobs {
            lock(&self.open).insert(job.id, Entry { past: known(job), written: false });
            job.run = Some(Run { id: job.id, open: Arc::clone(&self.open) });
        }
        let again = jobs.iter().filter_map(|(job, _)| Some((job.id, known(job)?)));
        join_all(again.map(|(id, past)| self.write_began(id, past))).await;
    }

    /// The message of `job` is about to go back; afterwards it may be with another worker.
    pub(crate) async fn give_back(&self, job: &Job, reason: ReturnReason) {
        let written = lock(&self.open).get(&job.id).is_some_and(|entry| entry.written);
        let change = match reason {
            ReturnReason::Stopped | ReturnReason::Later if written => |past| past,
            ReturnReason::Lost if !written => Past::began,
            ReturnReason::Unable => Past::was_unable,
            ReturnReason::Stopped | ReturnReason::Later | ReturnReason::Lost => return,
        };
        let past = self.past(job.id, known(job)).await;
        self.write(job.id, change(past)).await;
    }

    /// The worker was told to stop, and may be ended before its runs are: that is no job's fault.
    pub(crate) async fn forgive(&self) {
        let entries = self.entries(|entry| entry.written);
        let known = entries.into_iter().filter_map(|(id, past)| Some((id, past?)));
        join_all(known.map(|(id, past)| self.write(id, past))).await;
    }

    /// The worker cannot go on for something that runs: whatever does is suspect.
    pub(crate) async fn suspect(&self) {
        let entries = self.entries(|entry| !entry.written);
        let write = async |(id, past)| self.write_began(id, self.past(id, past).await).await;
        join_all(entries.into_iter().map(write)).await;
    }

    /// What is known of a job. A first delivery may be of a message that was sent again: the bucket may know more.
    async fn past(&self, id: JobId, known: Option<Past>) -> Past {
        match known {
            Some(past) => past,
            None => {
                let read = || Past::read(self.store.as_ref(), &id);
                retry::while_unavailable(&self.stop, read).await.and_then(Result::ok).unwrap_or_default()
            }
        }
    }

    fn entries(&self, which: impl Fn(&Entry) -> bool) -> Vec<(JobId, Option<Past>)> {
        lock(&self.open).iter().filter(|(_, entry)| which(entry)).map(|(id, entry)| (*id, entry.past)).collect()
    }

    async fn write_began(&self, id: JobId, past: Past) {
        if self.write(id, past.began()).await
            && let Some(entry) = lock(&self.open).get_mut(&id)
        {
            entry.written = true;
        }
    }

    /// Whether it is written: a store that is away is waited for, unless the worker stops.
    async fn write(&self, id: JobId, past: Past) -> bool {
        let write = || past.write(self.store.as_ref(), &id);
        matches!(retry::while_unavailable(&self.stop, write).await, Some(Ok(())))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.id);
    }
}

/// What the bucket said of the job, if it was asked.
fn known(job: &Job) -> Option<Past> {
    (job.attempt > 1).then_some(job.past)
}

fn lock(open: &Open) -> MutexGuard<'_, HashMap<JobId, Entry>> {
    // Nothing panics under this lock.
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What workers do with messages.

use forebay_backend::store::Store as _;
use forebay_contract::{EventKind, JobId, JobMessage, ReportEvent, storage_key};

use super::{Judge, Rule};
use crate::native::{START_MS, since_start_ms};

/// A worker's clock is the true one; the edge's are apart by so much.
const CLOCKS_MS: u64 = 6_000;

impl Judge {
    /// The edge says to a worker that nobody wants these.
    pub(crate) fn told_canceled(&self, jobs: &[JobId]) {
        self.state().told_canceled.extend(jobs);
    }

    /// A message is about to be deleted: what it asked for must be stored, or unwanted, or too late before anybody began.
    pub(crate) async fn acknowledged(&self, body: &str, time: u32) {
        let Ok(job) = JobMessage::from_json(body) else {
            return self.judge(Rule::AcknowledgedWhenStored, None, false, || format!("deleted: {body}"));
        };
        self.note_of(job.job_id, "is acknowledged");
        let now_ms = START_MS + since_start_ms();
        let is_late = time == 1 && job.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms + CLOCKS_MS);
        let unwanted = self.state().told_canceled.contains(&job.job_id);
        let so = unwanted || is_late || self.is_stored(&job).await;
        self.judge(Rule::AcknowledgedWhenStored, Some(job.job_id), so, || {
            "acknowledged before it was stored".to_owned()
        });
    }

    /// The edge is told something: it must be true.
    pub(crate) async fn reported(&self, event: &ReportEvent) {
        let key = match event.kind {
            EventKind::Succeeded { .. } => match self.state().digests.get(&event.job_id) {
                Some(digest) => storage_key::result(digest),
                None => return,
            },
            EventKind::Failed { .. } => storage_key::failure(&event.job_id),
            _ => return self.note_of(event.job_id, format!("is reported {}", event.kind.name())),
        };
        self.note_of(event.job_id, format!("is reported {}", event.kind.name()));
        let so = self.has(&key).await;
        self.judge(Rule::ReportedWhenStored, Some(event.job_id), so, || format!("{} is not stored", event.kind.name()));
    }

    /// A worker ended, or should have.
    pub(crate) fn judge_worker(&self, so: bool, what: impl FnOnce() -> String) {
        self.judge(Rule::WorkerEnds, None, so, what);
    }

    /// A worker is gone, and what it ran with it: that may be what its jobs did.
    pub(crate) fn a_run_never_ended(&self, line: String) {
        self.note(line);
        self.state().unfinished += 1;
    }

    /// So many unreadable messages were reaped.
    pub(crate) fn poison_is_kept(&self, reaped: u64) {
        let sent = self.scenario.poison.len() as u64;
        if sent > 0 {
            let kept = self.store.keys().iter().filter(|key| key.starts_with("failures/unreadable/")).count() as u64;
            let so = kept == sent && reaped == sent;
            self.judge(Rule::PoisonIsKept, None, so, || format!("{sent} came, {reaped} were reaped, {kept} are kept"));
        }
    }

    /// Read by the reaper, because it was delivered too often.
    pub(crate) fn died(&self, id: JobId) {
        self.note_of(id, "is reaped");
    }

    /// A message is delivered.
    pub(crate) fn received(&self, body: &str, time: u32) {
        if let Ok(job) = JobMessage::from_json(body) {
            self.note_of(job.job_id, format!("is received, time {time}"));
            self.state().digests.insert(job.job_id, job.digest);
        }
    }

    pub(super) async fn has(&self, key: &str) -> bool {
        self.store.head(key).await.is_ok_and(|head| head.is_some())
    }

    async fn is_stored(&self, job: &JobMessage) -> bool {
        self.has(&storage_key::result(&job.digest)).await || self.has(&storage_key::failure(&job.job_id)).await
    }
}

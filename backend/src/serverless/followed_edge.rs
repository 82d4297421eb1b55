use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use forebay_contract::{EventKind, JobId, Report, ReportAnswer};
use tokio::{sync::watch, time::timeout};

use crate::edge::{Edge, EdgeError};

/// An edge of which it is known whether it has heard of jobs' ends.
pub(super) struct FollowedEdge {
    inner: Arc<dyn Edge>,
    awaited: watch::Sender<HashSet<JobId>>,
}

impl FollowedEdge {
    pub(super) fn new(inner: Arc<dyn Edge>) -> Self {
        Self { inner, awaited: watch::Sender::default() }
    }

    /// The end of this job will be reported.
    pub(super) fn expect(&self, job: JobId) {
        self.awaited.send_modify(|awaited| {
            awaited.insert(job);
        });
    }

    /// Waits until the ends of these jobs are reported, at most for `patience`; then they are no longer expected.
    pub(super) async fn heard_all(&self, jobs: &[JobId], patience: Duration) {
        let mut awaited = self.awaited.subscribe();
        let heard = awaited.wait_for(|awaited| !jobs.iter().any(|job| awaited.contains(job)));
        // A report that is late goes with the next event, or is healed by the edge.
        let _ = timeout(patience, heard).await.is_ok();
        self.forget(jobs.iter().copied());
    }

    fn forget(&self, jobs: impl Iterator<Item = JobId>) {
        self.awaited.send_modify(|awaited| jobs.for_each(|job| _ = awaited.remove(&job)));
    }
}

#[async_trait]
impl Edge for FollowedEdge {
    async fn post(&self, report: &Report) -> Result<ReportAnswer, EdgeError> {
        let answer = self.inner.post(report).await?;
        let is_end = |kind: &EventKind| {
            matches!(kind, EventKind::Succeeded { .. } | EventKind::Failed { .. } | EventKind::Returned { .. })
        };
        let ends = report.events.iter().filter(|event| is_end(&event.kind)).map(|event| event.job_id);
        // Nothing more is reported of what is canceled.
        self.forget(ends.chain(answer.canceled.iter().copied()));
        Ok(answer)
    }
}

use tokio::sync::mpsc;

use super::job::{Disposition, Inferred, Job, ReturnReason};
use crate::failure::Failure;

/// The ways out of a stage. One that is closed means that the pipeline is coming down: the job that is dropped then is
/// redelivered.
pub(crate) struct Exits<Next> {
    /// To the next stage.
    pub(crate) next: mpsc::Sender<Next>,
    /// To be stored: a failure, before the job could run.
    pub(crate) failed: mpsc::Sender<Inferred>,
    /// To be acknowledged or given back: the job is answered, unwanted or not run.
    pub(crate) disposed: mpsc::Sender<Disposition>,
}

impl<Next> Exits<Next> {
    /// Goes on to the next stage; whether that still takes anything.
    pub(super) async fn pass(&self, next: Next) -> bool {
        self.next.send(next).await.is_ok()
    }

    /// The job failed here.
    pub(super) async fn fail(&self, job: Job, failure: Failure) {
        let _ = self.failed.send(Inferred::failed(job, failure)).await;
    }

    /// A result or a failure is there, or nobody wants one, or the message goes back.
    pub(super) async fn dispose(&self, disposition: Disposition) {
        let _ = self.disposed.send(disposition).await;
    }

    /// A job that this worker is unable to run goes back, unless so many were unable that it has failed.
    pub(super) async fn unable(&self, job: Job) {
        match job.past.was_unable().verdict() {
            None => self.dispose(Disposition::Returned(job, ReturnReason::Unable)).await,
            Some(failure) => self.fail(job, failure).await,
        }
    }
}

//! [`Inferred`] → [`Disposition`]: what is in the bucket is the truth.

use std::sync::Arc;

use forebay_contract::{EventKind, FailureCode, Made, storage_key};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, info_span};

use super::job::{Disposition, Inferred, Job, ReturnReason};
use crate::{
    cpu_pool::{CpuPool, Work},
    failure::Failure,
    logging,
    output::{self, Rendered},
    retry,
    store::{Head, NewObject, Put, Store, find_result, put_failure},
};

/// Puts in flight at once.
const PUTS: usize = 64;

/// What storing needs besides the answers.
pub(crate) struct Storing {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) pool: CpuPool,
    pub(crate) stop: CancellationToken,
}

/// Renders and stores until nothing more is inferred.
pub(crate) async fn run(storing: Storing, mut inferred: mpsc::Receiver<Inferred>, disposed: mpsc::Sender<Disposition>) {
    let storing = Arc::new(storing);
    let permits = Arc::new(Semaphore::new(PUTS));
    let mut puts = JoinSet::new();
    while let Some(mut job) = inferred.recv().await {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        // Puts have a bound of their own: while they wait for the store, the device is given work.
        job.job.reservation = None;
        job.job.reserved_bytes = None;
        let (storing, disposed) = (Arc::clone(&storing), disposed.clone());
        let span = info_span!(target: logging::STAGES, parent: &job.job.span, "store");
        let put = async move {
            let _permit = permit;
            // A closed channel means that the pipeline is coming down; the dropped job is redelivered.
            let _ = disposed.send(storing.pass(job).await).await;
        };
        puts.spawn(put.instrument(span));
        while puts.try_join_next().is_some() {}
    }
    while puts.join_next().await.is_some() {}
}

impl Storing {
    async fn pass(&self, inferred: Inferred) -> Disposition {
        let Inferred { job, answer, device_ms } = inferred;
        let rendered = match answer {
            Ok((model, output)) => {
                let parameters = job.parameters.clone();
                let truncated = job.truncated;
                let render = move || output::render_answer(&model, &output, &parameters, truncated);
                let rendered = self.pool.run(Work::Render, &job.account, render).await;
                rendered.unwrap_or_else(|error| {
                    error!(job = %job.id, model = job.model, %error, "rendering failed");
                    Err(Failure::new(FailureCode::ExecutionFailed, "the output could not be rendered"))
                })
            }
            Err(failure) => Err(failure),
        };
        let event = match rendered {
            Ok(rendered) => self.put_result(&job, rendered, device_ms).await,
            Err(failure) => self.put_failure(&job, &failure).await,
        };
        match event {
            Some(event) => Disposition::Stored(job, event),
            None => Disposition::Returned(job, ReturnReason::Stopped),
        }
    }

    async fn put_result(&self, job: &Job, rendered: Rendered, device_ms: f64) -> Option<EventKind> {
        let Rendered { media_type, body } = rendered;
        let bytes = body.len() as u64;
        let object = NewObject::new(body, media_type).made(Made { job_id: job.id, device_ms });
        let key = storage_key::result(&job.digest);
        if self.put(&key, object).await? == Put::AlreadyThere {
            // It may be old: nobody could look before. If it has gone since, the next delivery stores it.
            self.found(&key).await?;
        }
        info!(job = %job.id, model = job.model, attempt = job.attempt, bytes, device_ms, "result stored");
        Some(EventKind::Succeeded { media_type: media_type.to_owned(), bytes, device_ms })
    }

    /// Unless there is a result by now: then the job has succeeded, whoever ran it.
    async fn put_failure(&self, job: &Job, failure: &Failure) -> Option<EventKind> {
        let result = storage_key::result(&job.digest);
        let stored = retry::while_unavailable(&self.stop, || find_result(self.store.as_ref(), &result)).await?;
        if let Ok(Some(head)) = stored {
            return Some(head.succeeded(&job.id));
        }
        let put = || put_failure(self.store.as_ref(), failure.of(job.id));
        let failure = retry::while_unavailable(&self.stop, put).await?.ok()?;
        info!(job = %job.id, model = job.model, attempt = job.attempt, code = ?failure.code, "failure stored");
        Some(EventKind::Failed { code: failure.code, detail: failure.detail })
    }

    /// Whoever wrote it first, it is there then. `None` when the worker stops while the store is away.
    async fn put(&self, key: &str, object: NewObject<'_>) -> Option<Put> {
        let put = || self.store.put_if_absent(key, object.clone());
        retry::while_unavailable(&self.stop, put).await?.ok()
    }

    /// A result that is there for as long as any. `None` when it is not, or the worker stops while the store is away.
    async fn found(&self, key: &str) -> Option<Head> {
        retry::while_unavailable(&self.stop, || find_result(self.store.as_ref(), key)).await?.ok()?
    }
}

//! Dead letters: jobs that several workers took and none finished. Each is given an end that its client can see.

use std::{sync::Arc, time::Duration};

use forebay_contract::{EventKind, FailureCode, JobMessage, Report, ReportEvent, report::MAX_EVENTS, storage_key};
use futures_util::future::join_all;
use tracing::{Instrument as _, error, info, warn};

use crate::{
    clock::wall_ms,
    edge::{Edge, EdgeError},
    failure::Failure,
    queue::MAX_RECEIVES,
    store::{NewObject, Store, StoreError, find_result, put_failure},
    trace,
};

/// How often one report is tried: the edge asks the bucket itself when none arrives.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

/// One message of a dead-letter queue.
#[derive(Clone)]
pub struct DeadLetter {
    /// What SQS calls it.
    pub id: String,
    /// What the edge sent.
    pub body: String,
    /// How often it was received, as far as SQS says.
    pub receives: u32,
}

/// Ends the jobs of dead letters.
pub struct Reaper {
    /// Where results are looked for and failures go.
    pub store: Arc<dyn Store>,
    /// Where reports go; nowhere without.
    pub edge: Option<Arc<dyn Edge>>,
    /// The name in reports.
    pub name: String,
}

impl Reaper {
    /// Ends these jobs: a failure is stored for each, unless its result is there after all. The answer names the
    /// letters that could not be dealt with, which must come again.
    pub async fn reap(&self, letters: &[DeadLetter]) -> Vec<String> {
        let ended = join_all(letters.iter().map(|letter| self.end(letter))).await;
        let (mut events, mut again) = (Vec::new(), Vec::new());
        for (letter, ended) in letters.iter().zip(ended) {
            match ended {
                Ok(event) => events.extend(event),
                Err(error) => {
                    warn!(letter = letter.id, %error, "a dead letter must come again");
                    again.push(letter.id.clone());
                }
            }
        }
        for events in events.chunks(MAX_EVENTS) {
            self.report(events).await;
        }
        again
    }

    async fn end(&self, letter: &DeadLetter) -> Result<Option<ReportEvent>, StoreError> {
        // No worker has begun a later attempt.
        let attempt = letter.receives.max(MAX_RECEIVES);
        match JobMessage::from_json(&letter.body) {
            Ok(message) => {
                let span = trace::span(&message, attempt);
                let kind = self.end_job(&message).instrument(span).await?;
                Ok(Some(ReportEvent { job_id: message.job_id, attempt, at_ms: wall_ms(), kind }))
            }
            Err(_) => {
                // Nobody can say whose it is. Its text is kept where no log shows it.
                let key = storage_key::unreadable(&letter.id);
                let object = NewObject::new(letter.body.clone(), "application/octet-stream");
                self.store.put_if_absent(&key, object).await?;
                error!(letter = letter.id, key, "a dead letter is no job message: it is kept for a person to look at");
                Ok(None)
            }
        }
    }

    async fn end_job(&self, message: &JobMessage) -> Result<EventKind, StoreError> {
        if let Some(head) = find_result(self.store.as_ref(), &storage_key::result(&message.digest)).await? {
            info!("the result of a dead letter is there");
            return Ok(head.succeeded(&message.job_id));
        }
        let failure = put_failure(self.store.as_ref(), abandoned().of(message.job_id)).await?;
        info!(model = message.model, version = message.version, "a dead letter is now a failure");
        Ok(EventKind::Failed { code: failure.code, detail: failure.detail })
    }

    async fn report(&self, events: &[ReportEvent]) {
        let Some(edge) = &self.edge else { return };
        let report = Report { worker: self.name.clone(), events: events.to_vec() };
        for left in (0..TRIES).rev() {
            match edge.post(&report).await {
                Ok(_) => return,
                Err(EdgeError::Unavailable(_)) if left > 0 => tokio::time::sleep(BETWEEN_TRIES).await,
                Err(error) => {
                    warn!(%error, events = events.len(), "a report is dropped");
                    return;
                }
            }
        }
    }
}

fn abandoned() -> Failure {
    let detail = "workers took the job several times and none finished it; send it again, and if that fails too, tell \
                  whoever runs this service";
    Failure::new(FailureCode::Abandoned, detail)
}

use forebay_contract::{JobFailure, JobId, JobState, Lane};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{admission::rate_fields::retry_after, cx::Stop, objects::Job};

/// A job as clients see it.
#[derive(Serialize)]
pub struct JobBody<'a> {
    id: JobId,
    status: JobState,
    model: &'a str,
    version: &'a str,
    /// `model@version`: what runs, whatever was asked for.
    served_model: String,
    /// Whether something else answers than was asked for.
    degraded: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded_reason: Option<&'static str>,
    lane: Lane,
    cost_ms: u64,
    attempt: u32,
    /// Whether the result was there before the client asked.
    pub cached: bool,
    timeline: Timeline,
    parameters: Box<RawValue>,
    batch_size: Option<u32>,
    device_ms: Option<f64>,
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    status_url: String,
    result_url: String,
    /// The result itself, where it was at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
}

/// Milliseconds since the epoch; null is «not yet».
#[derive(Serialize)]
struct Timeline {
    accepted_ms: u64,
    sent_ms: Option<u64>,
    received_ms: Option<u64>,
    started_ms: Option<u64>,
    finished_ms: Option<u64>,
}

#[derive(Serialize)]
struct Failure {
    code: forebay_contract::FailureCode,
    detail: String,
    retryable: bool,
}

impl<'a> JobBody<'a> {
    /// The body, with links below `origin`.
    pub fn new(job: &'a Job, origin: &str) -> Result<Self, Stop> {
        let status_url = format!("{origin}/v1/jobs/{}", job.id);
        let parameters =
            RawValue::from_string(job.parameters.clone()).map_err(|error| Stop::broken(error.to_string()))?;
        Ok(Self {
            id: job.id,
            status: job.state,
            model: &job.model,
            version: &job.version,
            served_model: format!("{}@{}", job.model, job.version),
            degraded: job.degraded.is_some(),
            degraded_reason: job.degraded.map(crate::objects::Degraded::name),
            lane: job.lane,
            cost_ms: job.cost_ms,
            attempt: job.attempt,
            cached: job.cached != 0,
            timeline: Timeline {
                accepted_ms: job.accepted_ms,
                sent_ms: job.sent_ms,
                received_ms: job.received_ms,
                started_ms: job.started_ms,
                finished_ms: job.finished_ms,
            },
            parameters,
            batch_size: job.batch_size,
            device_ms: job.device_ms,
            worker: job.worker.as_deref(),
            failure: job.failure().map(|JobFailure { code, detail, .. }| Failure {
                code,
                detail,
                retryable: code.retryable(),
            }),
            result_url: format!("{status_url}/result"),
            status_url,
            result: None,
        })
    }

    /// Where the job is to be found, for `Location`.
    pub fn location(&self) -> String {
        self.status_url.clone()
    }
}

/// When to look again at a job that has not ended.
pub fn look_again(job: &Job) -> Option<(&'static str, String)> {
    (!job.state.is_final()).then(|| ("retry-after", retry_after(1000)))
}

use std::collections::BTreeMap;

use forebay_contract::{JobFailure, JobId, JobState, Lane, ordered};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Degraded, Job,
    journal::{Event, EventName, story},
    timeline::{batch_id, stages},
};
use crate::platform::Result;
use forebay_admission::lane::position::{Eta, QueuePosition};

/// A job as clients see it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Job"))]
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
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::job::Degraded>"))]
    degraded_reason: Option<&'static str>,
    lane: Lane,
    cost_ms: u64,
    attempt: u32,
    /// Where it stands; null once it runs or has ended.
    queue: Option<InLane>,
    /// Steps; null where they are not told.
    progress: Option<Progress>,
    /// It starts no earlier.
    not_before_ms: Option<u64>,
    /// It expires when it has not started by then.
    deadline_ms: Option<u64>,
    /// The job that it runs again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<JobId>,
    /// Whether the result was there before the client asked.
    pub cached: bool,
    timeline: Timeline,
    #[cfg_attr(feature = "schema", schemars(with = "forebay_contract::Parameters"))]
    parameters: Box<RawValue>,
    batch_size: Option<u32>,
    device_ms: Option<f64>,
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// When its data was erased: what is left are numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_ms: Option<u64>,
    status_url: String,
    result_url: String,
    /// The result itself, where it was at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub result: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Place"))]
struct InLane {
    lane: Lane,
    /// 1 is next.
    position: u64,
    /// Until its end.
    eta_ms: Eta,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Steps"))]
struct Progress {
    done: u32,
    total: u32,
}

/// The device's batch that a job ran in.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Batch {
    id: String,
    size: Option<u32>,
}

/// Milliseconds since the epoch; null is «not yet».
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Timeline {
    /// When the request came.
    requested_ms: u64,
    accepted_ms: u64,
    sent_ms: Option<u64>,
    received_ms: Option<u64>,
    started_ms: Option<u64>,
    finished_ms: Option<u64>,
    batch: Option<Batch>,
    /// How many milliseconds each stage had it, those that it has been through.
    stages: BTreeMap<&'static str, u64>,
    /// What happened to it, oldest first.
    events: Vec<Step>,
}

/// Something that happened.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Step {
    event: EventName,
    at_ms: u64,
    /// The attempt that it speaks of; 0 before the first.
    attempt: u32,
}

impl Step {
    fn of(event: &Event) -> Self {
        Self { event: event.name(), at_ms: event.at_ms(), attempt: event.attempt() }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Failure {
    code: forebay_contract::FailureCode,
    detail: String,
    retryable: bool,
}

impl<'a> JobBody<'a> {
    /// The body, with links below `origin`.
    pub fn new(job: &'a Job, origin: &str) -> Result<Self> {
        let status_url = format!("{origin}/v1/jobs/{}", job.id);
        let parameters = RawValue::from_string(job.parameters.clone())?;
        Ok(Self {
            id: job.id,
            status: job.state,
            model: &job.model,
            version: &job.version,
            served_model: format!("{}@{}", job.model, job.version),
            degraded: job.degraded.is_some(),
            degraded_reason: job.degraded.map(Degraded::name),
            lane: job.lane,
            cost_ms: job.cost_ms,
            attempt: job.attempt,
            queue: None,
            progress: job.done.zip(job.total).map(|(done, total)| Progress { done, total }),
            not_before_ms: job.not_before_ms,
            deadline_ms: job.deadline_ms,
            retry_of: job.retry_of,
            cached: job.cached != 0,
            timeline: Timeline {
                accepted_ms: job.accepted_ms,
                sent_ms: job.sent_ms,
                received_ms: job.received_ms,
                started_ms: job.started_ms,
                finished_ms: job.finished_ms,
                requested_ms: job.id.made_at_ms(),
                batch: batch_id(job).map(|id| Batch { id, size: job.batch_size }),
                stages: ordered::map(stages(job)),
                events: story(job).iter().map(Step::of).collect(),
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
            erased_ms: job.erased_ms,
            result_url: format!("{status_url}/result"),
            status_url,
            result: None,
        })
    }

    /// Where it stands in its lane.
    pub fn stands(&mut self, queue: Option<QueuePosition>) {
        self.queue = queue.map(|QueuePosition { position, eta_ms }| InLane { lane: self.lane, position, eta_ms });
    }

    /// Where the job is to be found, for `Location`.
    pub fn location(&self) -> String {
        self.status_url.clone()
    }
}

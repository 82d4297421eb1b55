//! A job on its way through the stages: each stage takes one of these types and makes the next.

use std::{sync::Arc, time::Duration};

use forebay_contract::{Digest, EventKind, InputRef, JobId, JobMessage, Parameters};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::{decoded_bytes::ReservedBytes, room::Reservation, runs::Run, watched::Watch};
use crate::{
    failure::Failure,
    features::{BatchInput, Features},
    in_flight::Turn,
    model::Model,
    output::Answer,
    past::Past,
    trace,
    visibility::Visibility,
};

/// What every stage needs of a job. Dropped on the way, its message is redelivered.
pub(crate) struct Job {
    /// Names it to clients, to the edge and in the bucket.
    pub id: JobId,
    /// Whose it is: accounts take turns.
    pub account: String,
    /// What is to run it, `name@version`.
    pub model: String,
    /// Its parameters, with every default filled in by the edge.
    pub parameters: Parameters,
    /// What the result is stored under.
    pub digest: Digest,
    /// What is logged of it, and its trace's parent.
    pub span: Span,
    /// When the edge accepted it, on the edge's clock.
    pub accepted_ms: u64,
    /// What it costs by the manifest and its parameters, in milliseconds of a device.
    pub cost_ms: f64,
    /// Since when it is decoded.
    pub ready: Option<Instant>,
    /// Which delivery this is, from 1.
    pub attempt: u32,
    /// What earlier ones came to; known once it is decoded.
    pub past: Past,
    /// Its run, once that begins.
    pub run: Option<Run>,
    /// Whether the model reads a part of the input alone: the result says so. Known once it is decoded.
    pub truncated: bool,
    /// Keeps the message hidden.
    pub visibility: Visibility,
    /// Bounds how much work is held at once, until nothing but storing is left of it.
    pub(crate) reservation: Option<Reservation>,
    /// Bounds what decoded inputs take, for as long; taken before decoding begins.
    pub(crate) reserved_bytes: Option<ReservedBytes>,
    /// Keeps the next one waiting that runs alone, until this one's message is acknowledged or given back.
    pub alone: Option<Arc<()>>,
    /// Keeps others of the same digest waiting; taken when decoding begins.
    pub turn: Option<Turn>,
    /// From when on nobody wants it.
    pub deadline: Option<Instant>,
    /// Set when the edge says that it is canceled.
    pub unwanted: CancellationToken,
    /// Has the edge asked whether it is; dropped when the job begins.
    pub watch: Option<Watch>,
}

impl Job {
    /// Splits a message into the job and its input, which is dropped once it is decoded.
    pub(crate) fn new(message: JobMessage, delivery: Delivery) -> (Self, InputRef) {
        let Delivery { attempt, visibility, reservation, deadline } = delivery;
        let job = Self {
            span: trace::span(&message, attempt),
            id: message.job_id,
            account: message.account,
            model: format!("{}@{}", message.model, message.version),
            parameters: message.parameters,
            digest: message.digest,
            accepted_ms: message.accepted_ms,
            cost_ms: message.cost_ms,
            ready: None,
            attempt,
            past: Past::default(),
            run: None,
            truncated: false,
            visibility,
            reservation: Some(reservation),
            reserved_bytes: None,
            alone: None,
            turn: None,
            deadline,
            unwanted: CancellationToken::new(),
            watch: None,
        };
        (job, message.input)
    }
}

/// What a job has from the delivery of its message.
pub(crate) struct Delivery {
    /// Which it is, from 1.
    pub attempt: u32,
    /// Keeps the message hidden.
    pub visibility: Visibility,
    /// The places that it takes in the worker's room.
    pub reservation: Reservation,
    /// From when on nobody wants it.
    pub deadline: Option<Instant>,
}

/// Taken from a lane.
pub(crate) struct Received {
    pub job: Job,
    /// Where its input is.
    pub input: InputRef,
}

/// Made into numbers, and wanted and not answered as far as anybody knows.
pub(crate) struct Decoded {
    pub job: Job,
    /// What runs it: its files are here.
    pub model: Arc<Model>,
    /// Its input as numbers.
    pub features: Features,
}

/// Put together with others; the jobs' rows lie behind one another in `input`.
pub(crate) struct Batched {
    /// What runs all of them.
    pub model: Arc<Model>,
    /// Each job with its count of rows.
    pub jobs: Vec<(Job, usize)>,
    /// The rows of all of them, each as long as the longest.
    pub input: BatchInput,
    /// What it is predicted to take on the device, by what batches of the model took so far.
    pub predicted: Duration,
}

impl Batched {
    /// Takes out such jobs, of which there are nearly always none.
    pub(super) fn without(self, such: impl Fn(&Job) -> bool) -> (Option<Self>, Vec<Job>) {
        if !self.jobs.iter().any(|(job, _)| such(job)) {
            return (Some(self), Vec::new());
        }
        let Self { model, jobs, input, predicted } = self;
        let (mut others, mut taken, mut ranges, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (job, rows) in jobs {
            if such(&job) {
                taken.push(job);
            } else {
                ranges.push((start, rows));
                others.push((job, rows));
            }
            start += rows;
        }
        // A batch counts its jobs' rows, so there is an input whenever there is a job.
        let input = (!others.is_empty()).then(|| input.copy_ranges(&ranges)).flatten();
        (input.map(|input| Self { model, jobs: others, input, predicted }), taken)
    }
}

/// Answered by the model, or failed on the way.
pub(crate) struct Inferred {
    pub job: Job,
    /// The model and its answer.
    pub answer: Result<(Arc<Model>, Answer), Failure>,
    /// The job's share of the device's time.
    pub device_ms: f64,
}

impl Inferred {
    /// Of a job that did not run.
    pub(crate) fn failed(job: Job, failure: Failure) -> Self {
        Self { job, answer: Err(failure), device_ms: 0.0 }
    }
}

/// What becomes of a job's message: nothing more is to be done but to say so to the lane and the edge.
pub(crate) enum Disposition {
    /// A result or a failure is stored: the message is deleted, then the event reported.
    Stored(Job, EventKind),
    /// Nobody wants a result: the message is deleted.
    Unwanted(Job),
    /// The message goes back to its lane.
    Returned(Job, ReturnReason),
}

/// Why a message goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReturnReason {
    /// Nothing is wrong with the job: the worker stops, or has no time for it any more. It comes again at once.
    Stopped,
    /// Its run lost the device: the job is suspect, and comes again at once.
    Lost,
    /// Its model is on its way to this worker, and enough jobs wait for it: it comes again in a while.
    Later,
    /// The worker cannot get its model, or not load it: it comes again the later the more workers were unable.
    Unable,
}

//! [`Received`] → [`Decoded`]: is it still wanted, is it already answered, and what are its numbers?

use std::sync::Arc;

use bytes::Bytes;
use forebay_contract::{EventKind, FailureCode, InputRef, JobFailure, MediaType, storage_key};
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, warn};

use super::{
    decoded_bytes::{DecodedBytes, Held},
    job::{Decoded, Inferred, Job, Received, Settled},
    report::Reporter,
    room::Place,
};
use crate::{
    cpu_pool::{CpuPool, Work},
    failure::Failure,
    gate::Gate,
    in_flight::InFlight,
    input::{self, Prepared},
    model::{Model, Registry},
    past::Past,
    retry,
    store::{Head, Store, StoreError, find_result},
    vitals::Vitals,
};

/// How many payloads of pictures are held at once, as many of sounds and as many others: what bounds memory.
const PAYLOADS: usize = 16;
/// Longer than any failure that is stored.
const MAX_FAILURE_BYTES: u64 = 64 << 10;

/// What decoding needs.
pub(crate) struct Decode {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) reporter: Reporter,
    pub(crate) pool: CpuPool,
    pub(crate) bytes: DecodedBytes,
    pub(crate) stop: CancellationToken,
}

/// The three ways out of this stage.
#[derive(Clone)]
pub(crate) struct Exits {
    pub(crate) decoded: mpsc::Sender<Decoded>,
    /// Failed before it could run.
    pub(crate) failed: mpsc::Sender<Inferred>,
    /// Answered, unwanted or given back.
    pub(crate) settled: mpsc::Sender<Settled>,
}

/// Decodes many at once, in any order, until the lanes are closed.
pub(crate) async fn run(decode: Decode, mut received: mpsc::Receiver<Received>, exits: Exits) {
    let [pictures, sounds, others] = std::array::from_fn(|_| Gate::new(PAYLOADS));
    let shared = Arc::new(Shared { decode, in_flight: InFlight::default(), pictures, sounds, others });
    // Bounded by the room that each job holds.
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            next = received.recv() => match next {
                Some(job) => {
                    let span = job.job.span.clone();
                    tasks.spawn(pass(Arc::clone(&shared), job, exits.clone()).instrument(span));
                }
                None => break,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

struct Shared {
    decode: Decode,
    in_flight: InFlight,
    /// Pictures whose payload is held.
    pictures: Gate,
    /// Sounds whose payload is held.
    sounds: Gate,
    /// Other inputs whose payload is held: they never wait for a picture or a sound.
    others: Gate,
}

async fn pass(shared: Arc<Shared>, received: Received, exits: Exits) {
    let Received { mut job, input } = received;
    let unwanted = job.unwanted.clone();
    let outcome = tokio::select! {
        () = shared.decode.stop.cancelled() => Outcome::Stopped,
        () = unwanted.cancelled() => Outcome::Unwanted,
        outcome = shared.examine(&mut job, input) => outcome,
    };
    if matches!(outcome, Outcome::Ready(..)) {
        job.ready = Some(Instant::now());
    } else {
        job.watch = None;
    }
    // A closed exit means that the pipeline is coming down; the dropped job is redelivered.
    let _ = match outcome {
        Outcome::Stopped => exits.settled.send(Settled::Returned(job)).await.is_ok(),
        Outcome::Later => exits.settled.send(Settled::Later(job)).await.is_ok(),
        Outcome::Unable => match job.unable() {
            Ok(back) => exits.settled.send(back).await.is_ok(),
            Err(failed) => exits.failed.send(*failed).await.is_ok(),
        },
        Outcome::Unwanted => exits.settled.send(Settled::Stored(job, None)).await.is_ok(),
        Outcome::AlreadyStored(head) => {
            let event = head.succeeded(&job.id);
            exits.settled.send(Settled::Stored(job, Some(event))).await.is_ok()
        }
        Outcome::AlreadyFailed(event) => exits.settled.send(Settled::Stored(job, Some(event))).await.is_ok(),
        Outcome::Failed(failure) => {
            exits.failed.send(Inferred { job, answer: Err(failure), device_ms: 0.0 }).await.is_ok()
        }
        Outcome::Ready(model, Prepared { features, truncated }, held) => {
            job.truncated = truncated;
            job.held = Some(held);
            exits.decoded.send(Decoded { job, model, features }).await.is_ok()
        }
    };
}

enum Outcome {
    Stopped,
    /// Its model is being fetched, and enough jobs wait for it.
    Later,
    /// This worker cannot get its model.
    Unable,
    Unwanted,
    AlreadyStored(Head),
    /// Told as it was then.
    AlreadyFailed(EventKind),
    Failed(Failure),
    Ready(Arc<Model>, Prepared, Held),
}

impl Shared {
    async fn examine(&self, job: &mut Job, input: InputRef) -> Outcome {
        job.watch = self.decode.reporter.watch(job);
        job.turn = Some(self.in_flight.enter(job.digest).await);
        let (past, outcome) = self.answer(job, input).await;
        job.past = past;
        outcome
    }

    /// Two questions are asked while the input is decoded: usually the answers are «wanted» and «not yet». Another
    /// answer ends the decoding, unless it has a thread by then.
    async fn answer(&self, job: &Job, input: InputRef) -> (Past, Outcome) {
        let questions = self.needed(job);
        let features = self.features(job, input);
        tokio::pin!(questions, features);
        let (needed, prepared) = tokio::select! {
            needed = &mut questions => match needed {
                Ok(past) => (Ok(past), features.await),
                Err(outcome) => return (Past::default(), outcome),
            },
            prepared = &mut features => (questions.await, prepared),
        };
        match needed {
            Ok(past) => (past, prepared.unwrap_or_else(Outcome::Failed)),
            Err(outcome) => (Past::default(), outcome),
        }
    }

    /// What earlier deliveries came to, if the job must run; why it need not, otherwise.
    async fn needed(&self, job: &Job) -> Result<Past, Outcome> {
        let (wanted, past) = tokio::join!(self.decode.reporter.is_wanted(job), self.not_ended(job));
        if wanted { past } else { Err(Outcome::Unwanted) }
    }

    /// How the job ended, if it did: by an earlier delivery, or by another job of the same digest.
    async fn not_ended(&self, job: &Job) -> Result<Past, Outcome> {
        let Decode { store, stop, .. } = &self.decode;
        let result = storage_key::result(&job.digest);
        if job.attempt == 1 {
            return match find_result(store.as_ref(), &result).await {
                Ok(None) => Ok(Past::default()),
                Ok(Some(head)) => Err(Outcome::AlreadyStored(head)),
                Err(error) => {
                    // Running it again costs time, never correctness.
                    warn!(job = %job.id, %error, "could not look whether the result is there");
                    Ok(Past::default())
                }
            };
        }
        // An earlier delivery may have failed for a reason that is gone by now: nothing ends in both ways, so it is
        // looked until the store says.
        let (found, failed, past) = tokio::join!(
            retry::while_unavailable(stop, || find_result(store.as_ref(), &result)),
            self.failure_of(job),
            retry::while_unavailable(stop, || Past::read(store.as_ref(), &job.id)),
        );
        if let Some(Ok(Some(head))) = found {
            return Err(Outcome::AlreadyStored(head));
        }
        if let Some(failure) = failed {
            return Err(Outcome::AlreadyFailed(failure));
        }
        let past = past.and_then(Result::ok).unwrap_or_default();
        past.verdict().map_or(Ok(past), |failure| Err(Outcome::Failed(failure)))
    }

    /// The failure that is stored of the job.
    async fn failure_of(&self, job: &Job) -> Option<EventKind> {
        let Decode { store, stop, .. } = &self.decode;
        let key = storage_key::failure(&job.id);
        let stored = retry::while_unavailable(stop, || store.get(&key, MAX_FAILURE_BYTES)).await?.ok()?;
        let JobFailure { code, detail, .. } = serde_json::from_slice(&stored).ok()?;
        Some(EventKind::Failed { code, detail })
    }

    /// The job's numbers, unless the worker stops while the input cannot be had, or it cannot get the model.
    async fn features(&self, job: &Job, input: InputRef) -> Result<Outcome, Failure> {
        let model = match self.model(job).await {
            Ok(model) => model,
            Err(outcome) => return Ok(outcome),
        };
        if !model.manifest.spec.takes(input.media_type()) {
            return Err(wrong_kind(input.media_type()));
        }
        // Before the payload is: who waits here keeps no payload from being decoded.
        let most = input::most_bytes(&model, &job.parameters);
        let mut held = self.decode.bytes.take(&job.account, most).await;
        let kind = model.manifest.spec.input.kind;
        let work = Work::of(kind);
        let payloads = match work {
            Work::Picture => &self.pictures,
            Work::Sound => &self.sounds,
            Work::Light | Work::Render => &self.others,
        };
        let _payload = payloads.enter(&job.account).await;
        let media_type = input.media_type();
        let Some(payload) = self.payload(&model, input).await? else { return Ok(Outcome::Stopped) };
        input::check_label(media_type, &payload)?;
        let parameters = job.parameters.clone();
        let worker = Arc::clone(&model);
        let vitals = Arc::clone(&self.decode.vitals);
        let prepare = move || {
            let began = Instant::now();
            let prepared = input::prepare(&worker, &payload, &parameters);
            vitals.metrics.decoded(kind, began.elapsed());
            prepared
        };
        let prepared = self.decode.pool.run(work, &job.account, prepare).await;
        match prepared {
            Ok(prepared) => {
                let prepared = prepared?;
                held.keep(prepared.features.bytes());
                Ok(Outcome::Ready(model, prepared, held))
            }
            Err(error) => {
                error!(job = %job.id, model = job.model, %error, "decoding failed");
                Err(Failure::new(FailureCode::ExecutionFailed, "the input could not be decoded"))
            }
        }
    }

    /// The job's model. That it cannot be had says nothing of the job: another worker may have it.
    async fn model(&self, job: &Job) -> Result<Arc<Model>, Outcome> {
        let (registry, health) = (&self.decode.registry, &self.decode.vitals.health);
        if let Some(model) = registry.opened(&job.model) {
            return Ok(model);
        }
        // Its files may take minutes to come, and others of the lane wait for none.
        let _parked = job.place.as_ref().filter(|_| registry.is_fetched(&job.model)).map(Place::park);
        let why = match registry.open(&job.model).await {
            Some(Ok(model)) => {
                health.has(&job.model);
                return Ok(model);
            }
            Some(Err(error)) if error.is_awaited() => return Err(Outcome::Later),
            Some(Err(error)) => {
                if !error.is_repeated() {
                    self.decode.vitals.metrics.model_not_loaded(&job.model, error.cause());
                }
                error.whole()
            }
            None => "it is not in models-dir".to_owned(),
        };
        warn!(job = %job.id, model = job.model, why, "handed back: the model cannot be had here");
        health.lacks(&job.model, why);
        Err(Outcome::Unable)
    }

    async fn payload(&self, model: &Model, input: InputRef) -> Result<Option<Bytes>, Failure> {
        let missing = |detail: &str| Failure::new(FailureCode::InputMissing, detail);
        let (key, bytes, sha256) = match input {
            InputRef::Inline { data, .. } => return Ok(Some(data.into())),
            InputRef::Stored { key, bytes, sha256, .. } => (key, bytes, sha256),
        };
        // The edge refused more; a message that says otherwise does not make the worker reserve it.
        let bound = bytes.min(model.manifest.spec.input.max_bytes);
        let store = &self.decode.store;
        match retry::while_unavailable(&self.decode.stop, || store.get(&key, bound)).await {
            None => Ok(None),
            Some(Ok(body)) if hex::encode(Sha256::digest(&body)) == sha256 => Ok(Some(body)),
            Some(Ok(_) | Err(StoreError::TooLarge { .. })) => Err(missing("the stored input is not what was accepted")),
            Some(Err(_)) => Err(missing("the stored input is gone: send it again")),
        }
    }
}

fn wrong_kind(media_type: MediaType) -> Failure {
    let detail = format!("the model does not take {}", media_type.name());
    Failure::new(FailureCode::InputMismatch, detail)
}

//! [`Received`] → [`Decoded`]: is it still wanted, is it already answered, and what are its numbers?

use std::sync::Arc;

use bytes::Bytes;
use forebay_contract::{EventKind, FailureCode, InputRef, JobFailure, MediaType, storage_key};
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, warn};

use super::{
    decoded_bytes::{DecodedBytes, ReservedBytes},
    exits::Exits,
    job::{Decoded, Disposition, Job, Received, ReturnReason},
    report::Reporter,
    room::Reservation,
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

/// Decodes many at once, in any order, until the lanes are closed.
pub(crate) async fn run(decode: Decode, mut received: mpsc::Receiver<Received>, exits: Exits<Decoded>) {
    let [pictures, sounds, others] = std::array::from_fn(|_| Gate::new(PAYLOADS));
    let shared = Arc::new(Shared { decode, exits, in_flight: InFlight::default(), pictures, sounds, others });
    // Bounded by the room that each job holds.
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            next = received.recv() => match next {
                Some(job) => {
                    let span = job.job.span.clone();
                    tasks.spawn(pass(Arc::clone(&shared), job).instrument(span));
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
    exits: Exits<Decoded>,
    in_flight: InFlight,
    /// Pictures whose payload is held.
    pictures: Gate,
    /// Sounds whose payload is held.
    sounds: Gate,
    /// Other inputs whose payload is held: they never wait for a picture or a sound.
    others: Gate,
}

async fn pass(shared: Arc<Shared>, received: Received) {
    let Received { mut job, input } = received;
    let unwanted = job.unwanted.clone();
    let found = tokio::select! {
        () = shared.decode.stop.cancelled() => Examined::Stopped,
        () = unwanted.cancelled() => Examined::Unwanted,
        found = shared.examine(&mut job, input) => found,
    };
    if matches!(found, Examined::Ready(..)) {
        job.ready = Some(Instant::now());
    } else {
        job.watch = None;
    }
    let exits = &shared.exits;
    match found {
        Examined::Stopped => exits.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await,
        Examined::Later => exits.dispose(Disposition::Returned(job, ReturnReason::Later)).await,
        Examined::Unable => exits.unable(job).await,
        Examined::Unwanted => exits.dispose(Disposition::Unwanted(job)).await,
        Examined::AlreadyStored(head) => {
            let event = head.succeeded(&job.id);
            exits.dispose(Disposition::Stored(job, event)).await;
        }
        Examined::AlreadyFailed(event) => exits.dispose(Disposition::Stored(job, event)).await,
        Examined::Failed(failure) => exits.fail(job, failure).await,
        Examined::Ready(model, Prepared { features, truncated }, reserved) => {
            job.truncated = truncated;
            job.reserved_bytes = Some(reserved);
            exits.pass(Decoded { job, model, features }).await;
        }
    }
}

/// What is found of a job while it is decoded.
enum Examined {
    /// The worker stops before that is known.
    Stopped,
    /// Its model is being fetched, and enough jobs wait for it.
    Later,
    /// This worker cannot get its model.
    Unable,
    /// The edge says that it is canceled.
    Unwanted,
    /// An earlier delivery, or another job of its digest, has stored the result.
    AlreadyStored(Head),
    /// An earlier delivery has failed: what was reported then is reported again.
    AlreadyFailed(EventKind),
    /// Its input or its past does not let it run.
    Failed(Failure),
    /// It can run: its model, its numbers, and the bytes that these take.
    Ready(Arc<Model>, Prepared, ReservedBytes),
}

impl Shared {
    async fn examine(&self, job: &mut Job, input: InputRef) -> Examined {
        job.watch = self.decode.reporter.watch(job);
        job.turn = Some(self.in_flight.enter(job.digest).await);
        let (past, found) = self.answer(job, input).await;
        job.past = past;
        found
    }

    /// Two questions are asked while the input is decoded: usually the answers are «wanted» and «not yet». Another
    /// answer ends the decoding, unless it has a thread by then.
    async fn answer(&self, job: &Job, input: InputRef) -> (Past, Examined) {
        let questions = self.needed(job);
        let features = self.features(job, input);
        tokio::pin!(questions, features);
        let (needed, prepared) = tokio::select! {
            needed = &mut questions => match needed {
                Ok(past) => (Ok(past), features.await),
                Err(found) => return (Past::default(), found),
            },
            prepared = &mut features => (questions.await, prepared),
        };
        match needed {
            Ok(past) => (past, prepared.unwrap_or_else(Examined::Failed)),
            Err(found) => (Past::default(), found),
        }
    }

    /// What earlier deliveries came to, if the job must run; why it need not, otherwise.
    async fn needed(&self, job: &Job) -> Result<Past, Examined> {
        let (wanted, past) = tokio::join!(self.decode.reporter.is_wanted(job), self.not_ended(job));
        if wanted { past } else { Err(Examined::Unwanted) }
    }

    /// How the job ended, if it did: by an earlier delivery, or by another job of the same digest.
    async fn not_ended(&self, job: &Job) -> Result<Past, Examined> {
        let Decode { store, stop, .. } = &self.decode;
        let result = storage_key::result(&job.digest);
        if job.attempt == 1 {
            return match find_result(store.as_ref(), &result).await {
                Ok(None) => Ok(Past::default()),
                Ok(Some(head)) => Err(Examined::AlreadyStored(head)),
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
            return Err(Examined::AlreadyStored(head));
        }
        if let Some(failure) = failed {
            return Err(Examined::AlreadyFailed(failure));
        }
        let past = past.and_then(Result::ok).unwrap_or_default();
        past.verdict().map_or(Ok(past), |failure| Err(Examined::Failed(failure)))
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
    async fn features(&self, job: &Job, input: InputRef) -> Result<Examined, Failure> {
        let model = match self.model(job).await {
            Ok(model) => model,
            Err(found) => return Ok(found),
        };
        if !model.manifest.spec.takes(input.media_type()) {
            return Err(wrong_kind(input.media_type()));
        }
        // Before the payload is: who waits here keeps no payload from being decoded.
        let most = input::most_bytes(&model, &job.parameters);
        let mut reserved = self.decode.bytes.take(&job.account, most).await;
        let kind = model.manifest.spec.input.kind;
        let work = Work::of(kind);
        let payloads = match work {
            Work::Picture => &self.pictures,
            Work::Sound => &self.sounds,
            Work::Light | Work::Render => &self.others,
        };
        let _payload = payloads.enter(&job.account).await;
        let media_type = input.media_type();
        let Some(payload) = self.payload(&model, input).await? else { return Ok(Examined::Stopped) };
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
                reserved.keep(prepared.features.bytes());
                Ok(Examined::Ready(model, prepared, reserved))
            }
            Err(error) => {
                error!(job = %job.id, model = job.model, %error, "decoding failed");
                Err(Failure::new(FailureCode::ExecutionFailed, "the input could not be decoded"))
            }
        }
    }

    /// The job's model. That it cannot be had says nothing of the job: another worker may have it.
    async fn model(&self, job: &Job) -> Result<Arc<Model>, Examined> {
        let (registry, health) = (&self.decode.registry, &self.decode.vitals.health);
        if let Some(model) = registry.opened(&job.model) {
            return Ok(model);
        }
        // Its files may take minutes to come, and others of the lane wait for none.
        let _parked = job.reservation.as_ref().filter(|_| registry.is_fetched(&job.model)).map(Reservation::park);
        let why = match registry.open(&job.model).await {
            Some(Ok(model)) => {
                health.has(&job.model);
                return Ok(model);
            }
            Some(Err(error)) if error.is_awaited() => return Err(Examined::Later),
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
        Err(Examined::Unable)
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

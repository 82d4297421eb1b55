//! [`Received`] → [`Decoded`]: is it still wanted, is it already answered, and what are its numbers?

mod fetch;

use std::sync::Arc;

use forebay_contract::{EventKind, FailureCode, InputRef, JobFailure, MediaType, storage_key};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, warn};

use super::{
    decoded_bytes::{DecodedBytes, ReservedBytes},
    exits::Exits,
    job::{Decoded, Disposition, Job, Received, ReturnReason},
    report::Reporter,
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
    store::{Head, Store, find_failure, find_result},
    vitals::Vitals,
};

/// How many payloads of pictures are held at once, as many of sounds and as many others: what bounds memory.
const PAYLOADS: usize = 16;

/// What decoding needs besides the jobs.
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
    let ready = tokio::select! {
        () = shared.decode.stop.cancelled() => Err(NotDecoded::Stopped),
        () = unwanted.cancelled() => Err(NotDecoded::Unwanted),
        ready = shared.examine(&mut job, input) => ready,
    };
    let exits = &shared.exits;
    match ready {
        Ok(Ready { model, input: Prepared { features, truncated }, reserved }) => {
            job.ready = Some(Instant::now());
            job.truncated = truncated;
            job.reserved_bytes = Some(reserved);
            exits.pass(Decoded { job, model, features }).await;
        }
        Err(why) => {
            job.watch = None;
            exits.leave(job, why).await;
        }
    }
}

/// What a job has once it is decoded.
struct Ready {
    model: Arc<Model>,
    input: Prepared,
    /// What its input takes of the bound of all decoded inputs.
    reserved: ReservedBytes,
}

/// Why a job is not decoded.
enum NotDecoded {
    /// The worker stops, and waits for nothing more.
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
    AlreadyFailed(JobFailure),
    /// Its input or its past does not let it run.
    Failed(Failure),
}

impl From<Failure> for NotDecoded {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Exits<Decoded> {
    async fn leave(&self, job: Job, why: NotDecoded) {
        match why {
            NotDecoded::Stopped => self.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await,
            NotDecoded::Later => self.dispose(Disposition::Returned(job, ReturnReason::Later)).await,
            NotDecoded::Unable => self.unable(job).await,
            NotDecoded::Unwanted => self.dispose(Disposition::Unwanted(job)).await,
            NotDecoded::AlreadyStored(head) => {
                let event = head.succeeded(&job.id);
                self.dispose(Disposition::Stored(job, event)).await;
            }
            NotDecoded::AlreadyFailed(JobFailure { code, detail, .. }) => {
                self.dispose(Disposition::Stored(job, EventKind::Failed { code, detail })).await;
            }
            NotDecoded::Failed(failure) => self.fail(job, failure).await,
        }
    }
}

impl Shared {
    async fn examine(&self, job: &mut Job, input: InputRef) -> Result<Ready, NotDecoded> {
        job.watch = self.decode.reporter.watch(job);
        job.turn = Some(self.in_flight.enter(job.digest).await);
        let (past, ready) = self.ask_and_prepare(job, input).await;
        job.past = past;
        ready
    }

    /// Two questions are asked while the input is decoded: usually the answers are «wanted» and «not yet». Another
    /// answer ends the decoding, unless it has a thread by then.
    async fn ask_and_prepare(&self, job: &Job, input: InputRef) -> (Past, Result<Ready, NotDecoded>) {
        let questions = self.needed(job);
        let preparing = self.prepare(job, input);
        tokio::pin!(questions, preparing);
        let (needed, ready) = tokio::select! {
            needed = &mut questions => match needed {
                Ok(past) => (Ok(past), preparing.await),
                Err(why) => return (Past::default(), Err(why)),
            },
            ready = &mut preparing => (questions.await, ready),
        };
        match needed {
            Ok(past) => (past, ready),
            Err(why) => (Past::default(), Err(why)),
        }
    }

    /// What earlier deliveries came to, if the job must run; why it need not, otherwise.
    async fn needed(&self, job: &Job) -> Result<Past, NotDecoded> {
        let (wanted, past) = tokio::join!(self.decode.reporter.is_wanted(job), self.not_ended(job));
        if wanted { past } else { Err(NotDecoded::Unwanted) }
    }

    /// How the job ended, if it did: by an earlier delivery, or by another job of the same digest.
    async fn not_ended(&self, job: &Job) -> Result<Past, NotDecoded> {
        let Decode { store, stop, .. } = &self.decode;
        let result = storage_key::result(&job.digest);
        if job.attempt == 1 {
            return match find_result(store.as_ref(), &result).await {
                Ok(None) => Ok(Past::default()),
                Ok(Some(head)) => Err(NotDecoded::AlreadyStored(head)),
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
            retry::while_unavailable(stop, || find_failure(store.as_ref(), &job.id)),
            retry::while_unavailable(stop, || Past::read(store.as_ref(), &job.id)),
        );
        if let Some(Ok(Some(head))) = found {
            return Err(NotDecoded::AlreadyStored(head));
        }
        if let Some(Ok(Some(failure))) = failed {
            return Err(NotDecoded::AlreadyFailed(failure));
        }
        let past = past.and_then(Result::ok).unwrap_or_default();
        past.verdict().map_or(Ok(past), |failure| Err(NotDecoded::Failed(failure)))
    }

    /// The job's model and its numbers.
    async fn prepare(&self, job: &Job, input: InputRef) -> Result<Ready, NotDecoded> {
        let model = self.decode.model(job).await?;
        if !model.manifest.spec.takes(input.media_type()) {
            return Err(wrong_kind(input.media_type()).into());
        }
        // Before the payload is: who waits here keeps no payload from being decoded.
        let most = input::most_bytes(&model, &job.parameters);
        let mut reserved = self.decode.bytes.take(&job.account, most).await;
        let kind = model.manifest.spec.input.kind;
        let work = Work::of(kind);
        let _payload = self.payloads(work).enter(&job.account).await;
        let media_type = input.media_type();
        let payload = self.decode.payload(&model, input).await?;
        input::check_label(media_type, &payload)?;
        let parameters = job.parameters.clone();
        let worker = Arc::clone(&model);
        let vitals = Arc::clone(&self.decode.vitals);
        let decode = move || {
            let began = Instant::now();
            let prepared = input::prepare(&worker, &payload, &parameters);
            vitals.metrics.decoded(kind, began.elapsed());
            prepared
        };
        let prepared = self.decode.pool.run(work, &job.account, decode).await;
        match prepared {
            Ok(prepared) => {
                let prepared = prepared?;
                reserved.keep(prepared.features.bytes());
                Ok(Ready { model, input: prepared, reserved })
            }
            Err(error) => {
                error!(job = %job.id, model = job.model, %error, "decoding failed");
                Err(Failure::new(FailureCode::ExecutionFailed, "the input could not be decoded").into())
            }
        }
    }

    fn payloads(&self, work: Work) -> &Gate {
        match work {
            Work::Picture => &self.pictures,
            Work::Sound => &self.sounds,
            Work::Light | Work::Render => &self.others,
        }
    }
}

fn wrong_kind(media_type: MediaType) -> Failure {
    let detail = format!("the model does not take {}", media_type.name());
    Failure::new(FailureCode::InputMismatch, detail)
}

//! What clients do: submit, wait, ask, listen, call off, and ask again.

use std::{rc::Rc, time::Duration};

use forebay_contract::{
    Digest, Input, InputRef, JobId, JobMessage, JobState, MediaType, Namespace, Parameters, ShardKey,
    catalog::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window},
};
use forebay_edge::inside::{
    Call, CancelAnswer, Job, Listen, Offer, Pass, RetryAnswer, Reuse, SubmitAnswer, SubmitCall, Timing,
    idempotency::Idempotency, policy::Policy,
};
use sha2::Digest as _;
use tokio::time::{sleep, timeout};

use crate::{
    isolate::Isolates,
    judge::Judge,
    native::{Heard, START_MS, since_start_ms},
    scenario::{Client, Manner, STORED, Scenario, Twist},
};

/// How often a client sends a submission that it has a key for.
const MOST_TRIES: u64 = 8;
/// How long a client asks.
const PATIENCE_MS: u64 = 400_000;

pub(crate) struct Acting {
    pub(crate) isolates: Rc<Isolates>,
    pub(crate) client: Client,
}

impl Acting {
    fn judge(&self) -> &Judge {
        &self.isolates.cloud.judge
    }

    fn scenario(&self) -> &Scenario {
        &self.isolates.cloud.scenario
    }

    /// From its submission until it knows the end.
    pub(crate) async fn act(self) {
        sleep(Duration::from_millis(self.client.at_ms)).await;
        let Some(job) = self.submits().await else { return };
        if let Some(after_ms) = self.client.cancels_after_ms {
            sleep(Duration::from_millis(after_ms)).await;
            self.cancels(job.id).await;
        }
        let ended = self.follows(job).await;
        if let Some(after_ms) = self.client.repeats_after_ms.filter(|_| self.client.key.is_some()) {
            sleep(Duration::from_millis(after_ms)).await;
            self.submits().await;
        }
        if let Some(job) = ended.filter(|job| self.client.retries && job.state == JobState::Failed) {
            self.retries(&job).await;
        }
    }

    async fn submits(&self) -> Option<Job> {
        for time in 0..MOST_TRIES {
            let asked_ms = since_start_ms();
            let isolate = self.isolates.any();
            let (call, message) = self.call(isolate);
            if let Some(start_ms) = self.client.not_before_ms.filter(|start_ms| *start_ms > asked_ms) {
                self.judge().starts_later(call.id, start_ms);
            }
            self.judge().tries(self.client.account);
            match self.ask(&Call::Submit(Box::new(call)), &message).await {
                Ok(SubmitAnswer::Admitted { job, joined, .. }) => {
                    self.judge().admitted(&self.client, &job, joined, asked_ms).await;
                    self.delivered(isolate, &job);
                    return Some(*job);
                }
                // Whoever has no key does not know whether it was accepted.
                Err(_) | Ok(SubmitAnswer::IdempotencyInProgress) if self.client.key.is_some() => {}
                _ => return None,
            }
            sleep(Duration::from_millis(500 << time.min(6))).await;
        }
        None
    }

    /// Whoever is given a result makes its isolate remember it.
    fn delivered(&self, isolate: usize, job: &Job) {
        if job.state == JobState::Succeeded {
            self.isolates.remember(isolate, job);
        }
    }

    async fn ask<Answer: serde::de::DeserializeOwned>(&self, call: &Call, rest: &str) -> Result<Answer, ()> {
        // Longer than any wait that a call may ask for.
        let asked = timeout(Duration::from_secs(90), self.isolates.call(self.client.account, call, rest));
        asked.await.map_err(|_| ())?.map_err(|_| ())
    }

    async fn follows(&self, mut job: Job) -> Option<Job> {
        let (until_ms, mut pause_ms) = (since_start_ms() + PATIENCE_MS, 500);
        while !job.state.is_final() && since_start_ms() < until_ms {
            let wait_ms = match self.client.manner {
                Manner::Forgets => return None,
                Manner::Polls => 0,
                Manner::LongPolls => 20_000,
                Manner::Streams => {
                    self.streams(job.id).await;
                    0
                }
                Manner::Listens => {
                    self.listens(job.id).await;
                    0
                }
            };
            let (asked_ms, isolate) = (since_start_ms(), self.isolates.any());
            if let Ok(Some(found)) = self.ask::<Option<Job>>(&Call::Job { id: job.id, wait_ms }, "").await {
                self.judge().saw(&self.client, &found, asked_ms).await;
                self.delivered(isolate, &found);
                job = found;
            }
            sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 3 / 2).min(10_000);
        }
        Some(job)
    }

    /// Listens to an event stream until that ends, by itself or because its object does.
    async fn streams(&self, id: JobId) {
        let wish = Listen::Stream { id, after: 0, origin: "https://forebay.example".to_owned(), pass: Pass::default() };
        let object = self.isolates.cloud.account(self.client.account);
        let Ok(Heard::Stream(mut chunks)) = object.listen(&wish).await else { return };
        let (life, mut heard) = (object.lives(), String::new());
        let until_ms = since_start_ms() + PATIENCE_MS;
        while since_start_ms() < until_ms {
            match timeout(Duration::from_secs(60), chunks.recv()).await {
                Ok(Some(chunk)) => heard.push_str(&chunk),
                // It ended, and its object did not.
                Ok(None) if object.lives() == life && object.turns().is_some() => {
                    return self.judge().heard(id, &heard);
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Opens a socket, and hears of the end unless it is cut.
    async fn listens(&self, id: JobId) {
        let origin = "https://forebay.example".to_owned();
        let wish = Listen::Socket { id: Some(id), origin, pass: Pass::default() };
        let object = self.isolates.cloud.account(self.client.account);
        let Ok(Heard::Socket(socket)) = object.listen(&wish).await else { return };
        for _ in 0..120 {
            sleep(Duration::from_millis(500)).await;
            let is_over = |text: &String| {
                ["\"succeeded\"", "\"failed\"", "\"canceled\"", "\"expired\""].iter().any(|end| text.contains(end))
            };
            if socket.closed().is_some() || socket.heard().iter().any(is_over) {
                break;
            }
        }
        // That the object is gone is no reason for a client to complain.
        let _: Result<(), _> = object.hang_up(&socket).await;
    }

    async fn cancels(&self, id: JobId) {
        self.judge().cancels(id);
        let call = Call::Cancel { id, caller: "k1".to_owned(), key: None };
        if let Ok(CancelAnswer::Canceled { job }) = self.ask(&call, "").await
            && job.state == JobState::Canceled
        {
            self.judge().canceled(id);
        }
    }

    async fn retries(&self, job: &Job) {
        let (mut call, _) = self.call(0);
        call.timing = Timing { retry_of: Some(job.id), ..Timing::default() };
        (call.idempotency, call.reuse, call.known) = (None, Reuse::Unfinished, None);
        let again = Call::Retry { id: job.id, submit: Box::new(call) };
        if let Ok(RetryAnswer::Submitted(answer)) = self.ask(&again, "").await
            && let SubmitAnswer::Admitted { job, joined, .. } = *answer
        {
            let client = Client { key: None, ..self.client.clone() };
            self.judge().admitted(&client, &job, joined, since_start_ms()).await;
        }
    }

    fn input(&self, input: Input) -> InputRef {
        let stored = |key: &str| InputRef::Stored {
            media_type: MediaType::Json,
            key: key.to_owned(),
            bytes: STORED.1.len() as u64,
            sha256: hex::encode(sha2::Sha256::digest(STORED.1)),
        };
        match self.client.twist {
            Twist::None | Twist::Version => InputRef::Inline { media_type: MediaType::Json, data: input.bytes },
            Twist::Media => InputRef::Inline { media_type: MediaType::Png, data: vec![1] },
            Twist::Stored => stored(STORED.0),
            Twist::Gone => stored("inputs/gone"),
        }
    }

    /// What the edge says to the object.
    fn call(&self, isolate: usize) -> (SubmitCall, String) {
        let (client, scenario) = (&self.client, self.scenario());
        let account = &scenario.accounts[client.account];
        let now_ms = START_MS + since_start_ms();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.isolates.cloud.random(0, u64::MAX - 1).to_be_bytes());
        let id = JobId::new(now_ms, random, ShardKey::new(&account.name, 0));
        let input = Input { media_type: MediaType::Json, bytes: client.input.clone().into_bytes() };
        let digest = Digest::new(Namespace::Account(&account.name), client.model, "1", &Parameters::new(), &input);
        let version = if client.twist == Twist::Version { "9" } else { "1" };
        let deadline_ms = client.deadline_ms.map(|at_ms| START_MS + at_ms);
        let message = JobMessage {
            job_id: id,
            account: account.name.clone(),
            model: client.model.to_owned(),
            version: version.to_owned(),
            parameters: Parameters::new(),
            digest,
            input: self.input(input),
            cost_ms: 1.0,
            accepted_ms: now_ms,
            deadline_ms,
            traceparent: None,
        };
        let (model, parameters) = (client.model.to_owned(), "{}".to_owned());
        let call = SubmitCall {
            id,
            offer: Offer { digest, model, version: "1".to_owned(), parameters, lane: client.lane, cost_ms: 1 },
            lighter: None,
            stale: Vec::new(),
            policy: Policy {
                plan: "free".to_owned(),
                limits: account.limit.map(|quantity| limit("own", Dimension::Account, quantity)).into_iter().collect(),
                common: scenario.shared_limit.map(|all| limit("all", Dimension::Global, all)).into_iter().collect(),
                multiplier: 1.0,
            },
            key: "k1".to_owned(),
            ip: "203.0.113.7/32".to_owned(),
            endpoint: "/v1/jobs".to_owned(),
            reuse: if client.fresh { Reuse::Unfinished } else { Reuse::Any },
            free_hits: false,
            known: self.isolates.known(isolate, &digest).filter(|_| !client.fresh),
            keep_ms: None,
            again: false,
            idempotency: client.key.clone().map(|key| Idempotency { key, fingerprint: digest.to_hex() }),
            nothing_new: false,
            challenged: false,
            store: true,
            dry_run: false,
            wait_ms: client.wait_ms,
            timing: Timing {
                not_before_ms: client.not_before_ms.map(|at_ms| START_MS + at_ms),
                deadline_ms,
                retry_of: None,
                promise: None,
            },
        };
        (call, message.to_json().unwrap_or_default())
    }
}

/// So many in ten minutes, refilled evenly.
fn limit(name: &str, dimension: Dimension, quantity: u64) -> LimitSpec {
    LimitSpec {
        name: name.to_owned(),
        dimension,
        algorithm: Algorithm::TokenBucket,
        quantity,
        window: Some(Window::Seconds(600)),
        unit: Unit::Requests,
        beyond: Beyond::Reject,
    }
}

//! What clients do: submit, wait, ask, listen, call off, and ask again.

use std::{rc::Rc, time::Duration};

use forebay_account::{Call, CancelAnswer, Job, Listen, Pass, RetryAnswer, Reuse, SubmitAnswer, Timing};
use forebay_contract::{JobId, JobState};
use tokio::time::{sleep, timeout};

use crate::{
    isolate::Isolates,
    judge::Judge,
    native::{Heard, since_start_ms},
    scenario::{Client, Manner, Scenario},
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

    pub(crate) fn scenario(&self) -> &Scenario {
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
}

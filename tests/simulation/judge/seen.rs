//! What clients are told while they ask.

use forebay_account::Job;
use forebay_backend::store::Store as _;
use forebay_contract::{JobId, JobState, storage_key};

use super::{Judge, Rule};
use crate::{
    native::since_start_ms,
    scenario::{Client, Fate},
};

/// Where a job stood, told between two moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    answered_ms: u64,
    state: JobState,
    attempt: u32,
}

impl Judge {
    /// A submission is on its way.
    pub(crate) fn tries(&self, account: usize) {
        *self.state().tried.entry(account).or_default() += 1;
    }

    /// A submission was answered with a job, for a call that began at `asked_ms`.
    pub(crate) async fn admitted(&self, client: &Client, job: &Job, joined: bool, asked_ms: u64) {
        self.note_of(job.id, format!("is {}", if joined { "joined" } else { "accepted" }));
        self.state().accepted.insert(job.id);
        self.state().asked.entry(job.id).or_insert(client.number);
        // The same key again is told what was decided, and who waited may have joined what ran: these are no hits.
        if joined && job.state == JobState::Succeeded && client.key.is_none() && client.wait_ms == 0 {
            *self.state().hits.entry(client.account).or_default() += 1;
        }
        if let Some(key) = &client.key {
            let first = *self.state().keys.entry((client.account, key.clone())).or_insert(job.id);
            self.judge(Rule::KeyIsOneJob, Some(job.id), first == job.id, || "another job has the same key".to_owned());
        }
        self.saw(client, job, asked_ms).await;
    }

    /// A client was told where its job stands.
    pub(crate) async fn saw(&self, client: &Client, job: &Job, asked_ms: u64) {
        let now = Sight { answered_ms: since_start_ms(), state: job.state, attempt: job.attempt };
        let before = self.state().sights.get(&job.id).cloned().unwrap_or_default();
        // What was told before this was asked must have been so before.
        for sight in before.iter().filter(|sight| sight.answered_ms < asked_ms) {
            self.judge(Rule::StateGoesForward, Some(job.id), follows(*sight, now), || {
                format!("{:?} in attempt {} after {:?} in {}", now.state, now.attempt, sight.state, sight.attempt)
            });
        }
        if before.last().is_none_or(|last| (last.state, last.attempt) != (now.state, now.attempt)) {
            self.note_of(job.id, format!("is seen {} in attempt {}", job.state.name(), job.attempt));
        }
        // The first of those that say the same is the one that later ones must follow.
        if before.iter().all(|sight| (sight.state, sight.attempt) != (now.state, now.attempt)) {
            self.state().sights.entry(job.id).or_default().push(now);
        }
        if job.state == JobState::Succeeded {
            self.fetched(job, &client.fate).await;
        }
    }

    /// Who is told of a result fetches it.
    async fn fetched(&self, job: &Job, fate: &Fate) {
        let found = self.store.get(&storage_key::result(&job.digest), 10_000).await.ok();
        self.judge(Rule::ResultIsThere, Some(job.id), found.is_some(), || "there is no result".to_owned());
        if let (Some(found), Fate::Result(expected)) = (found, fate) {
            self.judge(Rule::EndsAsItMust, Some(job.id), found == expected.as_bytes(), || "a wrong result".to_owned());
        }
    }

    /// A client's event stream ended by itself, or its socket told of an end.
    pub(crate) fn heard(&self, id: JobId, events: &str) {
        let so = ["\"succeeded\"", "\"failed\"", "\"canceled\"", "\"expired\""].iter().any(|end| events.contains(end));
        self.judge(Rule::ListenerHears, Some(id), so, || format!("a stream ended without its end: {events}"));
    }

    pub(crate) fn cancels(&self, id: JobId) {
        self.note_of(id, "is to be canceled");
        self.state().cancel_asked.insert(id);
    }

    pub(crate) fn canceled(&self, id: JobId) {
        self.note_of(id, "is canceled");
        self.state().canceled.insert(id);
    }
}

fn follows(before: Sight, after: Sight) -> bool {
    use JobState::{Expired, Failed, Succeeded};
    match before.state {
        state if !state.is_final() => after.attempt >= before.attempt,
        state if state == after.state => true,
        Failed => matches!(after.state, Succeeded | Expired),
        Succeeded => after.state == Expired,
        _ => false,
    }
}

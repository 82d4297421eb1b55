//! What goes out of the objects: messages, and what webhooks are told.

use forebay_contract::{JobId, JobMessage, Lane};

use super::{Judge, Rule};
use crate::native::{Posted, START_MS, since_start_ms};

/// Clocks are apart by so much.
const CLOCKS_MS: u64 = 6_000;

impl Judge {
    /// A queue has a message, or says so.
    pub(crate) fn taken(&self, text: &str, how: &str) {
        let Ok(message) = JobMessage::from_json(text) else { return };
        self.note_of(message.job_id, format!("is sent: {how}"));
        self.state().taken_ms.entry(message.job_id).or_insert(since_start_ms());
        let start_ms = self.state().not_before_ms.get(&message.job_id).copied();
        if let Some(start_ms) = start_ms {
            let early = since_start_ms() + CLOCKS_MS < start_ms;
            self.judge(Rule::NotBeforeItsTime, Some(message.job_id), !early, || format!("{start_ms} ms is its time"));
        }
    }

    /// A submission of this id asks for a start no earlier.
    pub(crate) fn starts_later(&self, id: JobId, start_ms: u64) {
        self.state().not_before_ms.insert(id, start_ms);
    }

    /// A queue called a message invalid: it will never be another.
    pub(crate) fn refused(&self, id: JobId) {
        self.note_of(id, "is refused by its queue");
        self.state().invalid.insert(id);
    }

    pub(crate) fn is_refused(&self, id: JobId) -> bool {
        self.state().invalid.contains(&id)
    }

    /// A queue that is down was asked.
    pub(crate) fn sent_in_vain(&self, object: &str, lane: Lane) {
        let key = (object.to_owned(), lane.name().to_owned());
        *self.state().failed_sends.entry(key).or_default() += 1;
    }

    pub(crate) fn webhook_is_there(&self, account: usize) {
        self.note(format!("the webhook of account {account} is there"));
        self.state().webhooks.entry(account).or_insert(START_MS + since_start_ms());
    }

    /// A webhook's target was told.
    pub(crate) fn posted(&self, posted: &Posted) {
        let Ok(body) = serde_json::from_str::<serde_json::Value>(&posted.body) else { return };
        let data = &body["data"];
        if let (Some(id), Some(status)) =
            (data["job_id"].as_str().and_then(|id| id.parse().ok()), data["status"].as_str())
        {
            self.note_of(id, format!("is told of: {status}"));
            self.state().delivered.insert((id, status.to_owned()));
        }
    }
}

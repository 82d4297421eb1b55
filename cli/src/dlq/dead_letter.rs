use forebay_contract::{JobMessage, Traceparent};
use serde::Serialize;
use serde_json::Value;

/// What may be shown of a message in a dead-letter queue: never what the job holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DeadLetter {
    pub(super) message_id: String,
    /// This and the rest about the job are missing when the message cannot be read.
    pub(super) job_id: Option<String>,
    pub(super) account: Option<String>,
    pub(super) model: Option<String>,
    pub(super) accepted_ms: Option<u64>,
    pub(super) trace_id: Option<String>,
    pub(super) receives: u64,
    pub(super) sent_ms: Option<u64>,
    pub(super) bytes: usize,
}

impl DeadLetter {
    /// Reads a message as SQS answers it.
    pub(super) fn of(message: &Value) -> Self {
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| message.get("Attributes")?.get(name)?.as_str()?.parse().ok();
        let job = JobMessage::from_json(text("Body")).ok();
        let trace = job.as_ref().and_then(|job| Traceparent::parse(job.traceparent.as_deref()?));
        Self {
            message_id: text("MessageId").to_owned(),
            job_id: job.as_ref().map(|job| job.job_id.to_string()),
            account: job.as_ref().map(|job| job.account.clone()),
            model: job.as_ref().map(|job| format!("{}@{}", job.model, job.version)),
            accepted_ms: job.as_ref().map(|job| job.accepted_ms),
            trace_id: trace.map(|trace| trace.trace_id_hex()),
            receives: number("ApproximateReceiveCount").unwrap_or(0),
            sent_ms: number("SentTimestamp"),
            bytes: text("Body").len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unreadable_message_is_shown_by_what_sqs_knows() {
        let attributes = json!({ "ApproximateReceiveCount": "7", "SentTimestamp": "1800000000000" });
        let message = json!({ "MessageId": "m", "Body": "secret words", "Attributes": attributes });
        let letter = DeadLetter::of(&message);
        assert_eq!((letter.job_id.as_deref(), letter.receives, letter.bytes), (None, 7, 12));
        assert_eq!(letter.sent_ms, Some(1_800_000_000_000));
        assert!(!serde_json::to_string(&letter).unwrap().contains("secret"));
    }
}

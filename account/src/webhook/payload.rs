//! What is posted: thin. It says what happened and where to ask; whoever gets hold of it learns nothing else.

use forebay_contract::JobId;
use forebay_limits::civil::{date, day_of};
use serde::Serialize;

use crate::Job;
use forebay_admission::webhook::{Event, WebhookId};

/// The body of a delivery.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookMessage"))]
pub struct Payload<Data> {
    /// What happened.
    #[serde(rename = "type")]
    pub event: Event,
    /// When, by RFC 3339.
    pub timestamp: String,
    /// To what.
    pub data: Data,
}

/// The job that ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EndedJob"))]
pub struct JobData {
    /// Its id.
    pub job_id: JobId,
    /// Its state.
    pub status: &'static str,
    /// Where to ask about it.
    pub status_url: String,
    /// Where its result is; null where it has none.
    pub result_url: Option<String>,
}

/// The webhook that is tested.
#[derive(Debug, Serialize)]
pub(super) struct TestData<'a> {
    /// Its id.
    pub webhook_id: &'a WebhookId,
}

/// The payload that tells of a job, with links below `origin`, as JSON.
pub(super) fn of_job(event: Event, job: &Job, origin: &str, now_ms: u64) -> serde_json::Result<String> {
    let status_url = format!("{origin}/v1/jobs/{}", job.id);
    let result_url = (event == Event::JobSucceeded).then(|| format!("{status_url}/result"));
    let data = JobData { job_id: job.id, status: job.state.name(), status_url, result_url };
    serde_json::to_string(&Payload { event, timestamp: rfc3339(job.finished_ms.unwrap_or(now_ms)), data })
}

/// The payload of a test, as JSON.
pub(super) fn of_test(webhook_id: &WebhookId, now_ms: u64) -> serde_json::Result<String> {
    let data = TestData { webhook_id };
    serde_json::to_string(&Payload { event: Event::WebhookTest, timestamp: rfc3339(now_ms), data })
}

/// A time in milliseconds since the epoch, by RFC 3339 in UTC.
fn rfc3339(at_ms: u64) -> String {
    let (s, ms) = (at_ms / 1_000, at_ms % 1_000);
    format!("{}T{:02}:{:02}:{:02}.{ms:03}Z", date(day_of(at_ms)), s / 3_600 % 24, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use forebay_contract::JobState;
    use serde_json::{Value, json};

    use super::*;
    use crate::example::{START_MS, queued};

    #[test]
    fn a_payload_says_what_happened_and_where_to_ask() {
        let job = Job { state: JobState::Succeeded, finished_ms: Some(START_MS + 1_234), ..queued() };
        let text = of_job(Event::JobSucceeded, &job, "https://e.x", 0).unwrap();
        let url = format!("https://e.x/v1/jobs/{}", job.id);
        let expect = json!({"type": "job.succeeded", "timestamp": "2027-01-15T08:00:01.234Z", "data": {
            "job_id": job.id, "status": "succeeded", "status_url": url, "result_url": format!("{url}/result")}});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expect);

        let job = Job { state: JobState::Failed, ..queued() };
        let told: Value = serde_json::from_str(&of_job(Event::JobFailed, &job, "", START_MS).unwrap()).unwrap();
        assert_eq!((&told["data"]["status"], &told["data"]["result_url"]), (&json!("failed"), &Value::Null));

        let id = WebhookId::new([1; 12]);
        let test: Value = serde_json::from_str(&of_test(&id, START_MS).unwrap()).unwrap();
        assert_eq!(test["data"], json!({"webhook_id": id}));
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (at_ms, expect) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (START_MS, "2027-01-15T08:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(at_ms), expect);
        }
    }
}

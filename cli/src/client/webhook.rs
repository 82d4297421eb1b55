//! Webhooks (Standard Webhooks 1.0), read leniently. Receivers check signatures by the official libraries.

use serde::{Deserialize, Serialize};

use super::{
    id::{DeliveryId, JobId, WebhookId},
    secret::Secret,
};

/// An endpoint that is told when jobs end. All moments are milliseconds since the epoch.
#[derive(Debug, Clone, Deserialize)]
pub struct Webhook {
    /// What the endpoint is asked for by.
    pub id: WebhookId,
    /// The URL that deliveries are posted to.
    #[serde(default)]
    pub url: String,
    /// What it is told of, such as `job.succeeded`.
    #[serde(default)]
    pub events: Vec<String>,
    /// What its owner calls it.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether anything is delivered.
    #[serde(default)]
    pub enabled: bool,
    /// Why not: `gone`, `failing` or `by_you`.
    #[serde(default)]
    pub disabled_because: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created_ms: Option<u64>,
    /// `whpk_…`: what checks its `v1a` signatures, ed25519.
    #[serde(default)]
    pub public_key: Option<String>,
    /// When its secret was last replaced; the older one signs too for 24 hours.
    #[serde(default)]
    pub rotated_ms: Option<u64>,
    /// `whsec_…`: what checks its `v1` signatures, HMAC-SHA256. Only when it is made or rotated: keep it then.
    #[serde(default)]
    pub secret: Option<Secret>,
}

/// An account's endpoints.
#[derive(Debug, Clone, Deserialize)]
pub struct Webhooks {
    /// Each of them, without its secret.
    pub webhooks: Vec<Webhook>,
}

/// An endpoint to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NewWebhook {
    /// Where deliveries go: `https://…`, no address of a private network.
    pub url: String,
    /// What it is told of; every end of a job unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// What to call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl NewWebhook {
    /// An endpoint at `url` that hears of every end of a job.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

/// What is to change about an endpoint; what is left out stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct WebhookChange {
    /// The URL that deliveries are posted to from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it is told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// What to call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether anything is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// One message to one endpoint, however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Delivery {
    /// Its id, the same for every try: receivers drop what they have seen.
    pub id: DeliveryId,
    /// What has happened, such as `job.failed` or `webhook.test`.
    #[serde(default)]
    pub event: String,
    /// The job whose end is announced; a test has none.
    #[serde(default)]
    pub job_id: Option<JobId>,
    /// How far the delivery is.
    pub state: DeliveryState,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// When it was made.
    #[serde(default)]
    pub created_ms: Option<u64>,
    /// When it is tried next.
    #[serde(default)]
    pub next_attempt_ms: Option<u64>,
    /// How the last try went.
    #[serde(default)]
    pub last: Option<DeliveryAttempt>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Pending,
    /// The endpoint answered with 2xx.
    Delivered,
    /// It will not be tried again, unless it is replayed.
    Failed,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

impl DeliveryState {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One try to post a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct DeliveryAttempt {
    /// When it was made, in milliseconds since the epoch.
    pub at_ms: Option<u64>,
    /// What the endpoint answered with.
    pub status: Option<u16>,
    /// Why it was no success: `timeout`, `unreachable`, `redirect`, `refused-address` or `status`.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: Option<u64>,
}

/// One page of deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeliveryPage {
    /// The deliveries of this page, newest first.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins; `None` on the last.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryQuery {
    /// How many a page has at most, 1 to 100.
    pub limit: Option<u32>,
    /// Where the page begins: the cursor of the one before.
    pub cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::answer::Answer, *};

    #[test]
    fn a_secret_is_read_and_never_printed() {
        let webhook: Answer<Webhook> =
            Answer::of(json!({"id": "wh_1", "url": "https://example.com", "secret": "whsec_AAAA", "news": 1})).unwrap();
        assert_eq!(webhook.secret.as_ref().unwrap().expose(), "whsec_AAAA");
        let shown = format!("{webhook:?}");
        assert!(shown.contains("https://example.com") && !shown.contains("whsec_AAAA"), "{shown}");
    }

    #[test]
    fn a_delivery_is_read_whatever_is_left_out_or_new() {
        let delivery: Delivery = serde_json::from_value(json!({"id": "msg_1", "state": "paused"})).unwrap();
        assert!(delivery.state == DeliveryState::Unknown && delivery.last.is_none());
        let delivery: Delivery = serde_json::from_value(json!({
            "id": "msg_1", "event": "job.failed", "job_id": "job_1", "state": "pending", "attempts": 2,
            "created_ms": 5, "next_attempt_ms": 9,
            "last": {"at_ms": 6, "status": null, "error": "timeout", "took_ms": 15_000},
        }))
        .unwrap();
        assert_eq!(delivery.last.unwrap().error.as_deref(), Some("timeout"));
    }

    #[test]
    fn what_is_left_out_is_not_sent() {
        assert_eq!(serde_json::to_value(NewWebhook::new("https://a")).unwrap(), json!({"url": "https://a"}));
        let change = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
        assert_eq!(serde_json::to_value(change).unwrap(), json!({"enabled": false}));
    }
}

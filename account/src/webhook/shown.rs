//! Webhooks and deliveries as their owners see them.

use forebay_contract::JobId;
use serde::Serialize;

use forebay_admission::webhook::{DeliveryId, Event, WebhookId};

/// Why nothing is sent to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DisabledBecause"))]
#[serde(rename_all = "snake_case")]
pub enum Disabled {
    /// It answered 410.
    Gone,
    /// Nothing arrived through a whole schedule.
    Failing,
    /// Its owner wants so.
    ByYou,
}

impl Disabled {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Gone, Self::Failing, Self::ByYou];

    /// The name in JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::ByYou => "by_you",
        }
    }
}

/// A webhook as its owner sees it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Webhook"))]
pub struct WebhookBody {
    /// Its id.
    pub id: WebhookId,
    /// Where deliveries are posted to.
    pub url: String,
    /// What it is told of.
    pub events: Vec<Event>,
    /// What its owner calls it.
    pub description: Option<String>,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Why not.
    pub disabled_because: Option<Disabled>,
    /// When it was made, in milliseconds since the epoch.
    pub created_ms: u64,
    /// What checks its `v1a` signatures: `whpk_` and the key in base64.
    pub public_key: String,
    /// When its keys were changed last.
    pub rotated_ms: Option<u64>,
    /// What checks its `v1` signatures: `whsec_` and the secret in base64. Shown when it is new, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A delivery as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Delivery"))]
pub struct DeliveryBody {
    /// Its id, which is its `webhook-id`.
    pub id: DeliveryId,
    /// What it tells.
    pub event: Event,
    /// Of which job; null for tests.
    pub job_id: Option<JobId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made, in milliseconds since the epoch.
    pub created_ms: u64,
    /// When it is tried next; null once it is over.
    pub next_attempt_ms: Option<u64>,
    /// The latest try; null before the first.
    pub last: Option<LastAttempt>,
}

/// A try of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastAttempt {
    /// When it began, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The status of the answer; null without one.
    pub status: Option<u16>,
    /// What was wrong; null for a success.
    pub error: Option<DeliveryError>,
    /// How long it took.
    pub took_ms: u64,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is tried, or will be.
    Pending,
    /// The target answered with a success.
    Delivered,
    /// It is not tried any more.
    Failed,
}

/// Why a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryError {
    /// No answer in time.
    Timeout,
    /// No connection, no such name, or an answer that is no HTTP.
    Unreachable,
    /// The target sends elsewhere; nobody goes there.
    Redirect,
    /// The target leads to an address that nothing is sent to.
    RefusedAddress,
    /// The answer is no success.
    Status,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The name in JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl DeliveryError {
    /// Every error.
    pub const ALL: [Self; 5] = [Self::Timeout, Self::Unreachable, Self::Redirect, Self::RefusedAddress, Self::Status];

    /// The name in JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Redirect => "redirect",
            Self::RefusedAddress => "refused-address",
            Self::Status => "status",
        }
    }
}

impl LastAttempt {
    /// A try that was answered.
    pub fn answered(at_ms: u64, took_ms: u64, status: u16) -> Self {
        let error = match status {
            200..300 => None,
            300..400 => Some(DeliveryError::Redirect),
            _ => Some(DeliveryError::Status),
        };
        Self { at_ms, status: Some(status), error, took_ms }
    }

    /// A try that was not.
    pub fn failed(at_ms: u64, took_ms: u64, error: DeliveryError) -> Self {
        Self { at_ms, status: None, error: Some(error), took_ms }
    }
}

/// All webhooks of an account, oldest first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookList {
    /// They.
    pub webhooks: Vec<WebhookBody>,
}

/// Deliveries of a webhook, newest first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryPage {
    /// They.
    pub deliveries: Vec<DeliveryBody>,
    /// Where the next page begins; null on the last.
    pub cursor: Option<DeliveryId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_json() {
        let json = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        for state in DeliveryState::ALL {
            assert_eq!(json(serde_json::to_value(state).unwrap()), state.name());
        }
        for error in DeliveryError::ALL {
            assert_eq!(json(serde_json::to_value(error).unwrap()), error.name());
        }
        for reason in Disabled::ALL {
            assert_eq!(json(serde_json::to_value(reason).unwrap()), reason.name());
        }
    }
}

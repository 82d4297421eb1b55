//! Endpoints and deliveries as people read them.

use forebay::{Delivery, DeliveryAttempt, DeliveryState, Webhook};

use crate::{moment, progress, table};

/// How long the secret before a rotation signs too.
const BOTH_SIGN_MS: u64 = 86_400_000;
const DASH: &str = "-";

/// A table with a row for each endpoint.
pub(super) fn endpoints(webhooks: &[Webhook]) -> String {
    let cells = |webhook: &Webhook| {
        let created = moment::show(webhook.created_ms);
        [webhook.id.to_string(), webhook.url.clone(), events(webhook), state(webhook), created, description(webhook)]
    };
    let rows: Vec<_> = webhooks.iter().map(cells).collect();
    table::render(["ID", "URL", "EVENTS", "STATE", "CREATED", "DESCRIPTION"], &rows)
}

/// One in full, a line each.
pub(super) fn endpoint(webhook: &Webhook) -> String {
    let rows = [
        ("id", webhook.id.to_string()),
        ("url", webhook.url.clone()),
        ("events", events(webhook)),
        ("state", state(webhook)),
        ("description", description(webhook)),
        ("public key", webhook.public_key.clone().unwrap_or_else(|| DASH.to_owned())),
        ("created", moment::show(webhook.created_ms)),
        ("rotated", moment::show(webhook.rotated_ms)),
    ];
    table::lines(rows.map(|(name, value)| [name.to_owned(), value]).as_slice())
}

/// What stands beside a secret, without it.
pub(super) fn beside_secret(webhook: &Webhook) -> String {
    let mut text = format!("webhook {} at {}", webhook.id, webhook.url);
    if let Some(rotated_ms) = webhook.rotated_ms {
        let until = moment::show(Some(rotated_ms.saturating_add(BOTH_SIGN_MS)));
        text.push_str(&format!("; its older secret signs too until {until}"));
    }
    let plain = text.replace(char::is_control, " ");
    format!("{plain}\nThis secret is shown once: keep it now, where deliveries are checked.\n")
}

/// A table with a row for each delivery.
pub(super) fn deliveries(deliveries: &[Delivery]) -> String {
    let cells = |delivery: &Delivery| {
        let job = delivery.job_id.as_ref().map_or_else(|| DASH.to_owned(), ToString::to_string);
        [
            delivery.id.to_string(),
            delivery.event.clone(),
            job,
            delivery.state.name().to_owned(),
            delivery.attempts.to_string(),
            attempt(delivery.last.as_ref()),
            moment::show(delivery.next_attempt_ms),
            moment::show(delivery.created_ms),
        ]
    };
    let headings = ["ID", "EVENT", "JOB", "STATE", "TRIES", "LAST", "NEXT", "CREATED"];
    table::render(headings, &deliveries.iter().map(cells).collect::<Vec<_>>())
}

/// Such as `msg_1 (job.failed) is pending, next tried 2026-11-22 03:44 UTC; last: status 500 after 35 ms`.
pub(super) fn line(delivery: &Delivery) -> String {
    let mut line = format!("{} ({}) is {}", delivery.id, delivery.event, delivery.state.name());
    if delivery.state == DeliveryState::Pending && delivery.next_attempt_ms.is_some() {
        line.push_str(&format!(", next tried {}", moment::show(delivery.next_attempt_ms)));
    }
    if delivery.last.is_some() {
        line.push_str(&format!("; last: {}", attempt(delivery.last.as_ref())));
    }
    line.replace(char::is_control, " ")
}

/// Such as `200 after 35 ms`, `status 500 after 2.0 s` or `timeout`.
pub(super) fn attempt(last: Option<&DeliveryAttempt>) -> String {
    let Some(last) = last else { return DASH.to_owned() };
    let outcome = match (last.status, last.error.as_deref()) {
        (Some(status), None) => status.to_string(),
        (Some(status), Some(error)) => format!("{error} {status}"),
        (None, Some(error)) => error.to_owned(),
        (None, None) => return DASH.to_owned(),
    };
    match last.took_ms {
        Some(took_ms) => format!("{outcome} after {}", progress::span(took_ms)),
        None => outcome,
    }
}

/// `all` ends of jobs, or those without what they have in common: `succeeded, failed`.
fn events(webhook: &Webhook) -> String {
    let names: Vec<_> = webhook.events.iter().map(|event| event.strip_prefix("job.").unwrap_or(event)).collect();
    let is_all = ["succeeded", "failed", "canceled", "expired"].iter().all(|end| names.contains(end));
    if is_all { "all".to_owned() } else { names.join(", ") }
}

fn state(webhook: &Webhook) -> String {
    match webhook.disabled_because.as_deref().filter(|_| !webhook.enabled) {
        _ if webhook.enabled => "enabled".to_owned(),
        Some("by_you") | None => "disabled".to_owned(),
        Some(why) => format!("disabled: {why}"),
    }
}

fn description(webhook: &Webhook) -> String {
    webhook.description.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| DASH.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn webhook(more: &Value) -> Webhook {
        let mut webhook = json!({
            "id": "wh_1", "url": "https://example.com/hook", "enabled": true, "created_ms": 1_800_000_000_000_u64,
            "events": ["job.succeeded", "job.failed", "job.canceled", "job.expired"],
        });
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(webhook).unwrap()
    }

    #[test]
    fn an_endpoint_has_a_row_and_its_state_a_reason() {
        let gone = webhook(&json!({"enabled": false, "disabled_because": "gone", "events": ["job.failed"]}));
        let expect = "ID    URL                       EVENTS  STATE           CREATED               DESCRIPTION\n\
                      wh_1  https://example.com/hook  all     enabled         2027-01-15 08:00 UTC  -\n\
                      wh_1  https://example.com/hook  failed  disabled: gone  2027-01-15 08:00 UTC  -\n";
        assert_eq!(endpoints(&[webhook(&json!({})), gone]), expect);
        assert_eq!(state(&webhook(&json!({"enabled": false, "disabled_because": "by_you"}))), "disabled");
    }

    #[test]
    fn what_stands_beside_a_secret_does_not_hold_it() {
        let rotated = webhook(&json!({"secret": "whsec_x", "rotated_ms": 1_800_000_000_000_u64}));
        let text = beside_secret(&rotated);
        assert!(!text.contains("whsec_x") && text.contains("shown once"), "{text}");
        assert!(text.contains("older secret signs too until 2027-01-16 08:00 UTC"), "{text}");
    }

    #[test]
    fn a_try_says_how_it_went() {
        for (last, expect) in [
            (json!({"status": 204, "error": null, "took_ms": 35}), "204 after 35 ms"),
            (json!({"status": 500, "error": "status", "took_ms": 2_000}), "status 500 after 2.0 s"),
            (json!({"status": null, "error": "timeout", "took_ms": 15_000}), "timeout after 15 s"),
            (json!({"error": "refused-address"}), "refused-address"),
            (json!({}), "-"),
        ] {
            let last: DeliveryAttempt = serde_json::from_value(last).unwrap();
            assert_eq!(attempt(Some(&last)), expect);
        }
        let delivery = json!({
            "id": "msg_1", "event": "webhook.test\u{1b}", "state": "pending", "next_attempt_ms": 1_800_000_000_000_u64,
            "last": {"status": 500, "error": "status"},
        });
        let shown = line(&serde_json::from_value(delivery).unwrap());
        assert_eq!(shown, "msg_1 (webhook.test ) is pending, next tried 2027-01-15 08:00 UTC; last: status 500");
    }
}

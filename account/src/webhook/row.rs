//! Rows of both tables, column by column. By hand: what reads rows by their columns' names is ten times the code.

use super::{
    delivery::Delivery,
    endpoint::Endpoint,
    shown::{DeliveryError, DeliveryState, Disabled},
};
use crate::platform::{Columns, Result, Value};
use forebay_admission::webhook::{DeliveryId, Event, WebhookId};

/// A webhook's row.
pub(super) fn of_endpoint(endpoint: &Endpoint) -> Vec<Value> {
    let events: Vec<&str> = endpoint.events.iter().map(|event| event.name()).collect();
    vec![
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        events.join(" ").into(),
        endpoint.description.clone().into(),
        endpoint.origin.as_str().into(),
        endpoint.disabled.map(Disabled::name).into(),
        Value::whole(endpoint.created_ms),
        Value::maybe(endpoint.rotated_ms),
        Value::maybe(endpoint.succeeded_ms),
        endpoint.secret.as_str().into(),
        endpoint.signing_key.as_str().into(),
        endpoint.public_key.as_str().into(),
        endpoint.old_secret.clone().into(),
        endpoint.old_signing_key.clone().into(),
    ]
}

/// The webhook of a row.
pub(super) fn to_endpoint(mut row: Columns) -> Result<Endpoint> {
    Ok(Endpoint {
        id: row.needed(|text| WebhookId::parse(&text))?,
        url: row.needed(Some)?,
        events: row.needed(|names| names.split(' ').map(Event::named).collect())?,
        description: row.text(),
        origin: row.needed(Some)?,
        disabled: row.one_of(Disabled::ALL, Disabled::name),
        created_ms: row.number().unwrap_or(0),
        rotated_ms: row.number(),
        succeeded_ms: row.number(),
        secret: row.needed(Some)?,
        signing_key: row.needed(Some)?,
        public_key: row.needed(Some)?,
        old_secret: row.text(),
        old_signing_key: row.text(),
    })
}

/// A delivery's row.
pub(super) fn of_delivery(delivery: &Delivery) -> Vec<Value> {
    vec![
        delivery.webhook.as_str().into(),
        delivery.id.as_str().into(),
        delivery.event.name().into(),
        delivery.job_id.map(|id| id.to_string()).into(),
        delivery.payload.as_str().into(),
        delivery.state.name().into(),
        Value::whole(delivery.attempts),
        Value::whole(delivery.tries),
        Value::whole(delivery.created_ms),
        Value::whole(delivery.began_ms),
        Value::maybe(delivery.next_ms),
        Value::maybe(delivery.last_ms),
        Value::maybe(delivery.status),
        delivery.error.map(DeliveryError::name).into(),
        Value::maybe(delivery.took_ms),
    ]
}

/// The delivery of a row.
pub(super) fn to_delivery(mut row: Columns) -> Result<Delivery> {
    Ok(Delivery {
        webhook: row.needed(|text| WebhookId::parse(&text))?,
        id: row.needed(|text| DeliveryId::parse(&text))?,
        event: row.needed(|text| Event::named(&text))?,
        job_id: row.text().and_then(|text| text.parse().ok()),
        payload: row.needed(Some)?,
        state: row.one_of(DeliveryState::ALL, DeliveryState::name).unwrap_or(DeliveryState::Failed),
        attempts: row.number().unwrap_or(0) as u32,
        tries: row.number().unwrap_or(0) as u32,
        created_ms: row.number().unwrap_or(0),
        began_ms: row.number().unwrap_or(0),
        next_ms: row.number(),
        last_ms: row.number(),
        status: row.number().map(|status| status as u16),
        error: row.one_of(DeliveryError::ALL, DeliveryError::name),
        took_ms: row.number(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::{delivery::tests::pending, endpoint::tests::endpoint, shown::LastAttempt};

    #[test]
    fn rows_read_back() {
        let mut delivery = pending();
        assert_eq!(to_delivery(Columns::of(of_delivery(&delivery))).unwrap(), delivery);
        for attempt in [
            LastAttempt::answered(5, 6, 307),
            LastAttempt::failed(7, 8, DeliveryError::RefusedAddress),
            LastAttempt::answered(9, 0, 204),
        ] {
            delivery.settle(&attempt, 3);
            assert_eq!(to_delivery(Columns::of(of_delivery(&delivery))).unwrap(), delivery);
        }
        let mut webhook = endpoint();
        for disabled in [None, Some(Disabled::Gone), Some(Disabled::ByYou)] {
            webhook.disabled = disabled;
            webhook.succeeded_ms = disabled.map(|_| 7);
            webhook.old_secret = disabled.map(|_| "old".to_owned());
            webhook.events = Event::OF_JOBS.to_vec();
            assert_eq!(of_endpoint(&to_endpoint(Columns::of(of_endpoint(&webhook))).unwrap()), of_endpoint(&webhook));
        }
        assert!(to_endpoint(Columns::of(Vec::new())).is_err() && to_delivery(Columns::of(Vec::new())).is_err());
    }
}

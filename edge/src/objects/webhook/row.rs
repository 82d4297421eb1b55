//! Rows of both tables, column by column. By hand: what reads rows by their columns' names is ten times the code.

use std::vec::IntoIter;

use worker::{Error, Result, SqlStorageValue};

use super::{
    delivery::Delivery,
    endpoint::Endpoint,
    shown::{DeliveryError, DeliveryState, Disabled},
};
use crate::{
    admission::webhook::{DeliveryId, Event, WebhookId},
    objects::tables::{integer, maybe},
};

/// A row that was read, or why it was not.
type Read = Result<Vec<SqlStorageValue>>;

/// A webhook's row.
pub(super) fn of_endpoint(endpoint: &Endpoint) -> Vec<SqlStorageValue> {
    let events: Vec<&str> = endpoint.events.iter().map(|event| event.name()).collect();
    vec![
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        events.join(" ").into(),
        endpoint.description.clone().into(),
        endpoint.origin.as_str().into(),
        endpoint.disabled.map(Disabled::name).into(),
        integer(endpoint.created_ms),
        maybe(endpoint.rotated_ms),
        maybe(endpoint.succeeded_ms),
        endpoint.secret.as_str().into(),
        endpoint.signing_key.as_str().into(),
        endpoint.public_key.as_str().into(),
        endpoint.old_secret.clone().into(),
        endpoint.old_signing_key.clone().into(),
    ]
}

/// The webhook of a row.
pub(super) fn to_endpoint(row: Read) -> Result<Endpoint> {
    let mut row = Columns(row?.into_iter());
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
pub(super) fn of_delivery(delivery: &Delivery) -> Vec<SqlStorageValue> {
    vec![
        delivery.webhook.as_str().into(),
        delivery.id.as_str().into(),
        delivery.event.name().into(),
        delivery.job_id.map(|id| id.to_string()).into(),
        delivery.payload.as_str().into(),
        delivery.state.name().into(),
        integer(delivery.attempts),
        integer(delivery.tries),
        integer(delivery.created_ms),
        integer(delivery.began_ms),
        maybe(delivery.next_ms),
        maybe(delivery.last_ms),
        maybe(delivery.status),
        delivery.error.map(DeliveryError::name).into(),
        maybe(delivery.took_ms),
    ]
}

/// The delivery of a row.
pub(super) fn to_delivery(row: Read) -> Result<Delivery> {
    let mut row = Columns(row?.into_iter());
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

/// A number, where there is one.
pub(super) fn number(value: &SqlStorageValue) -> Option<u64> {
    match value {
        SqlStorageValue::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// The rest of a row.
struct Columns(IntoIter<SqlStorageValue>);

impl Columns {
    fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(SqlStorageValue::String(text)) => Some(text),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u64> {
        self.0.next().as_ref().and_then(number)
    }

    fn needed<T>(&mut self, read: impl FnOnce(String) -> Option<T>) -> Result<T> {
        self.text().and_then(read).ok_or_else(|| Error::RustError("a webhook's row cannot be read".to_owned()))
    }

    fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N], name: fn(T) -> &'static str) -> Option<T> {
        let text = self.text()?;
        all.into_iter().find(|one| name(*one) == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::webhook::{delivery::tests::pending, endpoint::tests::endpoint, shown::LastAttempt};

    #[test]
    fn rows_read_back() {
        let mut delivery = pending();
        assert_eq!(to_delivery(Ok(of_delivery(&delivery))).unwrap(), delivery);
        for attempt in [
            LastAttempt::answered(5, 6, 307),
            LastAttempt::failed(7, 8, DeliveryError::RefusedAddress),
            LastAttempt::answered(9, 0, 204),
        ] {
            delivery.settle(&attempt, 3);
            assert_eq!(to_delivery(Ok(of_delivery(&delivery))).unwrap(), delivery);
        }
        let mut webhook = endpoint();
        for disabled in [None, Some(Disabled::Gone), Some(Disabled::ByYou)] {
            webhook.disabled = disabled;
            webhook.succeeded_ms = disabled.map(|_| 7);
            webhook.old_secret = disabled.map(|_| "old".to_owned());
            webhook.events = Event::OF_JOBS.to_vec();
            assert_eq!(of_endpoint(&to_endpoint(Ok(of_endpoint(&webhook))).unwrap()), of_endpoint(&webhook));
        }
        assert!(to_endpoint(Ok(Vec::new())).is_err() && to_delivery(Ok(Vec::new())).is_err());
    }
}

//! What is delivered to an endpoint.

use std::{
    io::{Write as _, stdout},
    time::{Duration, Instant},
};

use forebay::{Answer, Client, Delivery, DeliveryQuery, DeliveryState, WebhookId};
use serde_json::{Value, json};

use super::{DeliveriesArguments, EndpointArguments, ReplayDeliveryArguments, TestWebhookArguments, show};
use crate::{commands::write_json, failure::Failure, interrupt::unless_ended};

/// The most that one page has.
const PAGE: u32 = 100;
/// Between two looks at a test.
const BETWEEN: Duration = Duration::from_millis(500);

/// Sends a test; ends as its first try did.
pub(super) async fn test(TestWebhookArguments { endpoint, timeout }: &TestWebhookArguments) -> Result<(), Failure> {
    let EndpointArguments { id, common } = endpoint;
    let client = common.connection.client()?;
    let sent = client.test_webhook(id).await?;
    let until = Instant::now() + Duration::from_secs((*timeout).min(86_400));
    let message = || format!("interrupted; {} goes on, and `forebay webhooks deliveries {id}` shows it", sent.id);
    let tried = unless_ended(tried(&client, id, &sent, until), message).await?;
    match common.json {
        true => write_json(&tried.json)?,
        false => writeln!(stdout(), "{}", show::line(&tried))?,
    }
    match (&tried.last, tried.state) {
        (_, DeliveryState::Delivered) => Ok(()),
        (None, DeliveryState::Pending | DeliveryState::Unknown) if *timeout == 0 => Ok(()),
        (None, DeliveryState::Pending | DeliveryState::Unknown) => Err(Failure::TimedOut(format!(
            "{} was not tried yet; `forebay webhooks deliveries {id}` shows how it goes",
            tried.id
        ))),
        _ => Err(Failure::Job(format!("the endpoint did not take it: {}", show::attempt(tried.last.as_ref())))),
    }
}

/// The test after its first try, or as it stands at `until`.
async fn tried(
    client: &Client,
    id: &WebhookId,
    sent: &Answer<Delivery>,
    until: Instant,
) -> Result<Answer<Delivery>, Failure> {
    let mut delivery = sent.clone();
    while delivery.state == DeliveryState::Pending && delivery.last.is_none() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(BETWEEN.min(left)).await;
        let query = DeliveryQuery { limit: Some(PAGE), cursor: None };
        let mut page = client.deliveries(id, &query).await?;
        let at = page.deliveries.iter().position(|one| one.id == sent.id);
        if let Some(json) = at.and_then(|at| page.json.pointer_mut(&format!("/deliveries/{at}"))) {
            delivery = Answer::of(json.take())?;
        }
    }
    Ok(delivery)
}

/// Page by page, until there are as many as were asked for.
pub(super) async fn list(DeliveriesArguments { endpoint, limit }: &DeliveriesArguments) -> Result<(), Failure> {
    let EndpointArguments { id, common } = endpoint;
    let client = common.connection.client()?;
    let (mut deliveries, mut all): (Vec<_>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut query = DeliveryQuery::default();
    loop {
        let left = limit.saturating_sub(u32::try_from(deliveries.len()).unwrap_or(u32::MAX));
        query.limit = Some(left.clamp(1, PAGE));
        let mut page = client.deliveries(id, &query).await?;
        deliveries.append(&mut page.value.deliveries);
        if let Some(Value::Array(found)) = page.json.get_mut("deliveries").map(Value::take) {
            all.extend(found);
        }
        let is_new = page.value.cursor.is_some() && page.value.cursor != query.cursor;
        query.cursor = page.value.cursor;
        if !is_new || deliveries.len() >= *limit as usize {
            break;
        }
    }
    match common.json {
        true => write_json(&json!({ "deliveries": all, "cursor": query.cursor })),
        false => Ok(write!(stdout(), "{}", show::deliveries(&deliveries))?),
    }
}

pub(super) async fn replay(
    ReplayDeliveryArguments { id, delivery, common }: &ReplayDeliveryArguments,
) -> Result<(), Failure> {
    let delivery = common.connection.client()?.replay_delivery(id, delivery).await?;
    match common.json {
        true => write_json(&delivery.json),
        false => Ok(writeln!(stdout(), "{}", show::line(&delivery))?),
    }
}

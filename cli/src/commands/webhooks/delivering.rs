//! What is delivered to an endpoint.

use std::time::{Duration, Instant};

use forebay::{Answer, Client, Delivery, DeliveryQuery, DeliveryState, WebhookId};

use super::{DeliveriesArguments, EndpointArguments, ReplayDeliveryArguments, TestWebhookArguments, show};
use crate::{
    commands::pages::{self, gather},
    failure::Failure,
    interrupt::unless_ended,
};

/// The pause between two looks at a test.
const BETWEEN: Duration = Duration::from_millis(500);

/// Sends a test; ends as its first try did.
pub(super) async fn test(TestWebhookArguments { endpoint, timeout }: &TestWebhookArguments) -> Result<(), Failure> {
    let EndpointArguments { id, common } = endpoint;
    let client = common.connection.client()?;
    let sent = client.test_webhook(id).await?;
    let until = Instant::now() + Duration::from_secs((*timeout).min(86_400));
    let message = || format!("interrupted; {} goes on, and `forebay webhooks deliveries {id}` shows it", sent.id);
    let tried = unless_ended(tried(&client, id, &sent, until), message).await?;
    common.write(&tried.json, || format!("{}\n", show::line(&tried)))?;
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
        let query = DeliveryQuery { limit: Some(pages::LARGEST), cursor: None };
        let mut page = client.deliveries(id, &query).await?;
        let at = page.deliveries.iter().position(|one| one.id == sent.id);
        if let Some(json) = at.and_then(|at| page.json.pointer_mut(&format!("/deliveries/{at}"))) {
            delivery = Answer::of(json.take())?;
        }
    }
    Ok(delivery)
}

pub(super) async fn list(DeliveriesArguments { endpoint, limit }: &DeliveriesArguments) -> Result<(), Failure> {
    let EndpointArguments { id, common } = endpoint;
    let client = common.connection.client()?;
    let deliveries = gather(*limit, async |limit, cursor| {
        client.deliveries(id, &DeliveryQuery { limit: Some(limit), cursor }).await
    })
    .await?;
    common.write(&deliveries.json, || show::deliveries(&deliveries.rows))
}

pub(super) async fn replay(
    ReplayDeliveryArguments { id, delivery, common }: &ReplayDeliveryArguments,
) -> Result<(), Failure> {
    let delivery = common.connection.client()?.replay_delivery(id, delivery).await?;
    common.write(&delivery.json, || format!("{}\n", show::line(&delivery)))
}

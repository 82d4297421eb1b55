//! The calls about webhooks. What would be done twice is asked again only after a refusal.

use hyper::Method;
use serde::Serialize;

use super::{
    Call, Client,
    answer::Answer,
    calls::with_query,
    error::Error,
    id::{DeliveryId, WebhookId},
    retry::Repeat,
    webhook::{Delivery, DeliveryPage, DeliveryQuery, NewWebhook, Webhook, WebhookChange, Webhooks},
};

const PATH: &str = "/v1/webhooks";

impl Client {
    /// The account's endpoints.
    pub async fn webhooks(&self) -> Result<Answer<Webhooks>, Error> {
        self.answer(Call::get(PATH.to_owned())).await
    }

    /// One of the account's endpoints.
    pub async fn webhook(&self, id: &WebhookId) -> Result<Answer<Webhook>, Error> {
        self.answer(Call::get(format!("{PATH}/{id}"))).await
    }

    /// Makes an endpoint; its secret is shown this once.
    pub async fn create_webhook(&self, webhook: &NewWebhook) -> Result<Answer<Webhook>, Error> {
        self.answer(with_body(Call::post(PATH.to_owned()), webhook)?).await
    }

    /// Changes what `change` names of an endpoint.
    pub async fn update_webhook(&self, id: &WebhookId, change: &WebhookChange) -> Result<Answer<Webhook>, Error> {
        let call = Call { method: Method::PATCH, repeat: Repeat::Harmless, ..Call::post(format!("{PATH}/{id}")) };
        self.answer(with_body(call, change)?).await
    }

    /// Ends an endpoint, with what was still to be delivered.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), Error> {
        let call = Call { method: Method::DELETE, ..Call::post(format!("{PATH}/{id}")) };
        self.reply(call).await.map(|_| ())
    }

    /// Gives an endpoint a new secret, which is shown this once; the one before signs too for 24 hours.
    pub async fn rotate_webhook(&self, id: &WebhookId) -> Result<Answer<Webhook>, Error> {
        self.answer(Call::post(format!("{PATH}/{id}/rotate"))).await
    }

    /// Sends an endpoint a `webhook.test`.
    pub async fn test_webhook(&self, id: &WebhookId) -> Result<Answer<Delivery>, Error> {
        self.answer(Call::post(format!("{PATH}/{id}/test"))).await
    }

    /// What was and is to be delivered to an endpoint, newest first.
    pub async fn deliveries(&self, id: &WebhookId, query: &DeliveryQuery) -> Result<Answer<DeliveryPage>, Error> {
        let pairs = [("limit", query.limit.map(|limit| limit.to_string())), ("cursor", query.cursor.clone())];
        self.answer(Call::get(format!("{PATH}/{id}/deliveries{}", with_query(pairs)))).await
    }

    /// Delivers once more, under the same id.
    pub async fn replay_delivery(&self, id: &WebhookId, delivery: &DeliveryId) -> Result<Answer<Delivery>, Error> {
        self.answer(Call::post(format!("{PATH}/{id}/deliveries/{delivery}/replay"))).await
    }
}

fn with_body(call: Call, value: &impl Serialize) -> Result<Call, Error> {
    let unfit = |error| Error::Invalid(format!("this cannot be sent: {error}"));
    let body = serde_json::to_vec(value).map_err(unfit)?.into();
    Ok(Call { content_type: Some("application/json"), body, ..call })
}

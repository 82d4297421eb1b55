//! The endpoints themselves.

use std::io::{Write as _, stderr, stdout};

use forebay::{Answer, NewWebhook, Webhook, WebhookChange};
use serde_json::json;

use super::{CreateWebhookArguments, EndpointArguments, UpdateWebhookArguments, show};
use crate::{
    commands::{CommonArguments, write_json},
    failure::Failure,
};

pub(super) async fn list(common: &CommonArguments) -> Result<(), Failure> {
    let webhooks = common.connection.client()?.webhooks().await?;
    common.write(&webhooks.json, || show::endpoints(&webhooks.webhooks))
}

pub(super) async fn create(arguments: &CreateWebhookArguments) -> Result<(), Failure> {
    let CreateWebhookArguments { target, wanted, common } = arguments;
    let webhook = NewWebhook { url: target.clone(), events: wanted.events(), description: wanted.description.clone() };
    secret(&common.connection.client()?.create_webhook(&webhook).await?, common.json)
}

pub(super) async fn show(EndpointArguments { id, common }: &EndpointArguments) -> Result<(), Failure> {
    let webhook = common.connection.client()?.webhook(id).await?;
    common.write(&webhook.json, || show::endpoint(&webhook))
}

pub(super) async fn update(arguments: &UpdateWebhookArguments) -> Result<(), Failure> {
    let UpdateWebhookArguments { id, target, wanted, enable, disable, common } = arguments;
    let change = WebhookChange {
        url: target.clone(),
        events: wanted.events(),
        description: wanted.description.clone(),
        enabled: (*enable || *disable).then_some(*enable),
    };
    let webhook = common.connection.client()?.update_webhook(id, &change).await?;
    common.write(&webhook.json, || show::endpoint(&webhook))
}

pub(super) async fn delete(EndpointArguments { id, common }: &EndpointArguments) -> Result<(), Failure> {
    common.connection.client()?.delete_webhook(id).await?;
    common.write(&json!({ "id": id, "deleted": true }), || format!("{id} is deleted\n"))
}

pub(super) async fn rotate(EndpointArguments { id, common }: &EndpointArguments) -> Result<(), Failure> {
    secret(&common.connection.client()?.rotate_webhook(id).await?, common.json)
}

/// The secret alone goes to standard output, so that it can be piped to where it belongs.
fn secret(webhook: &Answer<Webhook>, as_json: bool) -> Result<(), Failure> {
    let lacking = || Failure::Unanswered("the answer lacks the new secret: rotate it".to_owned());
    let secret = webhook.secret.as_ref().ok_or_else(lacking)?;
    match as_json {
        true => write_json(&webhook.json)?,
        false => writeln!(stdout(), "{}", secret.expose())?,
    }
    Ok(write!(stderr(), "{}", show::beside_secret(webhook))?)
}

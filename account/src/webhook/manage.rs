//! What owners do with their webhooks.

use std::rc::Rc;

use serde::Serialize;

use super::{
    WebhookAnswer, WebhookCall,
    deliver::start,
    delivery::{Delivery, News},
    endpoint::Endpoint,
    payload,
    shown::{DeliveryPage, WebhookBody, WebhookList},
};
use crate::{
    core::Core,
    platform::{Error, Result},
};
use forebay_admission::webhook::{
    Action, DeliveryId, DeliveryQuery, Event, NewWebhook, WebhookChange, WebhookId, read_query,
};

/// The most webhooks of an account.
const MOST: usize = 16;

/// The answer to a call.
pub(crate) async fn answer(core: &Rc<Core>, call: &WebhookCall) -> Result<WebhookAnswer> {
    if call.action == Action::List {
        let webhooks = core.webhooks.all().iter().map(|endpoint| endpoint.body()).collect();
        return done("", &WebhookList { webhooks });
    }
    // Calls were checked before they were made: what cannot be read here is another build's.
    let unread = || Error::Unreadable("a call about webhooks cannot be read".to_owned());
    if call.action == Action::Create {
        let (origin, body) = call.text.split_once('\n').ok_or_else(unread)?;
        return create(core, NewWebhook::read(body.as_bytes()).map_err(|_| unread())?, origin.to_owned()).await;
    }
    let Some(endpoint) = WebhookId::parse(&call.id).and_then(|id| core.webhooks.get(&id)) else {
        return Ok(WebhookAnswer::Unknown);
    };
    let id = &endpoint.id;
    match call.action {
        Action::List | Action::Create | Action::Get => done(id.as_str(), &endpoint.body()),
        Action::Change => {
            let body = call.text.split_once('\n').ok_or_else(unread)?.1;
            let mut endpoint = (*endpoint).clone();
            endpoint.change(WebhookChange::read(body.as_bytes()).map_err(|_| unread())?);
            let body = endpoint.body();
            core.webhooks.put(endpoint)?;
            start(core);
            done(id_of(&body), &body)
        }
        Action::Delete => {
            core.webhooks.remove(id)?;
            start(core);
            done(id.as_str(), &())
        }
        Action::Rotate => rotate(core, id).await,
        Action::Test if endpoint.disabled.is_some() => Ok(WebhookAnswer::Disabled),
        Action::Test => test(core, id),
        Action::Deliveries => {
            let query = read_query(&call.text).map_err(|_| unread())?;
            deliveries(core, id, query)
        }
        Action::Replay => {
            let delivery = DeliveryId::parse(&call.text).map(|delivery| core.webhooks.tables.delivery(id, &delivery));
            let Some(mut delivery) = delivery.transpose()?.flatten() else {
                return Ok(WebhookAnswer::UnknownDelivery);
            };
            if endpoint.disabled.is_some() {
                return Ok(WebhookAnswer::Disabled);
            }
            delivery.replay(core.now_ms());
            enqueue(core, &delivery)
        }
    }
}

async fn create(core: &Rc<Core>, new: NewWebhook, origin: String) -> Result<WebhookAnswer> {
    let keys = core.platform.new_keys().await.map_err(Error::Broken)?;
    // Counted after the wait: between here and the write nothing comes in.
    if core.webhooks.len() >= MOST {
        return Ok(WebhookAnswer::TooMany);
    }
    let endpoint = Endpoint::new(WebhookId::new(core.platform.secret()), new, origin, keys, core.now_ms());
    let body = endpoint.body_with_secret();
    core.webhooks.add(endpoint)?;
    done(id_of(&body), &body)
}

async fn rotate(core: &Rc<Core>, id: &WebhookId) -> Result<WebhookAnswer> {
    let keys = core.platform.new_keys().await.map_err(Error::Broken)?;
    // Read anew: it may be gone meanwhile.
    let Some(endpoint) = core.webhooks.get(id) else { return Ok(WebhookAnswer::Unknown) };
    let mut endpoint = (*endpoint).clone();
    endpoint.rotate(keys, core.now_ms());
    let body = endpoint.body_with_secret();
    core.webhooks.put(endpoint)?;
    done(id_of(&body), &body)
}

/// A second test joins one that is not over: who asks often is told of one.
fn test(core: &Rc<Core>, id: &WebhookId) -> Result<WebhookAnswer> {
    if let Some(test) = core.webhooks.tables.pending_test(id)? {
        return done(id.as_str(), &test.body());
    }
    let now = core.now_ms();
    let news = News { event: Event::WebhookTest, job_id: None, random: core.platform.drawn() };
    enqueue(core, &Delivery::new(id, news, payload::of_test(id, now)?, now))
}

/// One delivery more is read than told, to know whether there is another page.
fn deliveries(core: &Core, id: &WebhookId, query: DeliveryQuery) -> Result<WebhookAnswer> {
    let most = query.limit as usize;
    let mut deliveries = core.webhooks.tables.list(id, &DeliveryQuery { limit: query.limit + 1, ..query })?;
    let more = deliveries.len() > most;
    deliveries.truncate(most);
    let cursor = deliveries.last().filter(|_| more).map(|delivery| delivery.id.clone());
    done(id.as_str(), &DeliveryPage { deliveries: deliveries.iter().map(Delivery::body).collect(), cursor })
}

fn enqueue(core: &Rc<Core>, delivery: &Delivery) -> Result<WebhookAnswer> {
    core.webhooks.enqueue(delivery)?;
    start(core);
    done(delivery.webhook.as_str(), &delivery.body())
}

fn id_of(body: &WebhookBody) -> &str {
    body.id.as_str()
}

fn done(id: &str, body: &impl Serialize) -> Result<WebhookAnswer> {
    Ok(WebhookAnswer::Done { id: id.to_owned(), body: serde_json::to_string(body)? })
}

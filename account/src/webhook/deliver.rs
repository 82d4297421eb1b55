//! The outbox of webhooks: from the end of a job to the target's answer.

use std::rc::Rc;

use forebay_contract::JobState;

use super::{
    delivery::{Consequence, Delivery, News},
    endpoint::{Endpoint, SUCCESS_EVERY_MS, Signers},
    payload,
    shown::{DeliveryError, LastAttempt},
};
use crate::{
    Job,
    core::Core,
    platform::{Error, Post, Result},
};
use forebay_admission::webhook::{Event, Unfit, WebhookId};

/// What a delivery may take besides its timeout: looking the name up, signing, writing.
const MARGIN_MS: u64 = 15_000;

/// Writes what is told of a job that was in state `before` (`None`: there was none), and starts telling. In the turn that
/// writes the job: both are there, or none.
pub(crate) fn tell(core: &Rc<Core>, before: Option<JobState>, job: &Job) -> Result<()> {
    if core.webhooks.len() == 0 {
        return Ok(());
    }
    let Some(event) = Event::of(before, job.state) else { return Ok(()) };
    for endpoint in core.webhooks.wanting(event) {
        let payload = payload::of_job(event, job, &endpoint.origin, core.now_ms())?;
        let news = News { event, job_id: Some(job.id), random: core.platform.drawn() };
        core.webhooks.enqueue(&Delivery::new(&endpoint.id, news, payload, core.now_ms()))?;
    }
    start(core);
    Ok(())
}

/// Makes the deliveries whose turn it is, behind whatever goes on, and sees to it that the alarm stands behind them: in
/// this turn, so that it is committed with what was written.
pub(crate) fn start(core: &Rc<Core>) {
    let now = core.now_ms();
    loop {
        match core.webhooks.take(now) {
            Ok(Some(delivery)) => core.spawn(deliver(core.clone(), delivery)),
            Ok(None) => break,
            Err((id, error)) => broken(core, &id, &error),
        }
    }
    if let Some(look_ms) = look_ms(core, now).filter(|look_ms| core.alarm_ms.get().is_none_or(|set| set > *look_ms)) {
        let inner = core.clone();
        core.spawn(async move {
            if let Err(error) = inner.wake_by(look_ms).await {
                inner.log("alarm-failed", &error.to_string());
            }
        });
    }
}

/// When the outbox must be looked at again.
pub(crate) fn look_ms(core: &Core, now_ms: u64) -> Option<u64> {
    let timeout_ms = core.settings().map_or(0, |settings| settings.webhook_timeout_ms);
    core.webhooks.look_ms(now_ms, timeout_ms + MARGIN_MS)
}

/// Forgets old deliveries and keys that sign no more.
pub(crate) fn sweep(core: &Core) -> Result<()> {
    let now = core.now_ms();
    core.webhooks.sweep(now.saturating_sub(core.settings()?.retention_ms))?;
    for endpoint in core.webhooks.all() {
        if endpoint.older_end_ms().is_some_and(|end_ms| end_ms <= now) {
            core.webhooks.put(Endpoint { old_secret: None, old_signing_key: None, ..(*endpoint).clone() })?;
        }
    }
    Ok(())
}

/// One delivery whose turn it is.
async fn deliver(core: Rc<Core>, delivery: Delivery) {
    let failed = match one(&core, &delivery).await {
        Ok(failed) => failed,
        Err(error) => {
            broken(&core, &delivery.webhook, &error);
            core.webhooks.postpone(&delivery.webhook, core.now_ms());
            None
        }
    };
    core.webhooks.end(&delivery, failed);
    start(&core);
}

fn broken(core: &Core, id: &WebhookId, error: &Error) {
    core.log("webhook-broken", &format!("{}: {error}", id.as_str()));
}

/// Whether the try failed; `None` where there was none.
async fn one(core: &Rc<Core>, delivery: &Delivery) -> Result<Option<bool>> {
    let Some(endpoint) = core.webhooks.get(&delivery.webhook) else { return Ok(None) };
    let attempt = attempt(core, &endpoint, delivery).await?;
    settle(core, delivery, &attempt)?;
    Ok(Some(attempt.error.is_some()))
}

/// Why a try came to nothing.
enum Trouble {
    /// The target's doing.
    Target(DeliveryError),
    /// Ours.
    Broken(String),
}

async fn attempt(core: &Core, endpoint: &Endpoint, delivery: &Delivery) -> Result<LastAttempt> {
    let began_ms = core.now_ms();
    let answered = posted(core, endpoint, delivery).await;
    let took_ms = core.now_ms().saturating_sub(began_ms);
    match answered {
        Ok(status) => Ok(LastAttempt::answered(began_ms, took_ms, status)),
        Err(Trouble::Target(error)) => Ok(LastAttempt::failed(began_ms, took_ms, error)),
        Err(Trouble::Broken(why)) => Err(Error::Broken(why)),
    }
}

/// The status that the target answered with.
async fn posted(core: &Core, endpoint: &Endpoint, delivery: &Delivery) -> std::result::Result<u16, Trouble> {
    // Checked before each try: names change, and so do settings. Where a name leads is known for as long as that was said.
    let url = core.platform.target(&endpoint.url).await.map_err(|unfit| match unfit {
        Unfit::Refused(_) => Trouble::Target(DeliveryError::RefusedAddress),
        Unfit::NoSuchName | Unfit::Unknown => Trouble::Target(DeliveryError::Unreachable),
    })?;
    let timestamp_s = core.now_ms() / 1_000;
    let (id, body) = (delivery.id.as_str(), delivery.payload.as_str());
    let content = format!("{id}.{timestamp_s}.{body}");
    let mut signatures = Vec::new();
    for Signers { secret, signing_key } in endpoint.signers(core.now_ms()) {
        let signed = core.platform.sign([secret, signing_key], &content).await;
        signatures.push(signed.map_err(Trouble::Broken)?);
    }
    let timeout_ms = core.settings().map_err(|error| Trouble::Broken(error.to_string()))?.webhook_timeout_ms;
    let post = Post { url: &url, id, timestamp_s, signature: &signatures.join(" "), body, timeout_ms };
    core.platform.post(post).await.map_err(Trouble::Target)
}

/// Writes what came of it. Webhook and delivery are read anew: their owner may have changed or deleted them meanwhile.
fn settle(core: &Core, tried: &Delivery, attempt: &LastAttempt) -> Result<()> {
    let Some(endpoint) = core.webhooks.get(&tried.webhook) else { return Ok(()) };
    let Some(mut delivery) = core.webhooks.tables.delivery(&tried.webhook, &tried.id)? else { return Ok(()) };
    let pending = delivery.next_ms.is_some();
    let consequence = delivery.settle(attempt, core.platform.random());
    core.webhooks.settled(&delivery, pending)?;
    if consequence == Consequence::Delivered {
        let now = core.now_ms();
        if let Some(job_id) = &delivery.job_id {
            core.webhooks.tables.job_told(&job_id.to_string(), now)?;
        }
        if endpoint.succeeded_ms.is_none_or(|at_ms| at_ms.saturating_add(SUCCESS_EVERY_MS) <= now) {
            core.webhooks.put(Endpoint { succeeded_ms: Some(now), ..(*endpoint).clone() })?;
        }
    }
    match endpoint.verdict(&delivery, consequence) {
        Some(because) if endpoint.disabled.is_none() => core.webhooks.disable(core, &delivery.webhook, because),
        _ => Ok(()),
    }
}

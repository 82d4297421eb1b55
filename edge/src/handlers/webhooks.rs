//! `/v1/webhooks`: whom an account tells when its jobs end, and what they were told.

use forebay_contract::ProblemCode;
use worker::web_sys::Request;

use super::{Target, caller, shard};
use crate::{
    answer::Answer,
    body,
    cx::{Cx, Stop, log_line},
    objects, targets,
};
use forebay_account::{WebhookAnswer, WebhookCall};
use forebay_admission::{
    Refusal,
    authenticate::{Credentials, anonymous, credentials},
    caller::Caller,
    query,
    webhook::{Action, DeliveryId, NewWebhook, WebhookChange, WebhookId, read_query},
};

/// The longest body that says anything about a webhook.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What is to be done.
    pub action: Action,
    /// The webhook's id, as in the path; empty where it names none.
    pub id: &'a str,
    /// The delivery's id, as in the path; empty where it names none.
    pub delivery: &'a str,
}

/// Everything below `/v1/webhooks`: checked here, done by the account's object, which also writes the answer's body.
pub async fn serve(cx: &Cx, request: Request, target: &Target, wish: Wish<'_>) -> Result<Answer, Stop> {
    let Wish { action, id, delivery } = wish;
    let owner = owner(cx).await?;
    // What cannot be an id is answered like one that there is not.
    if !id.is_empty() && WebhookId::parse(id).is_none() {
        return Err(refused(&WebhookAnswer::Unknown));
    }
    if action != Action::Deliveries {
        query::none(&target.query)?;
    }
    let text = match action {
        Action::Create | Action::Change => format!("{}\n{}", target.origin, checked(cx, request, action).await?),
        Action::Deliveries => {
            read_query(&target.query)?;
            target.query.clone()
        }
        Action::Replay if DeliveryId::parse(delivery).is_none() => {
            return Err(refused(&WebhookAnswer::UnknownDelivery));
        }
        Action::Replay => delivery.to_owned(),
        Action::List | Action::Get | Action::Delete | Action::Rotate | Action::Test => String::new(),
    };
    let call = WebhookCall { action, id: id.to_owned(), text };
    let (id, body) = match objects::webhooks(cx, shard(&owner), call).await? {
        WebhookAnswer::Done { id, body } => (id, body),
        other => return Err(refused(&other)),
    };
    let mut fields = Vec::new();
    match action {
        Action::Create => {
            log_line("webhook-created", &id);
            fields.push(("location", format!("{}/v1/webhooks/{id}", target.origin)));
        }
        Action::Rotate => log_line("webhook-rotated", &id),
        Action::Delete => return Ok(Answer::Empty { status: action.status(), fields }),
        _ => {}
    }
    Ok(Answer::Text { status: action.status(), content_type: "application/json", body, fields })
}

/// The owner of webhooks: an address is nobody to keep secrets for.
async fn owner(cx: &Cx) -> Result<Caller, Stop> {
    if credentials(cx.incoming.authorization.as_deref())? == Credentials::None {
        anonymous(None, "")?;
    }
    caller(cx).await
}

/// The body, which says nothing that cannot be.
async fn checked(cx: &Cx, request: Request, action: Action) -> Result<String, Stop> {
    let fields = body::Fields::of(&cx.incoming);
    fields.as_ref().expect_json()?;
    let body = body::read(request, &fields, MAX_BODY_BYTES).await?;
    let url = match action {
        Action::Create => Some(NewWebhook::read(&body)?.url),
        _ => WebhookChange::read(&body)?.url,
    };
    if let Some(url) = url {
        targets::check(&cx.config, &url).await.map_err(Refusal::from)?;
    }
    // It was read as UTF-8.
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// What the object says that is not what was hoped for.
fn refused(answer: &WebhookAnswer) -> Stop {
    let (code, detail) = match answer {
        WebhookAnswer::Unknown => {
            (ProblemCode::WebhookNotFound, "you have no webhook of this id; GET /v1/webhooks lists yours")
        }
        WebhookAnswer::UnknownDelivery => (
            ProblemCode::DeliveryNotFound,
            "there is no such delivery; the webhook's deliveries list those that are kept",
        ),
        WebhookAnswer::Disabled => (ProblemCode::WebhookDisabled, "enable it first: PATCH it with {\"enabled\": true}"),
        WebhookAnswer::TooMany => (ProblemCode::TooManyWebhooks, "delete one first"),
        WebhookAnswer::Done { .. } => return Stop::broken("account object: another answer than was asked for"),
    };
    Refusal::new(code, detail).into()
}

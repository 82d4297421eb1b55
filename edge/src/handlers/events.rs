//! `GET /v1/jobs/{id}/events` and `GET /v1/events`: news of jobs as they happen, by event stream or WebSocket. Both come
//! from the account's object, where the reports arrive; this page lets in who may hear them.

use forebay_contract::{JobId, ProblemCode};
use worker::{Headers, Response, web_sys::Request};

use super::{Target, caller, caller_by, found, own_job_id, shard};
use crate::{
    answer::Answer,
    cx::{Cx, Stop},
    objects,
};
use forebay_account::{Job, Listen, Pass, asked, is_told};
use forebay_admission::{Refusal, authenticate::revoked_key, caller::Caller, query, subprotocol};

/// Of an event stream. Proxies that gather an answer before they pass it on (nginx does) are told not to.
const STREAM_FIELDS: [(&str, &str); 3] =
    [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"), ("x-accel-buffering", "no")];

/// An event stream, or a WebSocket that watches the job already.
pub async fn of_job(cx: &Cx, request: Request, target: &Target, id: &str) -> Result<Answer, Stop> {
    if is_upgrade(&request) {
        return socket(cx, &request, target, Some(id)).await;
    }
    let caller = caller(cx).await?;
    query::none(&target.query)?;
    let id = own_job_id(&caller, id)?;
    let after = last_event_id(field(&request, "last-event-id").as_deref())?;
    let job = objects::call(cx, shard(&caller), asked::Job(id, 0)).await?;
    let job = found(cx, &id, job)?;
    if cx.incoming.is_head() {
        return Ok(head(&job, after));
    }
    let listen = Listen::Stream { id, after, origin: target.origin.clone(), pass: Pass::of(&caller) };
    answer(objects::listen(cx, shard(&caller), &listen).await?, &[])
}

/// A WebSocket, which says itself what it watches.
pub async fn of_many(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    if !is_upgrade(&request) {
        let detail = "connect with WebSocket, or GET /v1/jobs/{id}/events for an event stream";
        return Err(Refusal::new(ProblemCode::UpgradeRequired, detail).with_header("upgrade", "websocket").into());
    }
    socket(cx, &request, target, None).await
}

/// What `HEAD` is told of a stream, without opening one: nobody would read it.
fn head(job: &Job, after: u32) -> Answer {
    if is_told(job, after) {
        return Answer::Empty { status: 204, fields: Vec::new() };
    }
    Answer::Empty { status: 200, fields: STREAM_FIELDS.map(|(name, value)| (name, value.to_owned())).to_vec() }
}

async fn socket(cx: &Cx, request: &Request, target: &Target, id: Option<&str>) -> Result<Answer, Stop> {
    query::none(&target.query)?;
    let offered = field(request, "sec-websocket-protocol");
    let offer = subprotocol::read(offered.as_deref());
    let header = cx.incoming.authorization.clone();
    let caller = caller_by(cx, header.or(offer.authorization).as_deref()).await?;
    let id = id.map(|id| own_job_id(&caller, id)).transpose()?;
    if let Some(id) = id {
        known(cx, &caller, id).await?;
    }
    let listen = Listen::Socket { id, origin: target.origin.clone(), pass: Pass::of(&caller) };
    let response = objects::listen(cx, shard(&caller), &listen).await?;
    let selected = offer.selected.map(|name| ("sec-websocket-protocol", name));
    answer(response, selected.as_slice())
}

/// Refuses a job that is not the caller's, or is no more.
async fn known(cx: &Cx, caller: &Caller, id: JobId) -> Result<(), Stop> {
    let job = objects::call(cx, shard(caller), asked::Job(id, 0)).await?;
    found(cx, &id, job)?;
    Ok(())
}

/// The object's answer under fields of our own: its body, or its socket, goes through.
fn answer(response: Response, more: &[(&str, &str)]) -> Result<Answer, Stop> {
    if response.status_code() == 429 {
        let detail = "too many connections of this account wait for news: close some, or poll";
        return Err(Refusal::new(ProblemCode::TooManyListeners, detail).with_header("retry-after", "10").into());
    }
    if response.status_code() == 401 {
        return Err(revoked_key().into());
    }
    if !matches!(response.status_code(), 101 | 200 | 204) {
        return Err(Stop::broken(format!("the object answered {}", response.status_code())));
    }
    let headers = Headers::new();
    headers.set("cache-control", "no-store")?;
    let streams = if response.status_code() == 200 { STREAM_FIELDS.as_slice() } else { &[] };
    for (name, value) in streams.iter().chain(more) {
        headers.set(name, value)?;
    }
    Ok(Answer::Stream(response.with_headers(headers)))
}

fn is_upgrade(request: &Request) -> bool {
    request.method() == "GET" && field(request, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn field(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

/// The number of the last event that the client has seen; 0 for none.
fn last_event_id(field: Option<&str>) -> Result<u32, Refusal> {
    let Some(text) = field.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(0) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| Refusal::new(ProblemCode::InvalidHeader, "`Last-Event-ID` must be a number that an event had"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_is_a_number() {
        for (field, expect) in [
            (None, Ok(0)),
            (Some(""), Ok(0)),
            (Some(" 7 "), Ok(7)),
            (Some("-1"), Err(ProblemCode::InvalidHeader)),
            (Some("x"), Err(ProblemCode::InvalidHeader)),
            (Some("99999999999"), Err(ProblemCode::InvalidHeader)),
        ] {
            assert_eq!(last_event_id(field).map_err(|refusal| refusal.code), expect, "{field:?}");
        }
    }
}

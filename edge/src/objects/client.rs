use std::time::Duration;

use forebay_contract::{JobId, ProblemCode, ShardKey};
use worker::{Delay, Env};

use super::ask::{Class, ask_object};
use crate::{cx::Cx, http::Stop, runtime::log_line};
use forebay_account::{
    Asked, Call, SubmitAnswer, SubmitCall, UsageRow, WebhookAnswer, WebhookCall, asked, platform::CallError,
};
use forebay_admission::Refusal;

/// What an object takes at most to answer, besides what it was asked to wait. Cloudflare promises no bound.
const PATIENCE_MS: u64 = 10_000;
/// Between two tries of one call.
const PAUSE: Duration = Duration::from_millis(100);

/// Calls an Account object.
pub async fn call<Answer>(cx: &Cx, shard: ShardKey, asked: Asked<Call, Answer>) -> Result<Answer, Stop> {
    send(cx, shard, asked, "").await
}

/// Submits a job with the messages that its queue gets: that of the offer, and that of the lighter one.
pub async fn submit(cx: &Cx, shard: ShardKey, job: SubmitCall, messages: [&str; 2]) -> Result<SubmitAnswer, Stop> {
    send(cx, shard, asked::Submit(Box::new(job)), &messages.join("\n")).await
}

/// Asks for something about webhooks.
pub async fn webhooks(cx: &Cx, shard: ShardKey, call: WebhookCall) -> Result<WebhookAnswer, Stop> {
    let answer = ask(cx, shard, asked::Webhooks(call).call, "").await?;
    WebhookAnswer::read(&answer).ok_or_else(|| Stop::broken("account object: an answer that cannot be read"))
}

/// Has an Account object count what was answered without it.
pub async fn count_hits(env: &Env, shard: &str, rows: Vec<UsageRow>) -> Result<(), String> {
    let body = asked::Hits(rows).call.encode().map_err(|error| error.to_string())?;
    ask_object(env, Class::Account, shard, &body, PATIENCE_MS).await.map(drop).map_err(|error| error.to_string())
}

/// A result that its plan keeps until it was delivered was: its job is erased. What fails here is done by the object's own
/// alarm, a day after the job's end.
pub async fn delivered_once(env: &Env, id: JobId) {
    let asked = async {
        let body = asked::Erase(id).call.encode().map_err(|error| error.to_string())?;
        let name = id.shard().to_string();
        ask_object(env, Class::Account, &name, &body, PATIENCE_MS).await.map_err(|error| error.to_string())
    };
    if let Err(error) = asked.await {
        log_line("delivered-and-kept", &error);
    }
}

async fn send<Answer>(cx: &Cx, shard: ShardKey, asked: Asked<Call, Answer>, rest: &str) -> Result<Answer, Stop> {
    let answer = ask(cx, shard, asked.call, rest).await?;
    (asked.read)(&answer).map_err(|error| Stop::broken(format!("account object: {error}")))
}

/// What may go well at once is tried once more.
async fn ask(cx: &Cx, shard: ShardKey, mut call: Call, rest: &str) -> Result<String, Stop> {
    let name = shard.to_string();
    let mut answer = try_once(cx, &name, &call, rest).await?;
    if answer.as_ref().is_err_and(CallError::may_pass) && call.is_idempotent() {
        call.repeat();
        Delay::from(PAUSE).await;
        answer = try_once(cx, &name, &call, rest).await?;
    }
    answer.map_err(|error| {
        log_line("account-out-of-reach", &error.what);
        stop(&error)
    })
}

async fn try_once(cx: &Cx, name: &str, call: &Call, rest: &str) -> Result<Result<String, CallError>, Stop> {
    let mut body = call.encode().map_err(|error| Stop::broken(error.to_string()))?;
    body.reserve(rest.len() + 1);
    body.push('\n');
    body.push_str(rest);
    cx.asks();
    Ok(ask_object(&cx.env, Class::Account, name, &body, PATIENCE_MS + call.wait_ms()).await)
}

/// The platform's trouble passes; our own is a fault.
fn stop(error: &CallError) -> Stop {
    match error {
        CallError { overloaded: true, .. } => busy("5"),
        error if error.may_pass() => busy("1"),
        error => Stop::broken(format!("account object: {error}")),
    }
}

/// The object cannot be asked; it may be, so many seconds from now.
pub(super) fn busy(again_s: &str) -> Stop {
    let detail = "your account's requests cannot be looked after at the moment: send this one again";
    Refusal::new(ProblemCode::AccountBusy, detail).with_header("retry-after", again_s).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_trouble_passes_and_ours_does_not() {
        let error = |overloaded, retryable| CallError { what: "x".to_owned(), overloaded, retryable };
        for (error, expect) in [
            (error(true, false), Some("5")),
            (error(true, true), Some("5")),
            (error(false, true), Some("1")),
            (CallError::late(5), Some("1")),
            (error(false, false), None),
        ] {
            let again_s = match stop(&error) {
                Stop::Refused(refusal) => {
                    assert_eq!(refusal.code, ProblemCode::AccountBusy);
                    refusal.headers.iter().find(|(name, _)| *name == "retry-after").map(|(_, value)| value.clone())
                }
                Stop::Broken(_) => None,
            };
            assert_eq!(again_s.as_deref(), expect, "{error:?}");
        }
    }
}

use forebay_contract::ShardKey;
use serde::de::DeserializeOwned;
use worker::Env;

use super::{Call, SubmitAnswer, SubmitCall, UsageRow, WebhookAnswer, WebhookCall};
use crate::{
    cx::{Cx, Stop},
    platform::CallError,
    runtime::{Class, ask_object},
};

/// Calls an Account object.
pub async fn call<Answer: DeserializeOwned>(cx: &Cx, shard: ShardKey, call: &Call) -> Result<Answer, Stop> {
    send(cx, shard, call, "").await
}

/// Submits a job with the messages that its queue gets: that of the offer, and that of the lighter one.
pub async fn submit(cx: &Cx, shard: ShardKey, job: SubmitCall, messages: [&str; 2]) -> Result<SubmitAnswer, Stop> {
    send(cx, shard, &Call::Submit(Box::new(job)), &messages.join("\n")).await
}

/// Asks for something about webhooks.
pub async fn webhooks(cx: &Cx, shard: ShardKey, call: WebhookCall) -> Result<WebhookAnswer, Stop> {
    let answer = ask(cx, shard, &Call::Webhooks(call), "").await?;
    WebhookAnswer::read(&answer).ok_or_else(|| Stop::broken("account object: an answer that cannot be read"))
}

/// Tells an Account object what was answered without it.
pub async fn count_hits(env: &Env, shard: &str, rows: Vec<UsageRow>) -> Result<(), String> {
    let body = serde_json::to_string(&Call::Hits(rows)).map_err(|error| error.to_string())?;
    ask_object(env, Class::Account, shard, &body).await.map(drop).map_err(|error| error.to_string())
}

async fn send<Answer: DeserializeOwned>(cx: &Cx, shard: ShardKey, call: &Call, rest: &str) -> Result<Answer, Stop> {
    let answer = ask(cx, shard, call, rest).await?;
    serde_json::from_str(&answer).map_err(|error| Stop::broken(format!("account object: {error}")))
}

async fn ask(cx: &Cx, shard: ShardKey, call: &Call, rest: &str) -> Result<String, Stop> {
    let mut body = serde_json::to_string(call).map_err(|error| Stop::broken(error.to_string()))?;
    body.reserve(rest.len() + 1);
    body.push('\n');
    body.push_str(rest);
    cx.asks();
    let broken = |error: CallError| Stop::broken(format!("account object: {error}"));
    ask_object(&cx.env, Class::Account, &shard.to_string(), &body).await.map_err(broken)
}

use forebay_contract::ShardKey;
use serde::de::DeserializeOwned;
use worker::{Method, Request, RequestInit};

use super::{Call, SubmitAnswer, SubmitCall};
use crate::cx::{Cx, Stop};

/// Calls an Account object.
pub async fn call<Answer: DeserializeOwned>(cx: &Cx, shard: ShardKey, call: &Call) -> Result<Answer, Stop> {
    send(cx, shard, call, "").await
}

/// Submits a job with the message that its queue gets.
pub async fn submit(cx: &Cx, shard: ShardKey, job: SubmitCall, message: &str) -> Result<SubmitAnswer, Stop> {
    send(cx, shard, &Call::Submit(Box::new(job)), message).await
}

async fn send<Answer: DeserializeOwned>(cx: &Cx, shard: ShardKey, call: &Call, rest: &str) -> Result<Answer, Stop> {
    let mut body = serde_json::to_string(call).map_err(|error| Stop::broken(error.to_string()))?;
    body.reserve(rest.len() + 1);
    body.push('\n');
    body.push_str(rest);
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(js_sys::Uint8Array::from(body.as_bytes()).into()));
    let request = Request::new_with_init("https://account/", &init)?;
    let stub = cx.env.durable_object("ACCOUNT")?.get_by_name(&shard.to_string())?;
    let mut answer = stub.fetch_with_request(request).await?;
    let bytes = answer.bytes().await?;
    if answer.status_code() != 200 {
        return Err(Stop::broken(format!("account object: {}", String::from_utf8_lossy(&bytes))));
    }
    serde_json::from_slice(&bytes).map_err(|error| Stop::broken(format!("account object's answer: {error}")))
}

//! A connection that lasts, opened at an Account object.

use forebay_account::Listen;
use forebay_contract::ShardKey;
use worker::Response;

use super::client::busy;
use crate::{
    cx::{Cx, Stop, log_line},
    runtime::{self, Redirect},
};

/// Asks an Account object; 429 when too many listen already.
pub async fn listen(cx: &Cx, shard: ShardKey, listen: &Listen) -> Result<Response, Stop> {
    let asked = serde_json::to_string(listen).map_err(|error| Stop::broken(error.to_string()))?;
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("listen", &asked).finish();
    let upgrade = if matches!(listen, Listen::Socket { .. }) { &[("upgrade", "websocket")][..] } else { &[] };
    let url = format!("https://object/?{query}");
    let request = runtime::request("GET", &url, upgrade, None, Redirect::Follow)?;
    cx.asks();
    let opened = cx.env.durable_object("ACCOUNT")?.get_by_name(&shard.to_string())?.fetch_with_request(request).await;
    // It was asked about the job a moment ago: what is wrong with it now passes, and whoever listens comes again anyway.
    opened.map_err(|error| {
        log_line("account-out-of-reach", &error.to_string());
        busy("1")
    })
}

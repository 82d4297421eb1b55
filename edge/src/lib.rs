//! Forebay's edge: a Cloudflare Worker that admits, queues and delivers. See README.md.
#![allow(unreachable_pub, reason = "a Worker has no callers: `pub` says «beyond this file»")]

mod answer;
mod aws;
mod body;
mod bounded_get;
mod catalog;
mod config;
mod cx;
mod denied;
mod entropy;
mod expiring;
mod finished;
mod handlers;
mod header_bound;
mod hits;
mod keys;
mod lanes;
mod objects;
#[cfg(test)]
mod openapi;
mod prefilter;
mod result_cache;
mod routes;
mod runtime;
mod targets;
mod tokens;
mod turnstile;
mod workers;

pub use objects::{Account, Lane};

use std::{cell::Cell, rc::Rc};

use forebay_contract::ProblemCode;
use serde::Serialize;
use worker::{Context, Env, console_log, event, web_sys};

use crate::{
    config::Config,
    cx::{Cx, now_ms, request_id},
    handlers::{Target, health},
    routes::Route,
    runtime::Incoming,
};

/// One line in the log a request. Never payloads, keys or tokens.
#[derive(Serialize)]
struct LogLine<'a> {
    request_id: &'a str,
    method: &'a str,
    route: &'static str,
    status: u16,
    code: Option<ProblemCode>,
    ms: u64,
    /// How many calls of objects it cost.
    objects: u32,
    /// What a 500 hides.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Every request: an answer, its id, one line in the log.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let (began_ms, request_id) = (now_ms(), request_id());
    let incoming = Incoming::of(&request);
    let (target, method) = (Target::of(&incoming.url), incoming.method.clone());
    let route = Route::of(&method, &target.path);
    let pattern = route.as_ref().map_or("", |route| route.row.pattern);
    let asked = Rc::new(Cell::new(0));
    let answered = async {
        let route = route?;
        let config = match Config::of(&env) {
            Ok(config) => config,
            Err(faults) => return health::unconfigured(route.row.pattern, &faults),
        };
        let cx = Cx { env, context, config, now_ms: began_ms, incoming, asked: asked.clone() };
        route.serve(&cx, request, &target).await
    }
    .await;
    let (answer, code, error) = match answered {
        Ok(answer) => (answer, None, None),
        Err(stop) => {
            let (refusal, error) = stop.told();
            let code = refusal.code;
            (answer::problem(refusal, &request_id), Some(code), error)
        }
    };
    let answer = if method == "HEAD" { answer.without_body() } else { answer };
    let ms = now_ms().saturating_sub(began_ms);
    let status = answer.status();
    let objects = asked.get();
    let line = LogLine { request_id: &request_id, method: &method, route: pattern, status, code, ms, objects, error };
    console_log!("{}", serde_json::to_string(&line)?);
    answer.send(&request_id)
}

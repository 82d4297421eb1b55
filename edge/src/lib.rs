//! Forebay's edge: a Cloudflare Worker that admits, queues and delivers. See README.md.
#![allow(unreachable_pub, reason = "a Worker has no callers: `pub` says «beyond this file»")]

mod admission;
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

pub use objects::{Account, Lane};

/// What `benches/limits.rs` measures: a bench is a crate of its own and sees public items alone.
#[doc(hidden)]
pub mod bench {
    pub use crate::admission::limit::{Level, Memory, Rule, Wait};
}

use std::{cell::Cell, rc::Rc};

use forebay_contract::ProblemCode;
use serde::Serialize;
use worker::{Context, Env, console_log, event, web_sys};

use crate::{
    answer::Answer,
    config::Config,
    cx::{Cx, Stop, now_ms, request_id},
    handlers::{
        Target, cancel, events, health, job, jobs, lanes as lanes_page, manage_catalog, manage_keys, models, quota,
        reports, result, submit, usage,
        webhooks::{self, Wish},
    },
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
    let pattern = route.as_ref().map_or("", |route| route.pattern());
    let asked = Rc::new(Cell::new(0));
    let answered = async {
        let route = route?;
        let config = Config::of(&env).map_err(Stop::broken)?;
        let cx = Cx { env, context, config, now_ms: began_ms, incoming, asked: asked.clone() };
        serve(&cx, request, &target, route).await
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
    let ms = now_ms().saturating_sub(began_ms);
    let status = answer.status();
    let objects = asked.get();
    let line = LogLine { request_id: &request_id, method: &method, route: pattern, status, code, ms, objects, error };
    console_log!("{}", serde_json::to_string(&line)?);
    answer.send(&request_id)
}

async fn serve(cx: &Cx, request: web_sys::Request, target: &Target, route: Route<'_>) -> Result<Answer, Stop> {
    match route {
        Route::Health => health::get(),
        Route::Models => models::get(cx, target).await,
        Route::Submit => submit::json(cx, request, target).await,
        Route::Plan => submit::plan(cx, request, target).await,
        Route::Quota => quota::get(cx, target).await,
        Route::SubmitBare { model } => submit::bare(cx, request, target, model).await,
        Route::Job { id } => job::get(cx, target, id).await,
        Route::Result { id } => result::get(cx, target, id).await,
        Route::Cancel { id } => cancel::post(cx, target, id).await,
        Route::Jobs => jobs::get(cx, target).await,
        Route::Retry { id } => submit::retry::post(cx, target, id).await,
        Route::JobEvents { id } => events::of_job(cx, &request, target, id).await,
        Route::Events => events::of_many(cx, &request, target).await,
        Route::Usage => usage::get(cx, &request, target).await,
        Route::Lanes => lanes_page::get(cx, target).await,
        Route::Reports => reports::post(cx, request).await,
        Route::CatalogGet => manage_catalog::get(cx, request, target).await,
        Route::CatalogPut => manage_catalog::put(cx, request, target).await,
        Route::CatalogDelete => manage_catalog::delete(cx, request, target).await,
        Route::KeyList => manage_keys::list(cx, target).await,
        Route::KeyCreate => manage_keys::create(cx, request, target).await,
        Route::KeyRotate { id } => manage_keys::rotate(cx, request, target, id).await,
        Route::KeyRevoke { id } => manage_keys::revoke(cx, target, id).await,
        Route::Webhooks { action, id, delivery } => {
            webhooks::serve(cx, request, target, Wish { action, id, delivery }).await
        }
    }
}

//! Forebay's edge: a Cloudflare Worker that admits, queues and delivers. See README.md.
#![allow(unreachable_pub, reason = "a Worker has no callers: `pub` says «beyond this file»")]

mod admission;
mod answer;
mod aws;
mod body;
mod catalog;
mod config;
mod cx;
mod entropy;
mod expiring;
mod handlers;
mod keys;
mod objects;
mod result_cache;
mod routes;
mod runtime;

pub use objects::Account;

use forebay_contract::ProblemCode;
use serde::Serialize;
use worker::{Context, Env, Request, console_log, event, web_sys};

use crate::{
    answer::Answer,
    config::Config,
    cx::{Cx, Stop, now_ms, request_id},
    handlers::{Target, cancel, health, job, models, reports, result, submit},
    routes::Route,
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
    /// What a 500 hides.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Every request: an answer, its id, one line in the log.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let (began_ms, request_id) = (now_ms(), request_id());
    let target = Target::of(&request.inner().url());
    let method = request.method();
    let route = Route::of(method.as_ref(), &target.path);
    let pattern = route.as_ref().map_or("", |route| route.pattern());
    let answered = async {
        let route = route?;
        let config = Config::of(&env).map_err(Stop::broken)?;
        serve(&Cx { env, context, config, now_ms: began_ms }, request, &target, route).await
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
    let (method, status) = (method.as_ref(), answer.status());
    let line = LogLine { request_id: &request_id, method, route: pattern, status, code, ms, error };
    console_log!("{}", serde_json::to_string(&line)?);
    answer.send(&request_id)
}

async fn serve(cx: &Cx, request: Request, target: &Target, route: Route<'_>) -> Result<Answer, Stop> {
    match route {
        Route::Health => health::get(),
        Route::Models => models::get(cx, &request, target).await,
        Route::Submit => submit::json(cx, request, target).await,
        Route::SubmitBare { model } => submit::bare(cx, request, target, model).await,
        Route::Job { id } => job::get(cx, &request, target, id).await,
        Route::Result { id } => result::get(cx, &request, target, id).await,
        Route::Cancel { id } => cancel::post(cx, &request, target, id).await,
        Route::Reports => reports::post(cx, request).await,
    }
}

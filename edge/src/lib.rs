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

use serde_json::json;
use worker::{Context, Env, Request, Response, console_log, event};

pub use objects::Account;

use crate::{
    config::Config,
    cx::{Cx, Stop, now_ms, request_id},
    handlers::{Target, cancel, health, job, models, reports, result, submit},
    routes::Route,
};

/// Every request: an answer, its id, one line in the log.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let (began_ms, request_id) = (now_ms(), request_id());
    let target = Target::of(&request.inner().url());
    let method = request.method().to_string();
    let route = Route::of(&method, &target.path);
    let pattern = route.as_ref().map_or("", |route| route.pattern());
    let answered = async {
        let route = route?;
        let config = Config::of(&env).map_err(Stop::broken)?;
        let cx = Cx { env, context, config, now_ms: began_ms };
        serve(&cx, request, &target, route).await
    }
    .await;
    let (response, code, inside) = match answered {
        Ok(response) => (Ok(response), None, None),
        Err(stop) => {
            let (refusal, inside) = stop.told();
            let code = refusal.code;
            (answer::problem(refusal, &request_id), Some(code), inside)
        }
    };
    let mut response = response.or_else(|_| answer::last_resort())?;
    response.headers_mut().set("x-request-id", &request_id)?;
    let line = json!({
        "request_id": request_id,
        "method": method,
        "route": pattern,
        "status": response.status_code(),
        "code": code,
        "ms": now_ms().saturating_sub(began_ms),
        "error": inside,
    });
    console_log!("{line}");
    Ok(response)
}

async fn serve(cx: &Cx, request: Request, target: &Target, route: Route<'_>) -> Result<Response, Stop> {
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

//! Every endpoint, one row each: the router, the patterns in the log, `Allow` and the OpenAPI document are made of them.

use forebay_contract::{ProblemCode, report};
use futures_util::future::LocalBoxFuture;
use worker::web_sys::Request;

#[cfg(test)]
use crate::openapi::{Operation, Schemas, paths};
use crate::{
    cx::Cx,
    handlers::{
        cancel, erase, events, health, job, jobs, lanes, manage_catalog, manage_keys, models, quota, ready, reports,
        result, submit, usage,
        webhooks::{self, Wish},
    },
    http::{Answer, Stop, Target},
};
use forebay_admission::{Refusal, webhook::Action};

/// One method of one path.
pub struct Row {
    /// In upper case. What `GET` takes, `HEAD` does.
    pub method: &'static str,
    /// The path, with `{placeholders}`; also for logs, where ids would make every line its own kind.
    pub pattern: &'static str,
    handle: fn(Call<'_>) -> Handling<'_>,
    /// What the OpenAPI document says of it.
    #[cfg(test)]
    pub operation: fn(&mut Schemas) -> Operation,
}

/// What a page is asked with.
struct Call<'a> {
    cx: &'a Cx,
    request: Request,
    target: &'a Target,
    /// What stands in the path's first placeholder.
    id: &'a str,
    /// The same of its second one.
    second: &'a str,
}

type Handling<'a> = LocalBoxFuture<'a, Result<Answer, Stop>>;

macro_rules! row {
    ($method:literal $pattern:expr, $operation:expr, |$call:ident| $handling:expr) => {
        Row {
            method: $method,
            pattern: $pattern,
            handle: |$call| Box::pin($handling),
            #[cfg(test)]
            operation: $operation,
        }
    };
}

/// In the order of the OpenAPI document; what is asked most often comes first.
#[rustfmt::skip]
pub const ROUTES: &[Row] = &[
    row!("POST" "/v1/jobs", paths::submit::json, |c| submit::json(c.cx, c.request, c.target)),
    row!("POST" "/v1/models/{model}/jobs", paths::submit::bare, |c| submit::bare(c.cx, c.request, c.target, c.id)),
    row!("POST" "/v1/plan", paths::submit::plan, |c| submit::plan(c.cx, c.request, c.target)),
    row!("POST" "/v1/models/{model}/plan", paths::submit::plan_bare, |c| submit::plan_bare(c.cx, c.request, c.target, c.id)),
    row!("POST" "/v1/jobs/{id}/retry", paths::submit::retry, |c| submit::retry::post(c.cx, c.target, c.id)),
    row!("GET" "/v1/jobs", paths::jobs::list, |c| jobs::get(c.cx, c.target)),
    row!("GET" "/v1/jobs/{id}", paths::jobs::get, |c| job::get(c.cx, c.target, c.id)),
    row!("GET" "/v1/jobs/{id}/result", paths::jobs::result, |c| result::get(c.cx, c.target, c.id)),
    row!("POST" "/v1/jobs/{id}/cancel", paths::jobs::cancel, |c| cancel::post(c.cx, c.target, c.id)),
    row!("DELETE" "/v1/jobs/{id}", paths::erasure::job, |c| erase::job(c.cx, c.target, c.id)),
    row!("GET" "/v1/jobs/{id}/events", paths::waiting::of_job, |c| events::of_job(c.cx, c.request, c.target, c.id)),
    row!("GET" "/v1/events", paths::waiting::of_many, |c| events::of_many(c.cx, c.request, c.target)),
    row!("DELETE" "/v1/account/data", paths::erasure::account, |c| erase::account(c.cx, c.target)),
    row!("GET" "/v1/account/data", paths::erasure::of_account, |c| erase::of_account(c.cx, c.target)),
    row!("GET" "/v1/models", paths::account::models, |c| models::get(c.cx, c.target)),
    row!("GET" "/v1/quota", paths::account::quota, |c| quota::get(c.cx, c.target)),
    row!("GET" "/v1/usage", paths::account::usage, |c| usage::get(c.cx, c.request, c.target)),
    row!("POST" "/v1/webhooks", paths::webhooks::create, |c| webhook(c, Action::Create)),
    row!("GET" "/v1/webhooks", paths::webhooks::list, |c| webhook(c, Action::List)),
    row!("GET" "/v1/webhooks/{id}", paths::webhooks::get, |c| webhook(c, Action::Get)),
    row!("PATCH" "/v1/webhooks/{id}", paths::webhooks::change, |c| webhook(c, Action::Change)),
    row!("DELETE" "/v1/webhooks/{id}", paths::webhooks::delete, |c| webhook(c, Action::Delete)),
    row!("POST" "/v1/webhooks/{id}/rotate", paths::webhooks::rotate, |c| webhook(c, Action::Rotate)),
    row!("POST" "/v1/webhooks/{id}/test", paths::webhooks::test, |c| webhook(c, Action::Test)),
    row!("GET" "/v1/webhooks/{id}/deliveries", paths::webhooks::deliveries, |c| webhook(c, Action::Deliveries)),
    row!("POST" "/v1/webhooks/{id}/deliveries/{delivery}/replay", paths::webhooks::replay, |c| webhook(c, Action::Replay)),
    row!("GET" "/v1/lanes", paths::operator::lanes, |c| lanes::get(c.cx, c.target)),
    row!("GET" "/internal/v1/lanes", paths::operator::lanes_internally, |c| lanes::get(c.cx, c.target)),
    row!("POST" "/internal/v1/keys", paths::operator::create_key, |c| manage_keys::create(c.cx, c.request, c.target)),
    row!("GET" "/internal/v1/keys", paths::operator::list_keys, |c| manage_keys::list(c.cx, c.target)),
    row!("POST" "/internal/v1/keys/{id}/rotate", paths::operator::rotate_key,
        |c| manage_keys::rotate(c.cx, c.request, c.target, c.id)),
    row!("DELETE" "/internal/v1/keys/{id}", paths::operator::revoke_key, |c| manage_keys::revoke(c.cx, c.target, c.id)),
    row!("GET" "/internal/v1/catalog", paths::operator::get_catalog, |c| manage_catalog::get(c.cx, c.request, c.target)),
    row!("PUT" "/internal/v1/catalog", paths::operator::put_catalog, |c| manage_catalog::put(c.cx, c.request, c.target)),
    row!("DELETE" "/internal/v1/catalog", paths::operator::delete_catalog,
        |c| manage_catalog::delete(c.cx, c.request, c.target)),
    row!("POST" report::PATH, paths::workers::report, |c| reports::post(c.cx, c.request)),
    row!("GET" health::PATH, paths::service::health, |_c| health::get()),
    row!("GET" ready::PATH, paths::service::ready, |c| ready::get(c.cx)),
];

fn webhook(call: Call<'_>, action: Action) -> impl Future<Output = Result<Answer, Stop>> {
    webhooks::serve(call.cx, call.request, call.target, Wish { action, id: call.id, delivery: call.second })
}

/// What a request asks for.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// Which row it is.
    pub row: &'static Row,
    /// What stands in the path's placeholders; empty where there are fewer.
    pub named: [&'a str; 2],
}

impl<'a> Route<'a> {
    /// The route of a request.
    pub fn of(method: &str, path: &'a str) -> Result<Self, Refusal> {
        let wanted = if method == "HEAD" { "GET" } else { method };
        let mut there = None;
        for row in ROUTES {
            let Some(named) = named(row.pattern, path) else { continue };
            if row.method == wanted {
                return Ok(Self { row, named });
            }
            there = Some(row.pattern);
        }
        let pattern = there.ok_or_else(|| {
            Refusal::new(ProblemCode::RouteNotFound, "GET /v1/models and POST /v1/jobs are good places to start")
        })?;
        let allow = allowed(pattern).join(", ");
        let detail = format!("this path takes {allow} alone");
        Err(Refusal::new(ProblemCode::MethodNotAllowed, detail).with_header("allow", allow))
    }

    /// Hands the request to its page.
    pub fn serve<'c>(self, cx: &'c Cx, request: Request, target: &'c Target) -> Handling<'c>
    where
        'a: 'c,
    {
        let [id, second] = self.named;
        (self.row.handle)(Call { cx, request, target, id, second })
    }
}

/// The methods of a path.
fn allowed(pattern: &str) -> Vec<&'static str> {
    let rows = ROUTES.iter().filter(|row| row.pattern == pattern);
    rows.flat_map(|row| if row.method == "GET" { &["GET", "HEAD"][..] } else { std::slice::from_ref(&row.method) })
        .copied()
        .collect()
}

/// What stands in the placeholders of `pattern`, none of which may be empty; `None` where the path is another one.
fn named<'a>(pattern: &str, path: &'a str) -> Option<[&'a str; 2]> {
    let mut named = [""; 2];
    let mut slots = named.iter_mut();
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        let segment = segments.next()?;
        if !part.starts_with('{') {
            if part != segment {
                return None;
            }
        } else if segment.is_empty() {
            return None;
        } else {
            *slots.next()? = segment;
        }
    }
    segments.next().is_none().then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_takes_its_methods() {
        use ProblemCode::{MethodNotAllowed, RouteNotFound};
        for (method, path, expect) in [
            ("GET", "/healthz", Ok(("/healthz", ["", ""]))),
            ("HEAD", "/readyz", Ok(("/readyz", ["", ""]))),
            ("POST", "/v1/jobs", Ok(("/v1/jobs", ["", ""]))),
            ("GET", "/v1/jobs", Ok(("/v1/jobs", ["", ""]))),
            ("GET", "/v1/jobs/x", Ok(("/v1/jobs/{id}", ["x", ""]))),
            ("DELETE", "/v1/jobs/x", Ok(("/v1/jobs/{id}", ["x", ""]))),
            ("HEAD", "/v1/jobs/x/result", Ok(("/v1/jobs/{id}/result", ["x", ""]))),
            ("POST", "/v1/models/a/jobs", Ok(("/v1/models/{model}/jobs", ["a", ""]))),
            ("POST", "/v1/models/a/plan", Ok(("/v1/models/{model}/plan", ["a", ""]))),
            ("POST", "/internal/v1/reports", Ok(("/internal/v1/reports", ["", ""]))),
            ("PUT", "/internal/v1/catalog", Ok(("/internal/v1/catalog", ["", ""]))),
            ("POST", "/internal/v1/keys/k/rotate", Ok(("/internal/v1/keys/{id}/rotate", ["k", ""]))),
            (
                "POST",
                "/v1/webhooks/w/deliveries/d/replay",
                Ok(("/v1/webhooks/{id}/deliveries/{delivery}/replay", ["w", "d"])),
            ),
            ("POST", "/v1/usage", Err(MethodNotAllowed)),
            ("POST", "/internal/v1/catalog", Err(MethodNotAllowed)),
            ("DELETE", "/internal/v1/keys", Err(MethodNotAllowed)),
            ("GET", "/internal/v1/keys/k", Err(MethodNotAllowed)),
            ("PUT", "/v1/webhooks/w", Err(MethodNotAllowed)),
            ("OPTIONS", "/v1/jobs", Err(MethodNotAllowed)),
            ("GET", "/v1/jobs/x/cancel", Err(MethodNotAllowed)),
            ("HEAD", "/v1/jobs/x/cancel", Err(MethodNotAllowed)),
            ("get", "/v1/models", Err(MethodNotAllowed)),
            ("DELETE", "/internal/v1/keys/", Err(RouteNotFound)),
            ("POST", "/v1/webhooks/w/deliveries/d/replay/x", Err(RouteNotFound)),
            ("GET", "/v1/webhooks/", Err(RouteNotFound)),
            ("GET", "/", Err(RouteNotFound)),
            ("GET", "", Err(RouteNotFound)),
            ("GET", "/v1/jobs/", Err(RouteNotFound)),
            ("GET", "/v1/jobs//result", Err(RouteNotFound)),
            ("GET", "/v1/jobs/x/result/", Err(RouteNotFound)),
            ("GET", "//v1/jobs/x", Err(RouteNotFound)),
            ("GET", "/v1/jobs/{id}/nothing", Err(RouteNotFound)),
            ("GET", &"/x".repeat(10_000), Err(RouteNotFound)),
        ] {
            let found = Route::of(method, path).map(|route| (route.row.pattern, route.named));
            assert_eq!(found.map_err(|refusal| refusal.code), expect, "{method} {path}");
        }
    }

    #[test]
    fn every_row_is_reached_by_its_own_path() {
        for row in ROUTES {
            let segments = row.pattern.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
            let path = segments.collect::<Vec<_>>().join("/");
            let found = Route::of(row.method, &path).unwrap_or_else(|refusal| panic!("{path}: {}", refusal.detail));
            assert_eq!((found.row.method, found.row.pattern), (row.method, row.pattern));
            assert_eq!(found.named.iter().filter(|named| !named.is_empty()).count(), row.pattern.matches('{').count());
        }
    }

    #[test]
    fn a_refusal_lists_what_the_path_takes() {
        for (method, path, allow) in [
            ("PUT", "/v1/jobs", "POST, GET, HEAD"),
            ("POST", "/v1/models", "GET, HEAD"),
            ("GET", "/v1/plan", "POST"),
            ("PUT", "/v1/webhooks/w", "GET, HEAD, PATCH, DELETE"),
            ("POST", "/v1/account/data", "DELETE, GET, HEAD"),
        ] {
            let refusal = Route::of(method, path).err().unwrap();
            assert_eq!(refusal.headers, [("allow", allow.to_owned())], "{method} {path}");
            assert!(refusal.detail.contains(allow));
        }
    }
}

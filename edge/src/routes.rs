//! Paths and methods.

use forebay_contract::{ProblemCode, report};

use crate::admission::{Refusal, webhook::Action};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// `GET /healthz`
    Health,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/jobs`
    Jobs,
    /// `POST /v1/jobs`
    Submit,
    /// `POST /v1/plan`
    Plan,
    /// `GET /v1/quota`
    Quota,
    /// `POST /v1/models/{model}/jobs`
    SubmitBare {
        /// The model's name, as in the path.
        model: &'a str,
    },
    /// `GET /v1/jobs/{id}`
    Job {
        /// The id, as in the path.
        id: &'a str,
    },
    /// `GET /v1/jobs/{id}/result`
    Result {
        /// The id, as in the path.
        id: &'a str,
    },
    /// `POST /v1/jobs/{id}/cancel`
    Cancel {
        /// The id, as in the path.
        id: &'a str,
    },
    /// `POST /v1/jobs/{id}/retry`
    Retry {
        /// The id, as in the path.
        id: &'a str,
    },
    /// `GET /v1/jobs/{id}/events`
    JobEvents {
        /// The id, as in the path.
        id: &'a str,
    },
    /// `GET /v1/events`
    Events,
    /// `GET /v1/usage`
    Usage,
    /// `GET /v1/lanes` and `GET /internal/v1/lanes`
    Lanes,
    /// Below `/v1/webhooks`
    Webhooks {
        /// What is wanted.
        action: Action,
        /// The webhook's id, as in the path; empty where it names none.
        id: &'a str,
        /// The delivery's id, as in the path; empty where it names none.
        delivery: &'a str,
    },
    /// `POST /internal/v1/reports`
    Reports,
    /// `GET /internal/v1/catalog`
    CatalogGet,
    /// `PUT /internal/v1/catalog`
    CatalogPut,
    /// `DELETE /internal/v1/catalog`
    CatalogDelete,
    /// `GET /internal/v1/keys`
    KeyList,
    /// `POST /internal/v1/keys`
    KeyCreate,
    /// `POST /internal/v1/keys/{id}/rotate`
    KeyRotate {
        /// The id, as in the path.
        id: &'a str,
    },
    /// `DELETE /internal/v1/keys/{id}`
    KeyRevoke {
        /// The id, as in the path.
        id: &'a str,
    },
}

impl<'a> Route<'a> {
    /// The route of a request.
    pub fn of(method: &str, path: &'a str) -> Result<Self, Refusal> {
        let (route, allow) = Self::of_path(method, path).ok_or_else(|| {
            Refusal::new(ProblemCode::RouteNotFound, "GET /v1/models and POST /v1/jobs are good places to start")
        })?;
        if allow.split(", ").any(|allowed| allowed == method) {
            return Ok(route);
        }
        let detail = format!("this path takes {allow} alone");
        Err(Refusal::new(ProblemCode::MethodNotAllowed, detail).with_header("allow", allow))
    }

    /// The route of a path and the methods it takes, as `Allow` lists them.
    fn of_path(method: &str, path: &'a str) -> Option<(Self, &'static str)> {
        if path == report::PATH {
            return Some((Self::Reports, "POST"));
        }
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').take(7).collect();
        match *parts.as_slice() {
            ["healthz"] => Some((Self::Health, "GET")),
            ["v1", "models"] => Some((Self::Models, "GET")),
            ["v1", "models", model, "jobs"] => Some((Self::SubmitBare { model }, "POST")),
            ["v1", "jobs"] if method == "GET" => Some((Self::Jobs, "GET, POST")),
            ["v1", "jobs"] => Some((Self::Submit, "GET, POST")),
            ["v1", "events"] => Some((Self::Events, "GET")),
            ["v1", "usage"] => Some((Self::Usage, "GET")),
            ["v1", "lanes"] | ["internal", "v1", "lanes"] => Some((Self::Lanes, "GET")),
            ["v1", "plan"] => Some((Self::Plan, "POST")),
            ["v1", "quota"] => Some((Self::Quota, "GET")),
            ["v1", "jobs", id] if !id.is_empty() => Some((Self::Job { id }, "GET")),
            ["v1", "jobs", id, "result"] => Some((Self::Result { id }, "GET")),
            ["v1", "jobs", id, "cancel"] => Some((Self::Cancel { id }, "POST")),
            ["internal", "v1", "catalog"] => {
                let route = match method {
                    "PUT" => Self::CatalogPut,
                    "DELETE" => Self::CatalogDelete,
                    _ => Self::CatalogGet,
                };
                Some((route, "GET, PUT, DELETE"))
            }
            ["v1", "jobs", id, "retry"] => Some((Self::Retry { id }, "POST")),
            ["v1", "jobs", id, "events"] => Some((Self::JobEvents { id }, "GET")),
            ["v1", "webhooks", ref rest @ ..] => Self::of_webhooks(method, rest),
            ["internal", "v1", "keys"] if method == "GET" => Some((Self::KeyList, "GET, POST")),
            ["internal", "v1", "keys"] => Some((Self::KeyCreate, "GET, POST")),
            ["internal", "v1", "keys", id] if !id.is_empty() => Some((Self::KeyRevoke { id }, "DELETE")),
            ["internal", "v1", "keys", id, "rotate"] => Some((Self::KeyRotate { id }, "POST")),
            _ => None,
        }
    }

    /// The same below `/v1/webhooks`.
    fn of_webhooks(method: &str, rest: &[&'a str]) -> Option<(Self, &'static str)> {
        let (action, id, delivery, allow) = match *rest {
            [] if method == "GET" => (Action::List, "", "", "GET, POST"),
            [] => (Action::Create, "", "", "GET, POST"),
            [id] if !id.is_empty() => {
                let action = match method {
                    "PATCH" => Action::Change,
                    "DELETE" => Action::Delete,
                    _ => Action::Get,
                };
                (action, id, "", "GET, PATCH, DELETE")
            }
            [id, "rotate"] => (Action::Rotate, id, "", "POST"),
            [id, "test"] => (Action::Test, id, "", "POST"),
            [id, "deliveries"] => (Action::Deliveries, id, "", "GET"),
            [id, "deliveries", delivery, "replay"] => (Action::Replay, id, delivery, "POST"),
            _ => return None,
        };
        Some((Self::Webhooks { action, id, delivery }, allow))
    }

    /// The route as a pattern: for logs, where ids would make every line its own kind.
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Health => "/healthz",
            Self::Models => "/v1/models",
            Self::Jobs | Self::Submit => "/v1/jobs",
            Self::Plan => "/v1/plan",
            Self::Quota => "/v1/quota",
            Self::SubmitBare { .. } => "/v1/models/{model}/jobs",
            Self::Job { .. } => "/v1/jobs/{id}",
            Self::Result { .. } => "/v1/jobs/{id}/result",
            Self::Cancel { .. } => "/v1/jobs/{id}/cancel",
            Self::Retry { .. } => "/v1/jobs/{id}/retry",
            Self::JobEvents { .. } => "/v1/jobs/{id}/events",
            Self::Events => "/v1/events",
            Self::Usage => "/v1/usage",
            Self::Lanes => "/v1/lanes",
            Self::Webhooks { action, .. } => action.pattern(),
            Self::Reports => report::PATH,
            Self::CatalogGet | Self::CatalogPut | Self::CatalogDelete => "/internal/v1/catalog",
            Self::KeyList | Self::KeyCreate => "/internal/v1/keys",
            Self::KeyRotate { .. } => "/internal/v1/keys/{id}/rotate",
            Self::KeyRevoke { .. } => "/internal/v1/keys/{id}",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_takes_its_methods() {
        let webhooks = |action, id, delivery| Ok(Route::Webhooks { action, id, delivery });
        for (method, path, expect) in [
            ("GET", "/healthz", Ok(Route::Health)),
            ("GET", "/v1/models", Ok(Route::Models)),
            ("POST", "/v1/jobs", Ok(Route::Submit)),
            ("POST", "/v1/plan", Ok(Route::Plan)),
            ("GET", "/v1/quota", Ok(Route::Quota)),
            ("GET", "/v1/jobs", Ok(Route::Jobs)),
            ("POST", "/v1/jobs/x/retry", Ok(Route::Retry { id: "x" })),
            ("GET", "/v1/jobs/x/events", Ok(Route::JobEvents { id: "x" })),
            ("GET", "/v1/events", Ok(Route::Events)),
            ("GET", "/v1/usage", Ok(Route::Usage)),
            ("GET", "/v1/lanes", Ok(Route::Lanes)),
            ("GET", "/internal/v1/lanes", Ok(Route::Lanes)),
            ("POST", "/v1/usage", Err(ProblemCode::MethodNotAllowed)),
            ("POST", "/v1/models/a/jobs", Ok(Route::SubmitBare { model: "a" })),
            ("GET", "/v1/jobs/x", Ok(Route::Job { id: "x" })),
            ("GET", "/v1/jobs/x/result", Ok(Route::Result { id: "x" })),
            ("POST", "/v1/jobs/x/cancel", Ok(Route::Cancel { id: "x" })),
            ("POST", "/internal/v1/reports", Ok(Route::Reports)),
            ("GET", "/internal/v1/catalog", Ok(Route::CatalogGet)),
            ("PUT", "/internal/v1/catalog", Ok(Route::CatalogPut)),
            ("DELETE", "/internal/v1/catalog", Ok(Route::CatalogDelete)),
            ("POST", "/internal/v1/catalog", Err(ProblemCode::MethodNotAllowed)),
            ("GET", "/internal/v1/keys", Ok(Route::KeyList)),
            ("POST", "/internal/v1/keys", Ok(Route::KeyCreate)),
            ("POST", "/internal/v1/keys/k/rotate", Ok(Route::KeyRotate { id: "k" })),
            ("DELETE", "/internal/v1/keys/k", Ok(Route::KeyRevoke { id: "k" })),
            ("DELETE", "/internal/v1/keys", Err(ProblemCode::MethodNotAllowed)),
            ("GET", "/internal/v1/keys/k", Err(ProblemCode::MethodNotAllowed)),
            ("DELETE", "/internal/v1/keys/", Err(ProblemCode::RouteNotFound)),
            ("GET", "/v1/webhooks", webhooks(Action::List, "", "")),
            ("POST", "/v1/webhooks", webhooks(Action::Create, "", "")),
            ("GET", "/v1/webhooks/w", webhooks(Action::Get, "w", "")),
            ("PATCH", "/v1/webhooks/w", webhooks(Action::Change, "w", "")),
            ("DELETE", "/v1/webhooks/w", webhooks(Action::Delete, "w", "")),
            ("PUT", "/v1/webhooks/w", Err(ProblemCode::MethodNotAllowed)),
            ("POST", "/v1/webhooks/w/rotate", webhooks(Action::Rotate, "w", "")),
            ("POST", "/v1/webhooks/w/test", webhooks(Action::Test, "w", "")),
            ("GET", "/v1/webhooks/w/deliveries", webhooks(Action::Deliveries, "w", "")),
            ("POST", "/v1/webhooks/w/deliveries/d/replay", webhooks(Action::Replay, "w", "d")),
            ("POST", "/v1/webhooks/w/deliveries/d/replay/x", Err(ProblemCode::RouteNotFound)),
            ("GET", "/v1/webhooks/", Err(ProblemCode::RouteNotFound)),
            ("HEAD", "/v1/models", Err(ProblemCode::MethodNotAllowed)),
            ("OPTIONS", "/v1/jobs", Err(ProblemCode::MethodNotAllowed)),
            ("GET", "/v1/jobs/x/cancel", Err(ProblemCode::MethodNotAllowed)),
            ("DELETE", "/internal/v1/reports", Err(ProblemCode::MethodNotAllowed)),
            ("GET", "/", Err(ProblemCode::RouteNotFound)),
            ("GET", "", Err(ProblemCode::RouteNotFound)),
            ("GET", "/v1/jobs/", Err(ProblemCode::RouteNotFound)),
            ("GET", "/v1/jobs/x/result/", Err(ProblemCode::RouteNotFound)),
            ("GET", "//v1/jobs/x", Err(ProblemCode::RouteNotFound)),
            ("GET", &"/x".repeat(10_000), Err(ProblemCode::RouteNotFound)),
        ] {
            assert_eq!(Route::of(method, path).map_err(|refusal| refusal.code), expect, "{method} {path}");
        }
        let refusal = Route::of("PUT", "/v1/jobs").unwrap_err();
        assert_eq!(refusal.headers, [("allow", "GET, POST".to_owned())]);
    }
}

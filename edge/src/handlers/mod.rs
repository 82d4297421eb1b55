//! One page an endpoint.

pub mod cancel;
pub mod events;
pub mod health;
pub mod job;
pub mod jobs;
pub mod lanes;
pub mod manage_catalog;
pub mod manage_keys;
pub mod models;
pub mod outlook;
pub mod quota;
pub mod ready;
pub mod reports;
pub mod result;
pub mod submit;
pub mod usage;
pub mod webhooks;

use forebay_contract::{JobId, ProblemCode, ShardKey};
use worker::web_sys::Request;

use crate::{
    body, catalog,
    cx::{Cx, Stop},
    keys, prefilter, tokens,
};
use forebay_account::Job;
use forebay_admission::{
    Refusal, address,
    administrate::administrate,
    authenticate::{Credentials, anonymous, credentials},
    caller::Caller,
    query,
};

/// A request's target, taken apart once.
pub struct Target {
    /// Scheme and host: where the client found us, and so where its links lead.
    pub origin: String,
    /// The path.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
}

impl Target {
    /// Of an absolute URL.
    pub fn of(url: &str) -> Self {
        let url = url.split('#').next().unwrap_or_default();
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let host = place.find("://").map_or(0, |scheme| scheme + 3);
        let slash = place.get(host..).and_then(|rest| rest.find('/')).map_or(place.len(), |slash| host + slash);
        let (origin, path) = place.split_at_checked(slash).unwrap_or((place, ""));
        Self { origin: origin.to_owned(), path: path.to_owned(), query: query.to_owned() }
    }
}

/// The caller of a request.
async fn caller(cx: &Cx) -> Result<Caller, Stop> {
    caller_by(cx, cx.incoming.authorization.as_deref()).await
}

/// The caller behind the value of an `Authorization` field, wherever that came from.
async fn caller_by(cx: &Cx, authorization: Option<&str>) -> Result<Caller, Stop> {
    let ip = address::prefix(cx.incoming.connecting_ip.as_deref());
    match credentials(authorization)? {
        Credentials::Key(name) => keys::authenticate(cx, name, &ip).await,
        Credentials::Token(text) => tokens::authenticate(cx, text, &ip).await,
        Credentials::None => {
            let plan = &catalog::current(cx).await?.identity.anonymous;
            let caller = anonymous(plan.as_deref(), &ip)?;
            prefilter::check(cx, &ip).await?;
            Ok(caller)
        }
    }
}

/// Lets the operator pass, and nobody else.
fn operator(cx: &Cx) -> Result<(), Stop> {
    Ok(administrate(cx.incoming.authorization.as_deref(), cx.config.admin_token.as_ref())?)
}

/// The JSON of an operator's request, up to a bound; empty where there is no body.
async fn admitted(cx: &Cx, request: Request, target: &Target, max_bytes: usize) -> Result<Vec<u8>, Stop> {
    operator(cx)?;
    query::none(&target.query)?;
    let fields = body::Fields::of(&cx.incoming);
    let body = body::read(request, &fields, max_bytes).await?;
    if !body.is_empty() {
        fields.as_ref().expect_json()?;
    }
    Ok(body)
}

/// Accounts have one shard each so far.
fn shard(caller: &Caller) -> ShardKey {
    ShardKey::new(&caller.account, 0)
}

/// The id in a path, if it can be one of this caller's. Somebody else's id is answered like one that never was.
fn own_job_id(caller: &Caller, text: &str) -> Result<JobId, Refusal> {
    let id: JobId = text.parse().map_err(|error: forebay_contract::JobIdParseError| {
        Refusal::new(ProblemCode::MalformedJobId, error.to_string())
    })?;
    if id.shard() == shard(caller) { Ok(id) } else { Err(Refusal::no_such_job()) }
}

/// The job, or why there is none: ids tell their age.
fn found(cx: &Cx, id: &JobId, job: Option<Job>) -> Result<Job, Refusal> {
    match job {
        Some(job) => Ok(job),
        None if cx.now_ms.saturating_sub(id.made_at_ms()) > cx.config.account.retention_ms => Err(expired()),
        None => Err(Refusal::no_such_job()),
    }
}

fn expired() -> Refusal {
    Refusal::new(ProblemCode::JobExpired, "results are kept for a limited time: submit the job again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart() {
        for (url, origin, path, query) in [
            ("https://e.x:1/v1/jobs?wait=1#f", "https://e.x:1", "/v1/jobs", "wait=1"),
            ("http://e.x", "http://e.x", "", ""),
            ("http://e.x/?a?b", "http://e.x", "/", "a?b"),
            ("nonsense", "nonsense", "", ""),
        ] {
            let target = Target::of(url);
            assert_eq!((target.origin.as_str(), target.path.as_str(), target.query.as_str()), (origin, path, query));
        }
    }

    #[test]
    fn other_accounts_jobs_are_unknown() {
        let caller = |account: &str| Caller {
            account: account.to_owned(),
            plan: "free".to_owned(),
            groups: Vec::new(),
            key: None,
            ip: String::new(),
            until_ms: None,
        };
        let id = JobId::new(1, [0; 10], shard(&caller("a")));
        assert_eq!(own_job_id(&caller("a"), &id.to_string()), Ok(id));
        assert_eq!(own_job_id(&caller("b"), &id.to_string()).unwrap_err().code, ProblemCode::JobNotFound);
        assert_eq!(own_job_id(&caller("a"), "job_x").unwrap_err().code, ProblemCode::MalformedJobId);
    }
}

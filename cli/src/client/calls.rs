//! The service's calls, one method each.

use std::{sync::Arc, time::Duration};

use hyper::{Method, header};
use serde_json::Value;

use super::{
    Call, Client,
    account::{Foresight, Models, Quota, Usage},
    answer::Answer,
    error::Error,
    events::Events,
    id::JobId,
    job::{Job, JobPage, JobResult, JobStatus},
    problem::Problem,
    retry::Repeat,
    submission::{Submission, Wire},
    traffic::Traffic,
};

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// Those that stand so.
    pub status: Option<JobStatus>,
    /// Those of one model.
    pub model: Option<String>,
    /// How many a page has at most, 1 to 100.
    pub limit: Option<u32>,
    /// Where the page begins: the cursor of the one before.
    pub cursor: Option<String>,
}

impl Client {
    /// Submits a job, under a random key where it has none.
    pub async fn submit(&self, submission: &Submission) -> Result<Answer<Job>, Error> {
        self.submit_watched(submission, &Arc::default()).await
    }

    /// The same, and `traffic` knows meanwhile how much of it went out.
    pub async fn submit_watched(&self, submission: &Submission, traffic: &Arc<Traffic>) -> Result<Answer<Job>, Error> {
        let key = submission.idempotency_key.clone().map_or_else(random_key, Ok)?;
        let wire = submission.clone().idempotency_key(key).to_submit();
        let traffic = Some(Arc::clone(traffic));
        self.answer(Call { repeat: Repeat::Harmless, traffic, ..post_of(wire) }).await
    }

    /// What submitting it would come to; nothing is queued and nothing is spent.
    pub async fn plan(&self, submission: &Submission) -> Result<Answer<Foresight>, Error> {
        let ask = async |wire| self.answer(Call { repeat: Repeat::Harmless, ..post_of(wire) }).await;
        if let Some(bare) = submission.to_bare_plan() {
            match ask(bare).await {
                // An older service plans JSON alone, and takes less of a picture so.
                Err(Error::Refused(problem)) if is_no_route(&problem) => {}
                planned => return planned,
            }
        }
        ask(submission.to_plan()).await
    }

    /// A job as it stands.
    pub async fn job(&self, id: &JobId) -> Result<Answer<Job>, Error> {
        self.job_within(id, Duration::ZERO).await
    }

    /// What a job made. While it goes on, this is [`Error::TimedOut`]; when it has no result, a refusal says why.
    pub async fn result(&self, id: &JobId) -> Result<JobResult, Error> {
        let reply = self.reply(Call::get(format!("/v1/jobs/{id}/result"))).await?;
        let field = reply.headers.get(header::CONTENT_TYPE).and_then(|field| field.to_str().ok());
        let media_type = field.and_then(|field| field.split(';').next()).unwrap_or("application/octet-stream").trim();
        // A job under `Location` in place of its result: it goes on.
        if reply.headers.contains_key(header::LOCATION) {
            return Err(Error::TimedOut(Box::new(Answer::read(&reply.body)?)));
        }
        Ok(JobResult { media_type: media_type.to_ascii_lowercase(), bytes: reply.body })
    }

    /// Calls a job off. One that was called off already stays so: asking twice is asking once.
    pub async fn cancel(&self, id: &JobId) -> Result<Answer<Job>, Error> {
        self.answer(Call { repeat: Repeat::Harmless, ..Call::post(format!("/v1/jobs/{id}/cancel")) }).await
    }

    /// Makes a new job of one that failed, was called off or expired.
    pub async fn retry(&self, id: &JobId) -> Result<Answer<Job>, Error> {
        self.answer(Call::post(format!("/v1/jobs/{id}/retry"))).await
    }

    /// The account's jobs, newest first.
    pub async fn jobs(&self, query: &JobQuery) -> Result<Answer<JobPage>, Error> {
        let pairs = [
            ("status", query.status.map(|status| status.name().to_owned())),
            ("model", query.model.clone()),
            ("limit", query.limit.map(|limit| limit.to_string())),
            ("cursor", query.cursor.clone()),
        ];
        self.answer(Call::get(format!("/v1/jobs{}", with_query(pairs)))).await
    }

    /// What happens to a job, as it happens.
    pub fn events(&self, id: &JobId) -> Events {
        Events::new(self.clone(), id.clone())
    }

    /// How the caller stands with its limits.
    pub async fn quota(&self) -> Result<Answer<Quota>, Error> {
        self.answer(Call::get("/v1/quota".to_owned())).await
    }

    /// What the caller may ask for.
    pub async fn models(&self) -> Result<Answer<Models>, Error> {
        self.answer(Call::get("/v1/models".to_owned())).await
    }

    /// A call that has no method of its own here, such as an operator's: `path` with its query, JSON there and back.
    pub async fn call(&self, method: Method, path: String, body: Option<&Value>) -> Result<Value, Error> {
        let repeat = if method == Method::POST { Repeat::AfterRefusal } else { Repeat::Harmless };
        let content_type = body.map(|_| "application/json");
        let body = body.map(|body| body.to_string().into()).unwrap_or_default();
        Ok(self.answer::<Value>(Call { method, repeat, content_type, body, ..Call::get(path) }).await?.json)
    }

    /// What the account used, from and to a day (`YYYY-MM-DD`, both included).
    pub async fn usage(&self, from: Option<&str>, to: Option<&str>) -> Result<Answer<Usage>, Error> {
        self.answer(Call::get(usage_path(from, to))).await
    }

    /// What the account used, as CSV (RFC 4180).
    pub async fn usage_csv(&self, from: Option<&str>, to: Option<&str>) -> Result<String, Error> {
        let headers = vec![("accept", "text/csv".to_owned())];
        let reply = self.reply(Call { headers, ..Call::get(usage_path(from, to)) }).await?;
        String::from_utf8(reply.body.into()).map_err(|_| Error::Foreign("the answer is no text".to_owned()))
    }
}

/// Whether a service has nothing at the path that was asked.
fn is_no_route(problem: &Problem) -> bool {
    problem.status == 405 || (problem.status == 404 && matches!(problem.code.as_str(), "route-not-found" | ""))
}

fn post_of(wire: Wire) -> Call {
    let Wire { path, content_type, body, headers } = wire;
    Call { content_type: Some(content_type), body, headers, ..Call::post(path) }
}

fn usage_path(from: Option<&str>, to: Option<&str>) -> String {
    format!("/v1/usage{}", with_query([("from", from.map(str::to_owned)), ("to", to.map(str::to_owned))]))
}

pub(super) fn with_query<const N: usize>(pairs: [(&str, Option<String>); N]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))));
    match query.finish() {
        empty if empty.is_empty() => empty,
        query => format!("?{query}"),
    }
}

fn random_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Invalid(format!("no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}

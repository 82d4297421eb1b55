//! `GET /readyz`: whether jobs get through.

use std::time::Duration;

use futures_util::{
    TryFutureExt as _,
    future::{Either, LocalBoxFuture, join3, select},
};
use serde::Serialize;
use worker::Delay;

use forebay_account::platform::AwsError;

use crate::{
    aws::sqs,
    cx::Cx,
    http::{Answer, Stop, answer},
    isolate::{self, catalog},
    objects::workers,
    runtime::log_line,
};
use forebay_admission::readiness::{Next, PATIENCE_MS, Seen};

/// The path.
pub const PATH: &str = "/readyz";
/// There is never an object of this name: a bucket that says so answers. Where there is no bucket, nothing says so.
const NO_OBJECT: &str = "ready";

/// Whether jobs get through, and what is missing if not.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ready {
    /// `ready` or `not-ready`
    status: &'static str,
    /// Whether the edge has all of its settings.
    configured: bool,
    /// Whether a queue answers.
    queue: bool,
    /// Whether the bucket answers.
    bucket: bool,
    /// Whether a worker was heard of in the last three minutes.
    worker: bool,
    /// When one was last heard of; null for never.
    worker_heard_ms: Option<u64>,
    /// When this was looked at; null before the first look.
    looked_ms: Option<u64>,
}

impl Ready {
    /// Of what was seen; `None` before the first look.
    pub fn new(configured: bool, seen: Option<Seen>) -> Self {
        let status = if seen.is_some_and(|seen| seen.ready()) { "ready" } else { "not-ready" };
        let looked_ms = seen.map(|seen| seen.at_ms);
        let seen = seen.unwrap_or_default();
        let (queue, bucket, worker) = (seen.queue, seen.bucket, seen.worker());
        Self { status, configured, queue, bucket, worker, worker_heard_ms: seen.worker_ms, looked_ms }
    }

    fn answer(&self) -> Result<Answer, Stop> {
        if self.status == "ready" {
            return answer::json(200, self, Vec::new());
        }
        // The first look ends within moments.
        let again_s = if self.looked_ms.is_none() { "1" } else { "5" };
        answer::json(503, self, vec![("retry-after", again_s.to_owned())])
    }
}

/// What this isolate saw a moment ago; one request in five seconds looks.
pub async fn get(cx: &Cx) -> Result<Answer, Stop> {
    let seen = match isolate::with(|isolate| isolate.readiness.ask(cx.now_ms)) {
        Next::Tell(seen) => seen,
        Next::Look => {
            let seen = look(cx).await;
            isolate::with(|isolate| isolate.readiness.seen(seen));
            Some(seen)
        }
    };
    Ready::new(true, seen).answer()
}

/// What a Worker answers that is not configured: it can ask nobody.
pub fn unconfigured() -> Result<Answer, Stop> {
    Ready::new(false, None).answer()
}

/// One queue stands for all: they have one address and one key, and what ails a single one shows in its lane.
async fn look(cx: &Cx) -> Seen {
    let bucket = cx.config.bucket();
    let (queue, bucket, worker) = join3(
        in_time("queue", Box::pin(queue(cx))),
        in_time("bucket", Box::pin(bucket.get(cx.now_ms, NO_OBJECT).map_ok(|_| None).map_err(why))),
        in_time("worker", Box::pin(workers::heard_ms(cx))),
    )
    .await;
    Seen { at_ms: cx.now_ms, queue: queue.is_some(), bucket: bucket.is_some(), worker_ms: worker.flatten() }
}

async fn queue(cx: &Cx) -> Result<Option<u64>, String> {
    let unread = |stop: Stop| stop.into_refusal().1.unwrap_or_default();
    let catalog = catalog::current(cx).await.map_err(unread)?;
    let lane = catalog.lanes.keys().next().ok_or("the catalog has no lanes")?;
    let url = lane.queue_url(&cx.config.queue_url_prefix);
    sqs::ask(&cx.config.signer, cx.now_ms, &url).await.map(|()| None).map_err(why)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn why(error: AwsError) -> String {
    error.to_string()
}

/// Answered with a time, if it is about one.
type Question<'a> = LocalBoxFuture<'a, Result<Option<u64>, String>>;

/// What is asked answers within the patience of a look, or it does not answer.
async fn in_time(what: &str, question: Question<'_>) -> Option<Option<u64>> {
    let patience = Delay::from(Duration::from_millis(PATIENCE_MS));
    let why = match select(question, patience).await {
        Either::Left((Ok(answer), _)) => return Some(answer),
        Either::Left((Err(why), _)) => why,
        Either::Right(_) => format!("no answer within {PATIENCE_MS} ms"),
    };
    log_line("not-ready", &format!("{what}: {why}"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_and_when_to_come_back() {
        let seen = Seen { at_ms: 1_000, queue: true, bucket: true, worker_ms: Some(900) };
        for (configured, seen, expect, again) in [
            (true, Some(seen), 200, None),
            (true, Some(Seen { bucket: false, ..seen }), 503, Some("5")),
            (true, Some(Seen { worker_ms: None, ..seen }), 503, Some("5")),
            (true, None, 503, Some("1")),
            (false, None, 503, Some("1")),
        ] {
            let Answer::Text { status, fields, .. } = Ready::new(configured, seen).answer().unwrap() else {
                panic!("no text")
            };
            assert_eq!((status, fields.first().map(|(_, value)| value.as_str())), (expect, again), "{seen:?}");
        }
    }
}

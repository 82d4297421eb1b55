//! What a client of Forebay does: submit, poll, read.

use std::{
    fmt,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{documented, stack::now_ms};

/// How long any one job may take here, models loading included, on a machine that is ten times slower than most.
const PATIENCE: Duration = Duration::from_secs(180);
/// The first pause between two looks; later ones are longer.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
const CLOSE_PAUSE: Duration = Duration::from_millis(5);

/// One caller of one edge.
#[derive(Clone)]
pub struct Client {
    origin: String,
    key: Option<String>,
    agent: ureq::Agent,
    /// How long its slowest answer took, in milliseconds.
    slowest_ms: Arc<AtomicU64>,
}

/// What the edge answered.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One request, for those that are not simply right.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a [u8]>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:.500}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

impl Client {
    pub fn new(origin: &str, key: Option<&str>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .build()
            .new_agent();
        Self { origin: origin.to_owned(), key: key.map(str::to_owned), agent, slowest_ms: Arc::default() }
    }

    /// The key it sends; empty where it has none.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// Sends a request as it is, with the key unless the request brings its own `authorization`. The answer must be one
    /// that the OpenAPI document has.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer> {
        let url =
            if request.path.starts_with("http") { request.path.to_owned() } else { self.origin.clone() + request.path };
        let mut builder = ureq::http::Request::builder().method(request.method).uri(&url);
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        let has_own = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let (Some(key), false) = (&self.key, has_own) {
            builder = builder.header("authorization", format!("Bearer {key}"));
        }
        let context = || format!("{} {url}", request.method);
        let asked = Instant::now();
        let response = match request.body {
            Some(body) => self.agent.run(builder.body(body)?).with_context(context)?,
            None => self.agent.run(builder.body(())?).with_context(context)?,
        };
        let (parts, mut body) = response.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = body.with_config().limit(64 << 20).read_to_vec().with_context(context)?;
        self.slowest_ms.fetch_max(asked.elapsed().as_millis() as u64, Ordering::Relaxed);
        let answer = Answer { status: parts.status.as_u16(), headers, body };
        if let Some(path) = url.strip_prefix(&self.origin) {
            documented::check(request, path, &answer)?;
        }
        Ok(answer)
    }

    /// How long the slowest answer took that it got so far.
    pub fn slowest(&self) -> Duration {
        Duration::from_millis(self.slowest_ms.load(Ordering::Relaxed))
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send(&Request { method: "GET", path, ..Request::default() })
    }

    /// `POST /v1/jobs`
    pub fn submit(&self, job: &Value) -> Result<Answer> {
        self.post("/v1/jobs", job, &[])
    }

    /// The same with further header fields.
    pub fn submit_with(&self, job: &Value, headers: &[(&str, &str)]) -> Result<Answer> {
        self.post("/v1/jobs", job, headers)
    }

    /// `POST /v1/plan`: what submitting would come to.
    pub fn foretold(&self, job: &Value) -> Result<Value> {
        self.post("/v1/plan", job, &[])?.expect(200)?.json()
    }

    /// Calls a job off that has not ended.
    pub fn cancel(&self, job: &Value) -> Result<Value> {
        let path = format!("/v1/jobs/{}/cancel", id(job)?);
        self.send(&Request { method: "POST", path: &path, ..Request::default() })?.expect(202)?.json()
    }

    /// What `GET /v1/quota` says of the limit `name`.
    pub fn limit(&self, name: &str) -> Result<Value> {
        let quota = self.get("/v1/quota")?.expect(200)?.json()?;
        let limits = quota["limits"].as_array().context("no limits")?;
        limits.iter().find(|limit| limit["name"] == name).cloned().with_context(|| format!("no {name} in {quota}"))
    }

    /// `POST /v1/models/{model}/jobs` with a bare body.
    pub fn submit_bare(&self, model: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let path = format!("/v1/models/{model}/jobs");
        let headers = [("content-type", content_type)];
        self.send(&Request { method: "POST", path: &path, headers: &headers, body: Some(body) })
    }

    fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Answer> {
        let body = serde_json::to_vec(body)?;
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        self.send(&Request { method: "POST", path, headers: &headers, body: Some(&body) })
    }

    /// Any request, with a JSON body where there is one.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let body = body.map(serde_json::to_vec).transpose()?;
        let headers: &[_] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        self.send(&Request { method, path, headers, body: body.as_deref() })
    }

    /// What `GET /v1/quota` says is used of a limit.
    pub fn used(&self, limit: &str) -> Result<u64> {
        self.limit(limit)?["used"].as_u64().context("no number")
    }

    /// Submits a job that must be accepted and gives its JSON.
    pub fn accepted(&self, job: &Value) -> Result<Value> {
        self.submit(job)?.expect(202)?.json()
    }

    /// The same of a job that is due `in_ms` from now, or after it can be done: others may wait in its lane.
    pub fn accepted_due(&self, job: &Value, in_ms: u64) -> Result<Value> {
        let by = |deadline_ms: u64| {
            let mut job = job.clone();
            job["deadline_ms"] = deadline_ms.into();
            self.submit(&job)
        };
        let answer = by(now_ms()? + in_ms)?;
        let earliest_ms = answer.json()?["earliest_feasible_ms"].as_u64();
        earliest_ms.map_or(Ok(answer), |earliest_ms| by(earliest_ms + in_ms))?.expect(202)?.json()
    }

    /// The job's JSON.
    pub fn job(&self, job: &Value) -> Result<Value> {
        self.get(&format!("/v1/jobs/{}", id(job)?))?.expect(200)?.json()
    }

    /// Long-polls until the job's state is final.
    pub fn finished(&self, job: &Value) -> Result<Value> {
        let path = format!("/v1/jobs/{}?wait=10", id(job)?);
        poll(&path, || {
            let job: Value = self.get(&path)?.expect(200)?.json()?;
            let open = matches!(text(&job, "status")?, "queued" | "running");
            Ok(if open { Err(job) } else { Ok(job) })
        })
    }

    /// Waits for the job's success and fetches its result.
    pub fn result(&self, job: &Value) -> Result<Answer> {
        let job = self.finished(job)?;
        ensure!(text(&job, "status")? == "succeeded", "not succeeded: {job}");
        self.get(text(&job, "result_url")?)?.expect(200)
    }
}

impl Answer {
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("not JSON: {:.200}", String::from_utf8_lossy(&self.body)))
    }

    /// The header's value; `None` when it is not there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The names of its header fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }

    /// The header's value, which must be there.
    pub fn must(&self, name: &str) -> Result<&str> {
        self.header(name).with_context(|| format!("no {name} in {} {:?}", self.status, self.headers))
    }

    /// When to come back, in seconds.
    pub fn retry_after_s(&self) -> Result<u64> {
        self.must("retry-after")?.parse().context("Retry-After is not seconds")
    }

    /// Checks that this is a refusal by these limits, no more and no less, and gives its problem.
    pub fn expect_limited(&self, limits: &[&str]) -> Result<Value> {
        let problem = self.expect_problem(429, "rate-limited")?;
        ensure!(problem["violated_policies"] == serde_json::json!(limits), "expected {limits:?}, found {problem}");
        Ok(problem)
    }

    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "expected {status}, found {}: {:.500}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        Ok(self)
    }

    /// Checks that this is the problem `code` with `status`, in the form RFC 9457 wants and with a request id.
    pub fn expect_problem(&self, status: u16, code: &str) -> Result<Value> {
        let problem = self.json()?;
        ensure!(self.status == status && problem["code"] == code, "expected {status} {code}, found {problem}");
        ensure!(self.must("content-type")? == "application/problem+json", "{:?}", self.headers);
        ensure!(problem["status"] == status, "status differs from the body's: {problem}");
        ensure!(!text(&problem, "detail")?.is_empty(), "says nothing to do: {problem}");
        ensure!(text(&problem, "request_id")? == self.must("x-request-id")?, "request ids differ: {problem}");
        Ok(problem)
    }
}

/// A refusal that sends whoever `asks` away until midnight UTC.
pub fn refused_until_midnight(asks: impl FnOnce() -> Result<Answer>) -> Result<Answer> {
    let until_midnight_s = || anyhow::Ok(86_400 - now_ms()? / 1000 % 86_400);
    let most_s = until_midnight_s()?;
    let refused = asks()?;
    let (least_s, wait_s) = (until_midnight_s()?, refused.retry_after_s()?);
    ensure!((least_s..=most_s).contains(&wait_s), "told to wait {wait_s} s, not {least_s} to {most_s}");
    Ok(refused)
}

/// The job's id.
pub fn id(job: &Value) -> Result<&str> {
    text(job, "id")
}

/// A text field, which must be there.
pub fn text<'a>(json: &'a Value, field: &str) -> Result<&'a str> {
    json[field].as_str().with_context(|| format!("no {field} in {json}"))
}

/// Asks `probe` again and again until it is `Ok`; after a bounded patience says what it saw last.
pub fn poll<Found, Seen: std::fmt::Debug>(
    what: &str,
    probe: impl FnMut() -> Result<Result<Found, Seen>>,
) -> Result<Found> {
    // Who waits for long need not know to the moment, and each look takes time from others.
    poll_pausing(FIRST_PAUSE..=LONGEST_PAUSE, what, probe)
}

/// The same where what is waited for is soon over, and a look costs nothing.
pub fn poll_closely<Found, Seen: std::fmt::Debug>(
    what: &str,
    probe: impl FnMut() -> Result<Result<Found, Seen>>,
) -> Result<Found> {
    poll_pausing(CLOSE_PAUSE..=CLOSE_PAUSE, what, probe)
}

/// From the first of these pauses to the longest.
fn poll_pausing<Found, Seen: std::fmt::Debug>(
    pauses: RangeInclusive<Duration>,
    what: &str,
    mut probe: impl FnMut() -> Result<Result<Found, Seen>>,
) -> Result<Found> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = *pauses.start();
    loop {
        match probe()? {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() > deadline => bail!("{what}: gave up; last seen {seen:?}"),
            Err(_) => std::thread::sleep(pause),
        }
        pause = (pause * 3 / 2).min(*pauses.end());
    }
}

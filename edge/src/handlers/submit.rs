//! `POST /v1/jobs` and `POST /v1/models/{model}/jobs`: the way of a job into the queue, stage by stage.

use std::rc::Rc;

use forebay_contract::{
    Digest, Input, InputRef, JobId, JobMessage, JobState, Namespace, ProblemCode,
    catalog::{Catalog, PlanSpec},
    storage_key,
};
use worker::Request;

use super::{
    Target, caller,
    job_body::{JobBody, look_again},
    shard,
};
use crate::{
    admission::{
        Refusal, Submission,
        authenticate::Caller,
        body::MAX_BODY_BYTES,
        decode, prefer, query, rate_fields,
        route::{Routed, route},
    },
    answer::{self, Answer},
    aws::s3::{Bucket, NewObject},
    body, catalog,
    cx::{Cx, Stop, log_line},
    entropy,
    objects::{self, Job, KnownResult, SubmitAnswer, SubmitCall},
    result_cache,
};

/// `POST /v1/jobs`: everything in one JSON body.
pub async fn json(cx: &Cx, request: Request, target: &Target) -> Result<Answer, Stop> {
    submit(cx, request, target, Form::Json).await
}

/// `POST /v1/models/{model}/jobs`: the input is the body, the parameters are the query.
pub async fn bare(cx: &Cx, request: Request, target: &Target, model: &str) -> Result<Answer, Stop> {
    submit(cx, request, target, Form::Bare { model }).await
}

/// How a submission is written down.
enum Form<'a> {
    Json,
    Bare { model: &'a str },
}

async fn submit(cx: &Cx, mut request: Request, target: &Target, form: Form<'_>) -> Result<Answer, Stop> {
    // authenticate: who asks, under which plan
    let caller = caller(cx, &request).await?;
    let wait_s = prefer::wait_s(request.headers().get("prefer")?.as_deref())?;
    let traceparent = request.headers().get("traceparent")?;

    // decode: one canonical input
    let submission = read(&mut request, target, form).await?;

    // route: model version, lane, parameters; the seed is drawn here, once
    let catalog = catalog::current(cx).await?;
    let routed = route(&catalog, plan(&catalog, &caller)?, &submission, entropy::below)?;

    // cache: the same question has been answered in this place before
    let named = Named::new(cx, &caller, &routed, &submission.input, traceparent);
    let cached = if routed.drawn { None } else { result_cache::get(&named.digest).await };
    if let Some(cached) = cached.as_ref().filter(|cached| cached.job.id.shard() == shard(&caller)) {
        return answer::json(200, &JobBody::new(&cached.job, true, &target.origin)?, Vec::new());
    }
    let known = cached.map(|cached| KnownResult { media_type: cached.job.media_type, bytes: cached.job.bytes });

    // store: what is too large for a message waits in the bucket
    let Submission { input, .. } = submission;
    let input = match known {
        None if input.bytes.len() > cx.config.inline_limit_bytes => store(cx, &named.id, input).await?,
        _ => InputRef::Inline { media_type: input.media_type, data: input.bytes },
    };

    // admit: limits, single flight, job row and outbox row in one call
    let wait_ms = wait_s.unwrap_or(0) * 1000;
    let call = named.call(&catalog, &caller, &routed, known, wait_ms)?;
    let message = named.message(&routed, input)?;
    let admitted = objects::submit(cx, shard(&caller), call, &message).await?;
    answer_of(admitted, wait_s, target)
}

async fn read(request: &mut Request, target: &Target, form: Form<'_>) -> Result<Submission, Stop> {
    let fields = body::Fields::of(request)?;
    match form {
        Form::Json => {
            query::none(&target.query)?;
            fields.as_ref().expect_json()?;
            Ok(decode::json(&body::read(request, &fields, MAX_BODY_BYTES).await?)?)
        }
        Form::Bare { model } => {
            let parameters = query::parameters(&target.query)?;
            let media_type = fields.as_ref().bare_media_type()?;
            let bytes = body::read(request, &fields, MAX_BODY_BYTES).await?;
            Ok(decode::bare(model, media_type, bytes, parameters)?)
        }
    }
}

fn plan<'a>(catalog: &'a Rc<Catalog>, caller: &Caller) -> Result<&'a PlanSpec, Stop> {
    let missing = || Stop::broken(format!("a key names the plan \"{}\", which the catalogue lacks", caller.plan));
    catalog.plans.get(&caller.plan).ok_or_else(missing)
}

/// A submission that has its names.
struct Named {
    id: JobId,
    digest: Digest,
    account: String,
    accepted_ms: u64,
    traceparent: Option<String>,
}

impl Named {
    fn new(cx: &Cx, caller: &Caller, routed: &Routed<'_>, input: &Input, traceparent: Option<String>) -> Self {
        let model = routed.model;
        let namespace = if model.shareable { Namespace::Shared } else { Namespace::Account(&caller.account) };
        Self {
            id: JobId::new(cx.now_ms, entropy::bytes(), shard(caller)),
            digest: Digest::new(namespace, &model.name, &model.version, &routed.parameters, input),
            account: caller.account.clone(),
            accepted_ms: cx.now_ms,
            // W3C trace context: malformed ones are dropped, not refused.
            traceparent: traceparent
                .filter(|text| text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic())),
        }
    }

    fn call(
        &self,
        catalog: &Rc<Catalog>,
        caller: &Caller,
        routed: &Routed<'_>,
        known: Option<KnownResult>,
        wait_ms: u64,
    ) -> Result<SubmitCall, Stop> {
        Ok(SubmitCall {
            id: self.id,
            digest: self.digest,
            model: routed.model.name.clone(),
            version: routed.model.version.clone(),
            parameters: serde_json::to_string(&routed.parameters).map_err(|error| Stop::broken(error.to_string()))?,
            lane: routed.lane,
            limits: plan(catalog, caller)?.limits.clone(),
            join: !routed.drawn,
            known,
            wait_ms,
        })
    }

    fn message(self, routed: &Routed<'_>, input: InputRef) -> Result<String, Stop> {
        let message = JobMessage {
            job_id: self.id,
            account: self.account,
            model: routed.model.name.clone(),
            version: routed.model.version.clone(),
            cost_ms: routed.model.predicted_cost_ms(&routed.parameters),
            parameters: routed.parameters.clone(),
            input,
            digest: self.digest,
            accepted_ms: self.accepted_ms,
            traceparent: self.traceparent,
        };
        message.to_json().map_err(|error| Stop::broken(error.to_string()))
    }
}

/// Puts the input into the bucket; it is the worker's to read before the job can be admitted.
async fn store(cx: &Cx, id: &JobId, input: Input) -> Result<InputRef, Stop> {
    let sha256 = hex::encode(input.sha256());
    let key = storage_key::input(&sha256, id);
    let bucket = Bucket { url: &cx.config.bucket_url, signer: &cx.config.signer };
    let object = NewObject { key: &key, media_type: input.media_type.name(), bytes: &input.bytes, sha256: &sha256 };
    if let Err(error) = bucket.put(cx.now_ms, object).await {
        log_line("storage-unavailable", &error.to_string());
        let detail = "the input could not be stored; nothing was accepted";
        return Err(Refusal::new(ProblemCode::StorageUnavailable, detail).with_header("retry-after", "5").into());
    }
    Ok(InputRef::Stored { media_type: input.media_type, key, bytes: input.bytes.len() as u64, sha256 })
}

fn answer_of(admitted: SubmitAnswer, wait_s: Option<u64>, target: &Target) -> Result<Answer, Stop> {
    let (job, joined, standings) = match admitted {
        SubmitAnswer::Admitted { job, joined, standings } => (job, joined, standings),
        SubmitAnswer::Denied { standings } => return Err(rate_fields::denied(&standings).into()),
        SubmitAnswer::OutboxFull { retry_after_ms } => {
            let detail = "too many accepted jobs wait for a queue that cannot be reached; this one was not accepted";
            let refusal = Refusal::new(ProblemCode::OutboxFull, detail);
            return Err(refusal.with_header("retry-after", rate_fields::retry_after(retry_after_ms)).into());
        }
    };
    let job: Job = *job;
    // Joined to a result that was there already, rather than to one that came while we waited.
    let cached = joined && job.state == JobState::Succeeded && wait_s.is_none_or(|wait_s| wait_s == 0);
    let body = JobBody::new(&job, cached, &target.origin)?;
    let mut fields = rate_fields::fields(&standings);
    fields.push(("location", body.location()));
    fields.extend(look_again(&job));
    if let Some(wait_s) = wait_s {
        fields.push(("preference-applied", format!("wait={wait_s}")));
    }
    let status = if job.state.is_final() { 200 } else { 202 };
    answer::json(status, &body, fields)
}

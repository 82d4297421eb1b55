//! `GET /v1/jobs/{id}/result`: the result itself, streamed.

use std::rc::Rc;

use forebay_contract::{JobState, ProblemCode, storage_key};

use super::{
    caller::{caller, plan_of, shard},
    outlook::{Fields, Outlook, timing},
    own_job::{erased, expired, found, own_job_id},
};
use crate::{
    cx::Cx,
    http::{Answer, Stop, Target, answer, outgoing},
    isolate::{
        self, catalog,
        results::{self, Content, REMEMBERED_BYTES},
    },
    objects,
    runtime::log_line,
};
use forebay_account::platform::AwsError;
use forebay_account::{Job, asked};
use forebay_admission::{Refusal, caller::Caller, conditional, patience::Patience};

/// Answers with the result from the nearest place that has it; while there is none, says when to ask again.
pub async fn get(cx: &Cx, target: &Target, id: &str) -> Result<Answer, Stop> {
    let caller = caller(cx).await?;
    let patience = Patience::of(&target.query, cx.incoming.prefer.as_deref())?;
    let id = own_job_id(&caller, id)?;
    if let Some(job) = isolate::with(|isolate| isolate.finished.get(&id, cx.now_ms)) {
        return kept(cx, &caller, &job).await;
    }
    let job = objects::call(cx, shard(&caller), asked::Job(id, patience.ms)).await?;
    let job = found(cx, &id, job)?;
    if job.erased_ms.is_some() {
        return Err(erased().into());
    }
    match job.state {
        JobState::Succeeded if job.is_once() => once(cx, &job).await,
        JobState::Succeeded => {
            let job = Rc::new(job);
            isolate::with(|isolate| isolate.finished.put(&job, cx.now_ms));
            kept(cx, &caller, &job).await
        }
        JobState::Queued | JobState::Running => {
            let (body, mut fields) = Outlook::of(cx, job.lane).await?.describe(&job, &target.origin)?;
            fields.push(("location", body.location()));
            fields.extend(patience.applied());
            answer::json(202, &body, fields)
        }
        JobState::Failed => {
            let failure = job.failure();
            let detail = failure.as_ref().map_or("the job failed", |failure| failure.detail.as_str());
            let mut refusal = Refusal::new(ProblemCode::JobFailed, detail);
            refusal.extensions.failure = failure;
            Err(refusal.into())
        }
        JobState::Canceled => Err(Refusal::new(ProblemCode::JobCanceled, "you canceled this job").into()),
        JobState::Expired => Err(expired().into()),
    }
}

/// The result, as long as the caller's plan keeps it. Another caller's plan may show it longer: its job stays as it is.
async fn kept(cx: &Cx, caller: &Caller, job: &Job) -> Result<Answer, Stop> {
    if is_kept(cx, caller, job).await? { deliver(cx, job).await } else { Err(expired().into()) }
}

/// Whether the caller's plan keeps a result so long.
async fn is_kept(cx: &Cx, caller: &Caller, job: &Job) -> Result<bool, Stop> {
    let catalog = catalog::current(cx).await?;
    let age_ms = cx.now_ms.saturating_sub(job.finished_ms.unwrap_or(job.accepted_ms));
    Ok(plan_of(&catalog, caller)?.keeps(age_ms))
}

/// The bucket itself says that the result is not there any more: its job says so from now on.
async fn gone(cx: &Cx, job: &Job) -> Result<Refusal, Stop> {
    let job = objects::call(cx, job.id.shard(), asked::Expire(job.id)).await?;
    Ok(if job.is_some_and(|job| job.erased_ms.is_some()) { erased() } else { expired() })
}

async fn deliver(cx: &Cx, job: &Job) -> Result<Answer, Stop> {
    let etag = format!("\"{}\"", job.digest);
    // The name is the content: who has it under this name needs neither cache nor bucket.
    if conditional::none_match(cx.incoming.if_none_match.as_deref(), &etag) {
        return Ok(Answer::Empty { status: 304, fields: immutable(etag) });
    }
    let mut fields = immutable(etag);
    fields.push(timing(job));
    if results::is_within(job, REMEMBERED_BYTES) {
        let cached = results::get(&job.digest, REMEMBERED_BYTES).await;
        match cached.as_ref().and_then(|cached| cached.content.as_deref()) {
            Some(Content::Json(json)) => {
                let body = json.get().to_owned();
                return Ok(Answer::Text { status: 200, content_type: "application/json", body, fields });
            }
            Some(Content::Other(media_type, bytes)) => {
                return Ok(Answer::Bytes { content_type: media_type.clone(), body: bytes.clone(), fields });
            }
            None => {}
        }
    } else if let Some(response) = results::stored(&job.digest).await {
        return Ok(Answer::Found { response, fields });
    }
    let bucket = cx.config.bucket();
    let key = storage_key::result(&job.digest);
    if cx.incoming.is_head() {
        match bucket.head(cx.now_ms, &key).await {
            Ok(Some(head)) => {
                fields.extend([("content-type", head.media_type), ("content-length", head.bytes.to_string())]);
                return Ok(Answer::Empty { status: 200, fields });
            }
            // It cannot say what there is not, the result or the bucket: the question below is answered in full.
            Ok(None) => {}
            Err(error) => return Err(out_of_reach(&error).into()),
        }
    }
    match bucket.get(cx.now_ms, &key).await {
        Ok(Some(mut stored)) => {
            if job.no_store == 0 {
                results::put(cx, job, &mut stored)?;
            }
            Ok(Answer::Found { response: stored.into(), fields })
        }
        Ok(None) => Err(gone(cx, job).await?.into()),
        Err(error) => Err(out_of_reach(&error).into()),
    }
}

/// A result that goes with its first delivery: no memory and no cache has it, and none is told to keep it.
///
/// It is delivered when the client's connection has taken all of it. One that breaks before that may ask again; whoever asks
/// twice at once may be answered twice. `HEAD` delivers nothing.
async fn once(cx: &Cx, job: &Job) -> Result<Answer, Stop> {
    let fields =
        vec![("cache-control", "no-store".to_owned()), ("x-content-type-options", "nosniff".to_owned()), timing(job)];
    let (bucket, key) = (cx.config.bucket(), storage_key::result(&job.digest));
    if cx.incoming.is_head()
        && let Some(head) = bucket.head(cx.now_ms, &key).await.map_err(|error| out_of_reach(&error))?
    {
        let described = [("content-type", head.media_type), ("content-length", head.bytes.to_string())];
        return Ok(Answer::Empty { status: 200, fields: fields.into_iter().chain(described).collect() });
    }
    match bucket.get(cx.now_ms, &key).await {
        Ok(Some(stored)) => {
            let (env, id) = (cx.env.clone(), job.id);
            let delivered = async move { objects::delivered_once(&env, id).await };
            let response = outgoing::followed(&cx.context, &stored.into(), delivered)?;
            Ok(Answer::Found { response, fields })
        }
        Ok(None) => Err(gone(cx, job).await?.into()),
        Err(error) => Err(out_of_reach(&error).into()),
    }
}

fn out_of_reach(error: &AwsError) -> Refusal {
    log_line("storage-unavailable", &error.to_string());
    let refusal = Refusal::new(ProblemCode::StorageUnavailable, "the result is safe but out of reach for now");
    refusal.with_header("retry-after", "5")
}

/// Results never change: a client may keep one as long as it likes, a shared cache may not.
fn immutable(etag: String) -> Fields {
    vec![
        ("etag", etag),
        ("cache-control", "private, max-age=31536000, immutable".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ]
}

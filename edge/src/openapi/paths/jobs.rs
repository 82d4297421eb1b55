//! Looking at jobs, fetching results, calling off.

use forebay_contract::ProblemCode::{self, *};
use serde_json::json;

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples, parameters};
use crate::handlers::jobs::Page;
use forebay_account::JobBody;

const OF_A_JOB: &[ProblemCode] = &[InvalidQuery, InvalidHeader, MalformedJobId, JobNotFound, JobExpired];

pub fn list(schemas: &mut Schemas) -> Operation {
    let page = schemas.schema_of::<Page<'_>>();
    let pages = [("last", json!({ "jobs": [examples::succeeded_job()], "cursor": null }))];
    Operation {
        id: "listJobs",
        summary: "List your jobs",
        description: "Newest first. `cursor` of the answer begins the next page; it is null on the last. With a filter a page may \
                      be short, or empty, before the last.",
        parameters: parameters::listing(schemas),
        answers: vec![Answer::json(200, "A page.", &page, &pages).with(&["Cache-Control"])],
        problems: &[&[InvalidQuery]],
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

pub fn get(schemas: &mut Schemas) -> Operation {
    let job = schemas.schema_of::<JobBody<'_>>();
    let states = [
        ("queued", examples::queued_job()),
        ("running", examples::running_job()),
        ("succeeded", examples::succeeded_job()),
        ("failed", examples::failed_job()),
    ];
    let fields = &["Server-Timing", "Retry-After", "Preference-Applied", "Cache-Control"];
    Operation {
        id: "getJob",
        summary: "Look at a job",
        description: "`queue` says where a job stands that has not started, with the time until its end as half of the jobs \
                      (`p50`) and nine of ten (`p90`) have it; `progress` counts the steps of one that runs and has several.",
        parameters: vec![parameters::job_id(schemas), parameters::wait(), parameters::prefer()],
        answers: vec![Answer::json(200, "Where it stands.", &job, &states).with(fields)],
        problems: &[OF_A_JOB],
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

pub fn result(schemas: &mut Schemas) -> Operation {
    let job = schemas.schema_of::<JobBody<'_>>();
    let picture = json!({ "schema": { "type": "string", "contentMediaType": "image/png" } });
    let pending = &["Location", "Server-Timing", "Retry-After", "Preference-Applied", "Cache-Control"];
    let queued = [("queued", examples::queued_job())];
    Operation {
        id: "getResult",
        summary: "Fetch a result",
        description: "What the model made, in its own media type. Results never change: the entity tag is the content's name. A \
                      text, prompt or sound of which the model read a part alone has `\"truncated\": true` in its result.",
        parameters: vec![
            parameters::job_id(schemas),
            parameters::wait(),
            parameters::prefer(),
            parameters::if_none_match(),
        ],
        answers: vec![
            Answer::json(200, "The result.", &json!({}), &[("classes", examples::classes())])
                .or("image/png", picture)
                .with(&["ETag", "Cache-Control", "Server-Timing"]),
            Answer::json(202, "There is none yet: how the job stands.", &job, &queued).with(pending),
            Answer::empty(304, "The client has it.").with(&["ETag", "Cache-Control"]),
        ],
        problems: &[OF_A_JOB, &[JobCanceled, JobFailed, JobErased, StorageUnavailable]],
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

pub fn cancel(schemas: &mut Schemas) -> Operation {
    let job = schemas.schema_of::<JobBody<'_>>();
    let canceled = [("canceled", examples::canceled_job())];
    let answer = |status, description| {
        Answer::json(status, description, &job, &canceled).with(&["Server-Timing", "Cache-Control"])
    };
    Operation {
        id: "cancelJob",
        summary: "Call a job off",
        description: "A job that waits never runs; one that runs stops at its next step. Neither is billed. An identical \
                      submission may have joined the job, with another API key or another `Idempotency-Key`: it goes on until \
                      the last who wants it has canceled it.",
        parameters: vec![parameters::job_id(schemas), parameters::idempotency_key_of_one()],
        answers: vec![
            answer(200, "You had canceled it before."),
            answer(202, "It is canceled; or it goes on for others, as its `status` says."),
        ],
        problems: &[&[InvalidQuery, InvalidIdempotencyKey, MalformedJobId, JobNotFound, JobExpired, JobNotCancelable]],
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

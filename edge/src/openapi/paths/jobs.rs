//! Looking at jobs, fetching results, calling off.

use forebay_contract::ProblemCode::{self, *};
use serde_json::json;

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples, parameters};
use crate::handlers::{job_body::JobBody, jobs::Page};

const OF_A_JOB: &[ProblemCode] = &[InvalidQuery, InvalidHeader, MalformedJobId, JobNotFound, JobExpired];
const OF_A_RESULT: &[ProblemCode] =
    &[InvalidQuery, InvalidHeader, MalformedJobId, JobNotFound, JobExpired, JobCanceled, JobFailed, StorageUnavailable];

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let job = schemas.told::<JobBody<'_>>();
    let page = schemas.told::<Page<'_>>();
    let id = parameters::job_id(schemas);
    let states = [
        ("queued", examples::queued_job()),
        ("running", examples::running_job()),
        ("succeeded", examples::succeeded_job()),
        ("failed", examples::failed_job()),
    ];
    let pages = [("last", json!({ "jobs": [examples::succeeded_job()], "cursor": null }))];
    let canceled = [("canceled", examples::canceled_job())];
    vec![
        Operation {
            description: "Newest first. `cursor` of the answer begins the next page; it is null on the last. With a \
                          filter a page may be short, or empty, before the last.",
            parameters: parameters::listing(schemas),
            problems: &[InvalidQuery],
            ..get(
                "/v1/jobs",
                "listJobs",
                "List your jobs",
                vec![Answer::json(200, "A page.", &page, &pages).with(&["Cache-Control"])],
            )
        },
        Operation {
            description: "`queue` says where a job stands that has not started, with the time until its end as half of the \
                          jobs (`p50`) and nine of ten (`p90`) have it; `progress` counts the steps of one that runs and \
                          has several.",
            parameters: vec![id.clone(), parameters::wait(), parameters::prefer()],
            problems: OF_A_JOB,
            ..get(
                "/v1/jobs/{id}",
                "getJob",
                "Look at a job",
                vec![Answer::json(200, "Where it stands.", &job, &states).with(&[
                    "Server-Timing",
                    "Retry-After",
                    "Preference-Applied",
                    "Cache-Control",
                ])],
            )
        },
        Operation {
            description: "What the model made, in its own media type. Results never change: the entity tag is the \
                          content's name.",
            parameters: vec![id.clone(), parameters::wait(), parameters::prefer(), parameters::if_none_match()],
            problems: OF_A_RESULT,
            ..get(
                "/v1/jobs/{id}/result",
                "getResult",
                "Fetch a result",
                vec![
                    Answer::json(200, "The result.", &json!({}), &[("classes", examples::classes())])
                        .or("image/png", json!({ "schema": { "type": "string", "contentMediaType": "image/png" } }))
                        .with(&["ETag", "Cache-Control", "Server-Timing"]),
                    Answer::json(
                        202,
                        "There is none yet: how the job stands.",
                        &job,
                        &[("queued", examples::queued_job())],
                    )
                    .with(&[
                        "Location",
                        "Server-Timing",
                        "Retry-After",
                        "Preference-Applied",
                        "Cache-Control",
                    ]),
                    Answer::empty(304, "The client has it.").with(&["ETag", "Cache-Control"]),
                ],
            )
        },
        Operation {
            method: "POST",
            description: "A job that waits never runs; one that runs stops at its next step. Neither is billed.",
            parameters: vec![id],
            problems: &[InvalidQuery, MalformedJobId, JobNotFound, JobExpired, JobNotCancelable],
            ..get(
                "/v1/jobs/{id}/cancel",
                "cancelJob",
                "Call a job off",
                vec![Answer::json(202, "It is canceled.", &job, &canceled).with(&["Server-Timing", "Cache-Control"])],
            )
        },
    ]
}

fn get(path: &'static str, id: &'static str, summary: &'static str, answers: Vec<Answer>) -> Operation {
    Operation { path, id, summary, answers, ..Operation::of(Tag::Jobs, Callers::Accounts) }
}

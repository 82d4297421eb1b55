//! What an account may ask for and has used.

use forebay_contract::ProblemCode::InvalidQuery;
use serde_json::json;

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples, parameters};
use crate::handlers::{models::Listing, quota::Quota, usage::Usage};

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let models = schemas.told::<Listing<'_>>();
    let quota = schemas.told::<Quota<'_>>();
    let usage = schemas.told::<Usage>();
    let csv = json!({ "schema": { "type": "string" }, "examples": { "usage": { "value": examples::USAGE_CSV } } });
    vec![
        Operation {
            description: "The versions that answer to each name, what they take, and the limits of the caller's plan.",
            parameters: vec![parameters::if_none_match()],
            ..get(
                "/v1/models",
                "listModels",
                "List the models",
                vec![
                    Answer::json(200, "The models.", &models, &[("models", examples::models())]).with(&[
                        "ETag",
                        "Cache-Control",
                        "Vary",
                    ]),
                    Answer::empty(304, "The client has it.").with(&["ETag", "Cache-Control", "Vary"]),
                ],
            )
        },
        Operation {
            description: "Every limit that holds for the caller: its own, and those it shares with others.",
            ..get(
                "/v1/quota",
                "getQuota",
                "See how your limits stand",
                vec![
                    Answer::json(200, "The limits.", &quota, &[("quota", examples::quota())]).with(&["Cache-Control"]),
                ],
            )
        },
        Operation {
            description: "By day and model, the last thirty days unless said. A job counts once, on the day it was \
                          accepted, when it has ended. With `Accept: text/csv` the same as CSV (RFC 4180).",
            parameters: parameters::days().to_vec(),
            ..get(
                "/v1/usage",
                "getUsage",
                "See what you have used",
                vec![
                    Answer::json(200, "The days, oldest first.", &usage, &[("usage", examples::usage())])
                        .or("text/csv", csv)
                        .with(&["Cache-Control", "Vary"]),
                ],
            )
        },
    ]
}

fn get(path: &'static str, id: &'static str, summary: &'static str, answers: Vec<Answer>) -> Operation {
    Operation {
        path,
        id,
        summary,
        answers,
        problems: &[InvalidQuery],
        ..Operation::of(Tag::Account, Callers::Accounts)
    }
}

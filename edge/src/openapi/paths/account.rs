//! What an account may ask for and has used.

use forebay_contract::ProblemCode::InvalidQuery;
use serde_json::json;

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples, parameters};
use crate::handlers::{models::Listing, quota::Quota, usage::Usage};

pub fn models(schemas: &mut Schemas) -> Operation {
    let models = schemas.schema_of::<Listing<'_>>();
    Operation {
        id: "listModels",
        summary: "List the models",
        description: "The versions that answer to each name, what they take, and the limits of the caller's plan.",
        parameters: vec![parameters::if_none_match()],
        answers: vec![
            Answer::json(200, "The models.", &models, &[("models", examples::models())]).with(&[
                "ETag",
                "Cache-Control",
                "Vary",
            ]),
            Answer::empty(304, "The client has it.").with(&["ETag", "Cache-Control", "Vary"]),
        ],
        ..of_an_account()
    }
}

pub fn quota(schemas: &mut Schemas) -> Operation {
    let quota = schemas.schema_of::<Quota<'_>>();
    Operation {
        id: "getQuota",
        summary: "See how your limits stand",
        description: "Every limit that holds for the caller: its own, and those it shares with others.",
        answers: vec![
            Answer::json(200, "The limits.", &quota, &[("quota", examples::quota())]).with(&["Cache-Control"]),
        ],
        ..of_an_account()
    }
}

pub fn usage(schemas: &mut Schemas) -> Operation {
    let usage = schemas.schema_of::<Usage>();
    let csv = json!({ "schema": { "type": "string" }, "examples": { "usage": { "value": examples::USAGE_CSV } } });
    Operation {
        id: "getUsage",
        summary: "See what you have used",
        description: "By day and model, the last thirty days unless said. A job counts once, on the day it was accepted, when it \
                      has ended. With `Accept: text/csv` the same as CSV (RFC 4180).",
        parameters: parameters::days().to_vec(),
        answers: vec![
            Answer::json(200, "The days, oldest first.", &usage, &[("usage", examples::usage())])
                .or("text/csv", csv)
                .with(&["Cache-Control", "Vary"]),
        ],
        ..of_an_account()
    }
}

fn of_an_account() -> Operation {
    Operation { problems: &[&[InvalidQuery]], ..Operation::of(Tag::Account, Callers::Accounts) }
}

//! The service itself.

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples};
use crate::handlers::{health::Health, ready::Ready};

pub fn health(schemas: &mut Schemas) -> Operation {
    let health = schemas.schema_of::<Health>();
    let of = |status, description, name, example| {
        Answer::json(status, description, &health, &[(name, example)]).with(&["Cache-Control"])
    };
    Operation {
        id: "getHealth",
        summary: "Ask whether the edge runs and is configured",
        description: "What it depends on is not asked: that is `GET /readyz`.",
        answers: vec![
            of(200, "It does.", "running", examples::health()),
            of(
                503,
                "It runs, and nothing can be done before its settings are right.",
                "unconfigured",
                examples::unconfigured(),
            ),
        ],
        ..Operation::of(Tag::Service, Callers::Anybody)
    }
}

pub fn ready(schemas: &mut Schemas) -> Operation {
    let ready = schemas.schema_of::<Ready>();
    Operation {
        id: "getReadiness",
        summary: "Ask whether jobs get through",
        description: "Whether a queue and the bucket answer, and whether a worker was heard of in the last three minutes. It is \
                      looked at most once in five seconds in each place, and remembered in between.",
        answers: vec![
            Answer::json(200, "They do.", &ready, &[("ready", examples::ready())]).with(&["Cache-Control"]),
            Answer::json(
                503,
                "They do not: what is missing is false.",
                &ready,
                &[("no-worker", examples::not_ready())],
            )
            .with(&["Cache-Control", "Retry-After"]),
        ],
        ..Operation::of(Tag::Service, Callers::Anybody)
    }
}

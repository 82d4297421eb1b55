//! The service itself.

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples};
use crate::handlers::health::Health;

pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let health = schemas.told::<Health>();
    vec![Operation {
        path: "/healthz",
        id: "getHealth",
        summary: "Ask whether the edge runs",
        description: "What it depends on is not asked: that has alarms of its own.",
        answers: vec![
            Answer::json(200, "It does.", &health, &[("running", examples::health())]).with(&["Cache-Control"]),
        ],
        ..Operation::of(Tag::Service, Callers::Anybody)
    }]
}

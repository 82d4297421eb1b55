//! What workers call.

use forebay_contract::{ProblemCode::*, Report, ReportAnswer};

use super::super::{Answer, Body, Callers, Operation, Schemas, Tag, examples};

pub fn report(schemas: &mut Schemas) -> Operation {
    let answer = schemas.schema_of::<ReportAnswer>();
    let body = Body::json(&schemas.given::<Report>(), &[("report", examples::report())]);
    Operation {
        id: "report",
        summary: "Say what happened to jobs",
        description: "At most a hundred events, oldest first; none says that the worker is there. A hint, never the truth: what \
                      is late, doubled or out of order changes nothing. The answer names jobs that nobody wants any more.",
        body: Some(body),
        answers: vec![
            Answer::json(200, "Heard.", &answer, &[("canceled", examples::report_answer())]).with(&["Cache-Control"]),
        ],
        problems: &[&[UnsupportedEncoding, BodyTooLarge, InvalidHeader, MalformedJson, InvalidField, AccountBusy]],
        ..Operation::of(Tag::Workers, Callers::Workers)
    }
}

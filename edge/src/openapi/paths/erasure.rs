//! Erasing data.

use forebay_contract::ProblemCode::{InvalidQuery, JobExpired, JobNotFound, MalformedJobId};

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples, parameters};
use forebay_account::Receipt;

pub fn job(schemas: &mut Schemas) -> Operation {
    let receipt = schemas.schema_of::<Receipt>();
    let answer = |status, description, complete| {
        let example = [("receipt", examples::erasure_receipt(complete))];
        Answer::json(status, description, &receipt, &example).with(&["Cache-Control"])
    };
    Operation {
        id: "eraseJob",
        summary: "Erase a job's data",
        description: "Input, result, failure, cached copies and what the job's row says of them go at once; the bill's numbers \
                      stay. A job that has not ended is canceled first, for everybody who joined it. The answer is a receipt of \
                      what is gone and of what remains, until when and why; sent again it says the same, and how far the \
                      bucket is by then. Afterwards the job has `erased_ms`, and its result is answered with 410.",
        parameters: vec![parameters::job_id(schemas)],
        answers: vec![
            answer(200, "It is erased.", true),
            answer(202, "It is erased but for the bucket, which is asked again until it has done it.", false),
        ],
        problems: &[&[InvalidQuery, MalformedJobId, JobNotFound, JobExpired]],
        ..Operation::of(Tag::Jobs, Callers::Accounts)
    }
}

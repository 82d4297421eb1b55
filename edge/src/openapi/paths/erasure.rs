//! Erasing data.

use forebay_contract::ProblemCode::{ErasureNotFound, InvalidQuery, JobExpired, JobNotFound, MalformedJobId};

use super::super::{Answer, Callers, Operation, Schemas, Tag, examples, parameters};
use forebay_account::{AccountReceipt, Receipt};

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

pub fn account(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "eraseAccountData",
        summary: "Erase all data of the account",
        description: "All jobs that there are, as one by one, and all webhooks with their secrets and deliveries. What is \
                      submitted later is not touched. It goes on by itself; the receipt says how far it is, and \
                      `GET /v1/account/data` says it again. Asked for again while it goes on, it is the same wish. API keys, \
                      counts of limits and the bill's numbers stay.",
        answers: vec![receipt(schemas, 202, "It has begun.", false)],
        problems: &[&[InvalidQuery]],
        ..Operation::of(Tag::Account, Callers::Accounts)
    }
}

pub fn of_account(schemas: &mut Schemas) -> Operation {
    Operation {
        id: "getAccountErasure",
        summary: "How far the last erasure of the account is",
        description: "The receipt of the last `DELETE /v1/account/data`.",
        answers: vec![receipt(schemas, 200, "The receipt.", true)],
        problems: &[&[InvalidQuery, ErasureNotFound]],
        ..Operation::of(Tag::Account, Callers::Accounts)
    }
}

fn receipt(schemas: &mut Schemas, status: u16, description: &'static str, complete: bool) -> Answer {
    let schema = schemas.schema_of::<AccountReceipt>();
    let example = [("receipt", examples::account_erasure_receipt(complete))];
    Answer::json(status, description, &schema, &example).with(&["Location", "Cache-Control"])
}

//! Every operation there is, chapter by chapter.

mod account;
mod jobs;
mod operator;
mod service;
mod submit;
mod waiting;
mod webhooks;
mod workers;

use serde_json::{Map, Value};

use super::{Operation, Schemas};

/// All operations.
pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let mut all = submit::operations(schemas);
    all.extend(jobs::operations(schemas));
    all.extend(waiting::operations(schemas));
    all.extend(account::operations(schemas));
    all.extend(webhooks::operations(schemas));
    all.extend(operator::operations(schemas));
    all.extend(workers::operations(schemas));
    all.extend(service::operations(schemas));
    all
}

/// What the service itself sends.
pub fn webhooks(schemas: &mut Schemas) -> Map<String, Value> {
    webhooks::sent(schemas)
}

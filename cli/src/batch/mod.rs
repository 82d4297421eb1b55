//! Many inputs as one submission: what is done is written down, what is left goes on.

mod advance;
mod journal;
mod kept;
mod ledger;
mod naming;
mod pace;
mod record;
mod rows;
mod run;

pub(crate) use self::{
    kept::Kept,
    naming::request,
    record::Begun,
    run::{Batch, Goal, Options},
};

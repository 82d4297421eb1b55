//! Many inputs as one submission: what is done is written down, what is left goes on.

mod advance;
mod journal;
mod ledger;
mod naming;
mod pace;
mod record;
mod run;

pub(crate) use self::{
    naming::request,
    record::Begun,
    run::{Accepted, Batch, Goal, Options},
};

//! Many inputs as one submission: what is done is written down, what is left goes on.

mod advance;
mod input_status;
mod journal;
mod journal_file;
mod ledger;
mod line;
mod moments;
mod naming;
mod pace;
mod record;
mod rows;
mod run;
mod start;
mod submit;
mod uploads;

pub(crate) use self::{
    journal_file::JournalFile,
    moments::Spans,
    naming::request,
    record::Begun,
    run::{Batch, Goal, Options},
};

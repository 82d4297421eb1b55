//! Durable Objects: thin shells over pure decisions.
//!
//! `Lane` keeps what accounts share: a lane's backlog and breakers, and leases of limits. Pure: `admission::lane`.
//! `Account` keeps the jobs of one shard of one account. Pure: `admit`, `apply`, `backoff`, `batch`, `line`, `load`,
//! `pending`, `reconcile`, `seen`.

mod account;
mod admit;
mod alarm;
mod apply;
mod backoff;
mod batch;
mod call;
mod client;
mod core;
mod flush;
mod idempotent;
mod job;
mod lane;
mod leases;
mod line;
mod load;
mod pending;
mod reconcile;
mod seen;
mod submit;
mod tables;
mod tally;
mod turn;
mod waiters;

pub use account::Account;
pub use call::{Call, CancelAnswer, KnownResult, Offer, Reuse, StandingsCall, SubmitAnswer, SubmitCall};
pub use client::{call, submit};
pub use job::{Degraded, Job};
pub use lane::{Lane, LaneCall};

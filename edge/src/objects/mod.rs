//! Durable Objects: thin shells over pure decisions.
//!
//! `Account` keeps the jobs of one shard of one account. Pure: `admit`, `apply`, `backoff`, `batch`, `pending`, `reconcile`.

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
mod job;
mod pending;
mod reconcile;
mod tables;
mod waiters;

pub use account::Account;
pub use call::{Call, CancelAnswer, KnownResult, SubmitAnswer, SubmitCall};
pub use client::{call, submit};
pub use job::Job;

//! Durable Objects: thin shells over pure decisions.
//!
//! `Lane` keeps what accounts share: a lane's backlog and breakers, and leases of limits. Pure: `admission::lane`.
//! `Account` keeps the jobs of one shard of one account. Pure: `admit`, `apply`, `backoff`, `batch`, `journal`, `interests`,
//! `line`, `load`, `pass`, `pending`, `reconcile`, `seen`, `timing`, `usage`, `watching`, and most of `webhook`.

mod account;
mod admit;
mod alarm;
mod apply;
mod ask;
mod backoff;
mod batch;
mod call;
mod client;
mod core;
mod due;
mod flush;
#[cfg(test)]
mod golden;
mod idempotent;
mod interests;
mod job;
mod journal;
mod keep;
mod lane;
mod lane_calls;
mod leases;
mod life;
mod line;
mod listen;
mod load;
mod outbox;
mod pass;
mod pending;
mod reconcile;
mod retry;
mod room;
mod seen;
mod sockets;
mod submit;
mod table;
mod tables;
mod tally;
mod timeline;
mod timing;
mod turn;
mod usage;
mod waiters;
mod wake;
mod watching;
mod webhook;

pub use account::Account;
pub use ask::answer;

pub use self::core::Core;
pub use call::{
    Call, CancelAnswer, KnownResult, Listed, Listing, Offer, RetryAnswer, Reuse, StandingsCall, SubmitAnswer,
    SubmitCall, asked,
};
pub use client::{call, count_hits, submit, webhooks};
pub use job::{Degraded, Job};
pub use journal::{Event, EventName, is_told, story};
pub use lane::{Lane, LaneCall, LaneCore, answer_lane, asked_lane};
pub use life::{Inside, Life};
pub use listen::{Listen, Listener, Opened, listen, open};
pub use load::Promise;
pub use pass::Pass;
pub use sockets::{Said, Wanted, accept, closed, message};
pub use table::Asked;
pub use timeline::{batch_id, server_timing, stages};
pub use timing::Timing;
pub use usage::UsageRow;
pub use webhook::{DeliveryError, NewKeys, WebhookAnswer, WebhookCall};

#[cfg(test)]
pub(crate) use job::tests;
#[cfg(test)]
pub use {
    watching::Wish,
    webhook::{DeliveryBody, DeliveryPage, JobData, Payload, WebhookBody, WebhookList},
};

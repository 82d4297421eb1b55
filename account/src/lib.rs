//! Durable Objects: thin shells over pure decisions.
//!
//! `Lane` keeps what accounts share: a lane's backlog and breakers, and leases of limits. Pure: `admission::lane`.
//! `Account` keeps the jobs of one shard of one account. Pure: `admit`, `apply`, `backoff`, `batch`, `journal`, `interests`,
//! `line`, `load`, `pass`, `pending`, `reconcile`, `seen`, `timing`, `usage`, `watching`, and most of `webhook`.

mod admit;
mod alarm;
mod apply;
mod ask;
mod backoff;
mod batch;
mod body;
mod call;
mod core;
mod due;
#[cfg(any(test, feature = "schema"))]
pub mod example;
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
mod listen;
mod load;
mod outbox;
mod pass;
mod pending;
pub mod platform;
mod reconcile;
mod retry;
mod room;
mod seen;
pub mod settings;
mod sockets;
mod submit;
mod table;
mod tables;
mod tally;
mod timeline;
mod timing;
mod turn;
mod usage;
mod wait_queue;
mod waiters;
mod wake;
mod watching;
mod webhook;

pub use ask::answer;
pub use body::JobBody;

pub use self::core::Core;
pub use call::{
    Call, CancelAnswer, KnownResult, Listed, Listing, Offer, RetryAnswer, Reuse, StandingsCall, SubmitAnswer,
    SubmitCall, asked,
};
pub use job::{Degraded, Job};
pub use journal::{Event, EventName, is_told, story};
pub use lane::{LaneCall, LaneCore, MAX_WAITS, answer_lane, asked_lane};
pub use life::{Inside, Life};
pub use listen::{Listen, Listener, Opened, open, waiting};
pub use load::Promise;
pub use pass::Pass;
pub use sockets::{Said, Wanted, accept, closed, hear};
pub use table::Asked;
pub use timeline::{batch_id, server_timing, stages};
pub use timing::Timing;
pub use usage::UsageRow;
pub use webhook::{DeliveryError, NewKeys, WebhookAnswer, WebhookCall};

pub use watching::Wish;
pub use webhook::{DeliveryBody, DeliveryPage, JobData, Payload, WebhookBody, WebhookList};

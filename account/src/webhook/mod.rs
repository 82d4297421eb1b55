//! Webhooks of an Account object (Standard Webhooks 1.0): endpoints, what they are told, and an outbox that delivers.
//!
//! A delivery is written in the turn in which its job ends, however many wait already: they are rows, whose number is
//! bounded by what the object may store before it takes no new jobs, and by three days of a target that takes nothing. It is
//! posted behind that, several at a time where they arrive and in no order that is promised, and an alarm stands behind the
//! posting: what dies in between is posted again under the same `webhook-id`.
//! Pure: `delivery`, `endpoint`, `payload`, `row`, `schedule`, `turns`.

mod call;
mod deliver;
mod delivery;
mod endpoint;
mod lines;
mod manage;
mod payload;
mod row;
mod schedule;
mod shown;
mod tables;
mod turns;

pub use call::{WebhookAnswer, WebhookCall};
pub(crate) use deliver::{look_ms, start, sweep, tell};
pub use endpoint::NewKeys;
pub(crate) use lines::Webhooks;
pub(crate) use manage::answer;
pub use payload::{JobData, Payload};
pub use shown::DeliveryError;
pub use shown::{DeliveryBody, DeliveryPage, WebhookBody, WebhookList};
pub(crate) use tables::SCHEMA;

//! Webhooks of an Account object (Standard Webhooks 1.0): endpoints, what is delivered to them, and when.
//!
//! A delivery is written in the turn in which its job ends, however many wait already: they are rows, whose number is
//! bounded by what the object may store before it takes no new jobs, and by three days of a target that takes nothing. It is
//! posted behind that, several at a time where they arrive and in no order that is promised, and an alarm stands behind the
//! posting: what dies in between is posted again under the same `webhook-id`.
//! Pure: `delivery`, `endpoint`, `payload`, `row`, `schedule`, `turns`.

pub(crate) mod delivery;
pub(crate) mod endpoint;
mod memory;
pub(crate) mod payload;
mod row;
mod schedule;
pub(crate) mod shown;
mod tables;
mod turns;

pub(crate) use memory::Webhooks;
pub use payload::{JobData, Payload};
pub use shown::{DeliveryBody, DeliveryPage, WebhookBody, WebhookList};
pub(crate) use tables::SCHEMA;

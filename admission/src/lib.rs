//! The way in, one stage a file, all of it pure: nothing here knows the runtime, a clock or a network.
//!
//! `handlers/submit/mod.rs` puts the stages in their order.

pub mod accept;
pub mod address;
pub mod administrate;
pub mod advice;
pub mod api_key;
pub mod authenticate;
pub mod body;
pub mod cache_control;
pub mod caller;
pub mod conditional;
pub mod days;
pub mod deadline;
pub mod decode;
mod encoded;
pub mod fields;
pub mod idempotency;
mod image_header;
pub mod lane;
pub mod lifetime;
pub mod listing;
pub mod patience;
pub mod prefer;
pub mod query;
pub mod rate_fields;
pub mod readiness;
mod refusal;
pub mod route;
pub mod start;
pub mod subprotocol;
mod tensor;
pub mod token;
pub mod version;
pub mod webhook;

pub use decode::Submission;
pub use refusal::{Refusal, quoted};

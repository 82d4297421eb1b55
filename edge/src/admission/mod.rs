//! The way in, one stage a file, all of it pure: nothing here knows the runtime, a clock or a network.
//!
//! `handlers/submit.rs` puts the stages in their order.

pub mod authenticate;
pub mod body;
pub mod conditional;
pub mod decode;
mod fields;
mod image_header;
pub mod limit;
pub mod prefer;
pub mod query;
pub mod rate_fields;
mod refusal;
pub mod route;
mod tensor;

pub use decode::Submission;
pub use refusal::Refusal;

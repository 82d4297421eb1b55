//! The Lane object: what waits in a lane, which model versions fail, and leases of what many accounts share.
//!
//! The class has one instance a lane, by the lane's name, and one a scope of shared limits, by the scope's (see
//! `Scope`): who counts one thing is not asked about another. One more remembers when a worker was last heard of. Pure:
//! `admission::lane`.

mod call;
mod core;
mod tables;

pub use self::core::{LaneCore, answer as answer_lane};
pub use call::{LaneCall, MAX_WAITS, asked as asked_lane};

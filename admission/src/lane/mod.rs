//! What a lane can take, and what is shared between accounts: decisions of the Lane object and of those who ask it.
//!
//! `backlog`, `wait` and `breakers` are the object's memory of a lane, `status` is what it answers, `shed`, `position` and
//! `remembered` are what the Worker makes of that. Limits that are shared are lent by `forebay_limits::lending`.

pub mod backlog;
mod breaker;
pub mod breakers;
mod meter;
pub mod position;
pub mod remembered;
pub mod shed;
mod status;
pub mod wait;
mod window;

pub use breaker::BreakerState;
pub use status::{BreakerStatus, LaneStatus, ModelVersion, Tally, VersionCount};

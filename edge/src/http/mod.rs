//! Requests as they come and as we make them, bodies up to a bound, and what is answered.

pub mod answer;
pub mod body;
pub mod bounded_get;
pub mod header_bound;
mod incoming;
pub mod outgoing;
mod stop;
mod target;

pub use answer::Answer;
pub use incoming::{Incoming, body_bytes};
pub use stop::Stop;
pub use target::Target;

//! The Account object: the shell that holds what it knows and does what was decided.

pub(crate) mod alarm;
pub(crate) mod answer;
pub(crate) mod core;
mod deliver;
mod due;
mod erase;
mod flush;
mod keep;
mod lane_calls;
mod leases;
pub(crate) mod life;
pub(crate) mod listen;
mod messages;
mod retain;
mod retry;
pub(crate) mod sockets;
mod submit;
mod tally;
mod webhooks;

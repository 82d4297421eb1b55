//! Durable Objects in workerd: their way into the runtime and out of it, and how the Worker asks them. What they do is
//! the crate `forebay-account`.

mod account;
mod client;
mod lane;
mod listen;
mod post;
mod signing;
mod workerd;

pub use account::Account;
pub use client::{call, count_hits, submit, webhooks};
pub use lane::Lane;
pub use listen::listen;

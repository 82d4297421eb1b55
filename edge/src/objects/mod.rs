//! Durable Objects in workerd: their way into the runtime and out of it, and how the Worker asks them. What they do is
//! the crate `forebay-account`.

mod account;
mod ask;
mod client;
pub mod hits;
mod lane;
pub mod lanes;
mod listen;
mod post;
mod signing;
mod sql;
mod workerd;
pub mod workers;

pub use account::Account;
pub use client::{call, delivered_once, submit, webhooks};
pub use lane::Lane;
pub use listen::listen;

//! One page an endpoint.

mod caller;
pub mod cancel;
pub mod erase;
pub mod events;
pub mod health;
pub mod job;
pub mod jobs;
pub mod lanes;
pub mod manage_catalog;
pub mod manage_keys;
pub mod models;
mod operator;
pub mod outlook;
mod own_job;
pub mod quota;
pub mod ready;
pub mod reports;
pub mod result;
pub mod submit;
pub mod usage;
pub mod webhooks;

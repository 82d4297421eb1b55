//! The worker's parts; `pipeline.rs` puts them in order.

mod array;
pub mod aws;
pub mod batch;
mod clock;
pub mod cost;
mod cpu_pool;
mod device;
pub mod edge;
pub mod engine;
mod failure;
mod features;
mod gate;
pub mod health;
mod in_flight;
pub mod input;
mod job;
mod lease;
pub mod metrics;
pub mod model;
pub mod output;
pub mod pipeline;
pub mod queue;
mod retry;
pub mod settings;
mod stages;
pub mod status;
pub mod store;
mod trace;
mod vitals;

pub use array::Array;
pub use device::DeviceLoad;
pub use failure::Failure;
pub use features::{BatchInput, Features, Shape};
pub use vitals::Vitals;

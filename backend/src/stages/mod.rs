//! One file a stage; `pipeline.rs` says in which order they stand.

pub(crate) mod acknowledge;
pub(crate) mod batch;
pub(crate) mod decode;
pub(crate) mod decoded_bytes;
pub(crate) mod exits;
mod forming;
pub(crate) mod infer;
pub(crate) mod job;
mod polling;
pub(crate) mod receive;
pub(crate) mod report;
pub(crate) mod restraint;
pub(crate) mod room;
pub(crate) mod runs;
pub(crate) mod store;
pub(crate) mod watched;

//! One file a stage; `pipeline.rs` says in which order they stand.

pub(crate) mod acknowledge;
pub(crate) mod batch;
pub(crate) mod decode;
pub(crate) mod infer;
pub(crate) mod receive;
pub(crate) mod report;
pub(crate) mod store;
pub(crate) mod waiting;

//! What an object knows of limits.

pub(crate) mod wait_queue;

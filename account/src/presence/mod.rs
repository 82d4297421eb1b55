//! Who is there: who waits for a job, and who listens.

pub(crate) mod pass;
pub(crate) mod waiters;
pub(crate) mod watching;

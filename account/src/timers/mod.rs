//! When somebody looks again.

pub(crate) mod reconcile;

//! What every queue and every store must do, said once and run against memory and against LocalStack.

pub(crate) mod queue;
pub(crate) mod store;

//! What an isolate keeps in its memory between requests, and how that is filled.

pub mod catalog;
pub mod denied;
pub mod entropy;
mod expiring;
pub mod finished;
pub mod keys;
pub mod prefilter;
pub mod result_cache;
pub mod targets;
pub mod tokens;

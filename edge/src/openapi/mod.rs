//! The OpenAPI 3.1 document of the HTTP interface: made from the types that answers are written with, from the closed list
//! of problems, and from what `paths/` says of each row of `crate::routes::ROUTES`.
//!
//! Compiled for tests alone. What it comes to is committed as `console/openapi.json` and served as a file at
//! `/openapi.json`; a test says when the two differ, and `cargo xtask openapi` writes the file anew.

mod answers;
mod bodies;
mod committed;
mod document;
mod examples;
mod headers;
mod operation;
mod parameters;
pub mod paths;
mod problems;
mod schemas;
mod shared;
mod tidy;
mod valid;

use answers::Answer;
use operation::{Body, Callers, Tag};

pub use operation::Operation;
pub use schemas::Schemas;

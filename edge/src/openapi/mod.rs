//! The OpenAPI 3.1 document of the HTTP interface: made from the types that answers are written with, from the closed list
//! of problems, and from the tables in `paths/`.
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
mod paths;
mod problems;
mod routed;
mod schemas;
mod shared;
mod tidy;
mod valid;

use answers::Answer;
use operation::{Body, Callers, Operation, Tag};
use schemas::Schemas;

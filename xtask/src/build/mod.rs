//! Building the parts: the edge's bundle, the worker's binary, the command line, the catalogue.

mod catalog;
mod cli_binary;
mod edge_bundle;
mod worker_binary;

pub use catalog::{CatalogSources, catalog, catalog_of};
pub use cli_binary::{CliBinary, cli_path};
pub use edge_bundle::{BundleSize, EdgeBundle};
pub use worker_binary::{WorkerBinary, cargo, worker_path};

use crate::setup::{self, Step};

/// Everything that must be there before the parts can be tested, but for the programs that come with their tests.
pub fn test_steps() -> Vec<Box<dyn Step>> {
    let mut steps = setup::steps();
    steps.push(Box::new(EdgeBundle));
    steps
}

/// Everything that must be there before the parts can start.
pub fn steps() -> Vec<Box<dyn Step>> {
    let mut steps = test_steps();
    steps.push(Box::new(WorkerBinary));
    steps.push(Box::new(CliBinary));
    steps
}

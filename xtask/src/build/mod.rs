//! Building the parts: the edge's bundle, the programs, the catalog.

mod cargo;
mod catalog;
mod edge_bundle;
mod program;

pub use cargo::{cargo, workspace};
pub use catalog::{CatalogSources, catalog, catalog_of};
pub use edge_bundle::{BundleSize, EdgeBundle};
pub use program::{BINDGEN, CLI, Program, WORKER, target_folder};

use crate::setup::{self, Step};

/// Everything that must be there before the parts can be tested, but for the programs that come with their tests.
pub fn test_steps() -> Vec<Box<dyn Step>> {
    let mut steps = setup::steps();
    steps.push(Box::new(BINDGEN));
    steps.push(Box::new(EdgeBundle));
    steps
}

/// Everything that must be there before the parts can start.
pub fn steps() -> Vec<Box<dyn Step>> {
    let mut steps = test_steps();
    steps.push(Box::new(WORKER));
    steps
}

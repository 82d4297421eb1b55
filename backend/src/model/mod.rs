//! Models as folders: what `model.toml` says, and what lies beside it.

mod capacity;
mod manifest;
mod registry;
mod task;

pub use capacity::{Capacity, RowLimit};
pub use manifest::{BatchTable, Manifest, ManifestError, Precision};
pub use registry::{Model, ModelError, Registry, ScanError};
pub use task::{GenerateTable, ImageTable, Task, TensorTable, TextTable};

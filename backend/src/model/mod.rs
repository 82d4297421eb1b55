//! Models as folders: what `model.toml` says, and what lies beside it.

mod manifest;
mod registry;
mod task;

pub use manifest::{BatchTable, Manifest, ManifestError};
pub use registry::{Model, ModelError, Registry, ScanError};
pub use task::{GenerateTable, ImageTable, Task, TensorTable, TextTable};

//! Models as folders: what `model.toml` says, and what lies beside it.

mod capacity;
mod check;
mod manifest;
mod registry;
mod task;

pub use capacity::{Capacity, RowLimit};
pub use manifest::{BatchTable, Manifest, ManifestError, Precision};
pub use registry::{Marks, Model, ModelError, Registry, ScanError};
pub use task::{AudioTable, GenerateTable, ImageTable, StepsTable, Task, TensorTable, TextTable, UpscaleTable};

//! Models as folders: what `model.toml` says, and what lies beside it.

mod capacity;
mod check;
mod fetch;
mod manifest;
mod opened;
mod registry;
mod remote;
mod s3_shelf;
pub(crate) mod sha256;
mod shelf;
mod task;

use std::time::Duration;

pub use capacity::{Capacity, RowLimit};
pub use fetch::FetchLimits;
pub use manifest::{BatchTable, Manifest, ManifestError, Precision};
pub use opened::{Checked, Marks, Model, ModelError};
pub use registry::{Registry, ScanError};
pub use s3_shelf::S3Shelf;
pub(crate) use sha256::Stamp;
pub use shelf::{Rest, Shelf, ShelfError, Sink};
pub use task::{AudioTable, GenerateTable, ImageTable, Look, StepsTable, Task, TensorTable, TextTable, UpscaleTable};

/// A model that could not be opened or loaded is left alone for so long: its files may be on their way.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(30);

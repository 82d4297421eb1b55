//! What a batch costs the device: learned while running, from the model, the batch's rows and their shape.
//!
//! Everything here is pure but [`CostModel`], which shares what was learned.

mod fit;
mod learner;
mod model;
mod price;

pub use learner::{Learner, Measurement};
pub use model::CostModel;
pub use price::Price;

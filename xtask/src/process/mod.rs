//! Running other programs: in their own process groups, into log files, and never left behind.

mod failure;
mod group;
pub mod interrupt;
mod listener;
mod log_tail;
mod program;
mod run;

pub use failure::Failure;
pub use group::{Group, Left};
pub use log_tail::tail;
pub use program::{answer, on_path};
pub use run::{Run, sign_of_life};

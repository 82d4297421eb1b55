//! The five algorithms, each a file with what it promises at its top, and what they have in common: the rule that is asked,
//! and the memory that it answers with.

mod fixed_window;
mod leaky_bucket;
mod memory;
mod pace;
#[cfg(test)]
mod properties;
mod rule;
mod sliding_log;
mod sliding_window;
mod span;
mod token_bucket;

pub use memory::Memory;
pub use rule::{Level, Rule, Wait};

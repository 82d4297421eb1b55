//! Forebay's own commands, and the parts they start.
//!
//! The binary is `cargo xtask`. The library exists because the end-to-end tests start the same parts as
//! `cargo xtask up`: see [`stack`].

pub mod bench;
pub mod build;
pub mod console;
pub mod deploy;
pub mod lanes;
pub mod openapi;
pub mod package;
pub mod process;
pub mod repository;
pub mod setup;
pub mod stack;
pub mod test;
pub mod tidy;
pub mod up;

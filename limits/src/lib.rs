//! Rates: how much may pass, and when the rest may come back. Pure: the clock is an argument.
//!
//! A [`Rule`] is asked with the [`Memory`] of one bucket and answers with the memory to keep, or with a [`Wait`]. Each
//! algorithm is one file of `algorithms/`, with what it promises at its top; `properties.rs` holds all of them to it.
//!
//! A clock that goes back gives nothing away: what was counted stays counted until the clock has passed it again. It
//! costs one window at most: a memory from further ahead is taken for one of a window ahead (see [`Wait::memory`]).

mod algorithms;
pub mod civil;
pub mod lending;
pub mod policy;

pub use algorithms::{Level, Memory, Rule, Wait};

/// What the README shows runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

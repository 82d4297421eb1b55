//! The objects' platform outside workerd: real SQLite, simulated time, and everything an object is promised and not
//! promised by its runtime, from a seed.
//!
//! * One thread, and a clock that moves when everybody waits (tokio's paused time).
//! * A turn is one poll of one task of an object. What it wrote, its alarm included, is committed together or not at all,
//!   and what it started (an answer, a message, a call, a post) leaves only afterwards: `life`.
//! * An object can die at any await, and in the middle of a turn's commit. Its tasks and its memory are gone, who waits
//!   for an answer gets an error, its SQLite stays; the next call or alarm opens it anew: `object`.
//! * Alarms ring at least once, one at a time, are retried six times and then given up: `alarm`.
//!
//! What lies beyond the object (queues, bucket, other objects, webhook targets, settings) is a `World`, which a test
//! steers.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

mod alarm;
mod chance;
mod disk;
mod inside;
mod life;
mod object;
pub(crate) mod planted;
mod platform;
mod rows;
mod runtime;
mod socket;
mod world;

pub(crate) use self::{
    chance::Chance,
    disk::Disk,
    inside::Class,
    life::{Death, Life},
    object::Object,
    platform::Native,
    runtime::{START_MS, run, seed_this_thread, since_start_ms},
    socket::{Heard, NativeSocket},
    world::{Posted, World},
};

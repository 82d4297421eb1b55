//! Account and Lane objects over real SQLite, in a world that a test steers: one step after the other, no chance, no wait.
//! One file a theme. What the world is made of is in `scene`; what the runtime promises and does not, in `native`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(unreachable_pub, reason = "a test program has no callers")]

#[path = "../native/mod.rs"]
mod native;
mod scene;

mod alarms;
mod calls;
mod erased;
mod joined;
mod lanes;
mod outbox;
mod results;
mod room;
mod turns;
mod webhooks;

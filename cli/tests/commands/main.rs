//! The program against a service that plays answers: what no edge can be made to say when a test wants it.

#![allow(unreachable_pub, missing_docs, reason = "a program has no outside; names of tests say what they are")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests; what is not there fails them")]

mod account;
mod batches;
mod exits;
mod kept;
mod keyed;
mod line;
mod listings;
mod moments;
mod names;
mod pipes;
mod plans;
mod played;
mod profiles;
mod program;
mod sockets;
mod stdin;
mod terminal;
mod uploads;
mod watching;
mod ways;
mod webhooks;

//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

use crate::{exit::Exit, failure::Failure};

/// Does `work`, unless somebody ends it first; `message` then says what is to be known.
pub(crate) async fn unless_ended<T>(
    work: impl Future<Output = Result<T, Failure>>,
    message: impl Fn() -> String,
) -> Result<T, Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let exit = tokio::select! {
        done = work => return done,
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    };
    Err(Failure::Ended { exit, message: message() })
}

//! How soon who waits knows, what many listeners cost, and how quickly a finished result is delivered.

mod delays;
mod delivered;
mod sockets;
mod stand_in;
mod way;
mod websocket;

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::ratio::Ratio;
use crate::{console::Console, repository::Repository};

/// What was measured about waiting.
#[derive(Debug, Serialize)]
pub(super) struct WaitFigures {
    #[serde(rename = "told")]
    delays: delays::Delays,
    #[serde(rename = "crowd")]
    sockets: sockets::OpenSockets,
    results: [Ratio; 4],
}

/// One after the other: each would disturb the others.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<WaitFigures> {
    let delays = delays::measure(repository, console)?;
    let sockets = sockets::measure(repository, console)?;
    Ok(WaitFigures { delays, sockets, results: delivered::measure(repository, console)? })
}

impl fmt::Display for WaitFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delays, sockets, results } = self;
        write!(f, "{delays}\n{sockets}")?;
        results.iter().try_for_each(|result| write!(f, "\n{result}"))
    }
}

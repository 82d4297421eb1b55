//! How soon who waits is told, what many listeners cost, and how quickly a finished result is delivered.

mod delivered;
mod sockets;
mod stand_in;
mod told;
mod way;
mod websocket;

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::ratio::Ratio;
use crate::{console::Console, repository::Repository};

/// Everything about waiting.
#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    told: told::Told,
    crowd: sockets::Crowd,
    results: [Ratio; 4],
}

/// One after the other: each would disturb the others.
pub(super) fn measure(repository: &Repository, console: Console) -> Result<Waiting> {
    let told = told::measure(repository, console)?;
    let crowd = sockets::measure(repository, console)?;
    Ok(Waiting { told, crowd, results: delivered::measure(repository, console)? })
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { told, crowd, results } = self;
        write!(f, "{told}\n{crowd}")?;
        results.iter().try_for_each(|result| write!(f, "\n{result}"))
    }
}

//! Telling the lanes: what this object has open in them and what has ended, a few times a second at most.

use std::{rc::Rc, time::Duration};

use futures_util::future::join_all;
use worker::Delay;

use super::{core::Core, keep};
use crate::{cx::log_line, lanes};

/// How long news are gathered.
const GATHER_MS: u64 = 200;

/// Tells the lanes soon, unless that is about to happen already.
pub fn start(core: &Rc<Core>) {
    if core.load.borrow().has_news() && !core.tallying.replace(true) {
        let inner = core.clone();
        core.state.wait_until(async move {
            Delay::from(Duration::from_millis(GATHER_MS)).await;
            inner.tallying.set(false);
            tell(&inner).await;
        });
    }
}

/// Tells the lanes now.
pub async fn tell(core: &Rc<Core>) {
    let tallies = core.load.borrow_mut().tallies(&core.shard);
    let told =
        tallies.into_iter().map(|(lane, tally)| async move { (lane, lanes::tally(&core.env, lane, tally).await) });
    for (lane, told) in join_all(told).await {
        match told {
            Ok(status) => core.load.borrow_mut().told(lane, status),
            Err(error) => {
                // What is open is told whole each time: the next job or alarm heals it.
                core.load.borrow_mut().not_told(lane);
                log_line("tally-failed", &error);
            }
        }
    }
    keep::start(core);
}

//! Telling the lanes: what this object has open in them and what has ended, a few times a second at most.

use std::rc::Rc;

use futures_util::future::join_all;

use super::{core::Core, keep, lane_calls};

/// How long news are gathered.
const GATHER_MS: u64 = 200;

/// Tells the lanes soon, unless that is about to happen already.
pub(crate) fn start(core: &Rc<Core>) {
    if core.load.borrow().has_news() && !core.tallying.replace(true) {
        let inner = core.clone();
        core.spawn(async move {
            inner.platform.sleep(GATHER_MS).await;
            inner.tallying.set(false);
            tell(&inner).await;
        });
    }
}

/// Tells the lanes now.
pub(crate) async fn tell(core: &Rc<Core>) {
    let tallies = core.load.borrow_mut().tallies(&core.shard);
    let told =
        tallies.into_iter().map(|(lane, tally)| async move { (lane, lane_calls::tally(core, lane, tally).await) });
    for (lane, told) in join_all(told).await {
        match told {
            Ok(status) => core.load.borrow_mut().told(lane, status),
            Err(error) => {
                // What is open is told whole each time: the next job or alarm heals it.
                core.load.borrow_mut().not_told(lane);
                core.log("tally-failed", &error.to_string());
            }
        }
    }
    keep::start(core);
}

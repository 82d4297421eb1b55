//! Announcing to the lanes what this object has open in them and what has ended, a few times a second at most.

use std::rc::Rc;

use futures_util::future::join_all;

use super::{core::Core, keep, lane_calls};

/// How long news are gathered.
const GATHER_MS: u64 = 200;

/// Announces it soon, unless that is about to happen already.
pub(crate) fn start(core: &Rc<Core>) {
    if core.load.borrow().has_news() && core.timers.tally.begin() {
        let inner = core.clone();
        core.spawn(async move {
            inner.platform.sleep(GATHER_MS).await;
            inner.timers.tally.end();
            announce(&inner).await;
        });
    }
}

/// Announces it now.
pub(crate) async fn announce(core: &Rc<Core>) {
    let tallies = core.load.borrow_mut().tallies(&core.shard);
    let answers =
        tallies.into_iter().map(|(lane, tally)| async move { (lane, lane_calls::tally(core, lane, tally).await) });
    for (lane, answer) in join_all(answers).await {
        match answer {
            Ok(status) => core.load.borrow_mut().observe(lane, status),
            Err(error) => {
                // What is open is announced whole each time: the next job or alarm heals it.
                core.load.borrow_mut().not_announced(lane);
                core.log("tally-failed", &error.to_string());
            }
        }
    }
    keep::start(core);
}

//! Keeping which queue numbers open jobs drew and what they were promised: an object that sleeps while they wait knows it
//! again.

use std::rc::Rc;

use super::core::Core;

/// How long after a job was counted. Most have ended by then and cost no write; no object falls asleep sooner.
const KEEP_MS: u64 = 2_000;

/// Writes down soon what is not in the table yet, unless that is about to happen already.
pub(crate) fn start(core: &Rc<Core>) {
    if !core.load.borrow().has_unkept() || !core.timers.keep.begin() {
        return;
    }
    let inner = core.clone();
    core.spawn(async move {
        inner.platform.sleep(KEEP_MS).await;
        inner.timers.keep.end();
        let kept = inner.load.borrow_mut().take_unkept();
        if !kept.is_empty()
            && let Err(error) = inner.tables.keep(&kept)
        {
            inner.log("keep-failed", &error.to_string());
        }
    });
}

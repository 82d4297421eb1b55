//! Finds device calls that never end. A thread of its own: it must see also when everything else stands still.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tracing::error;

/// How often it looks.
const ROUND: Duration = Duration::from_millis(100);

/// What one device does at the moment, as its thread says.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse {
    call: Arc<Mutex<Option<Call>>>,
}

#[derive(Debug, Clone)]
struct Call {
    what: &'static str,
    model: String,
    began: Instant,
    limit: Duration,
}

/// A call is under way until this is dropped.
pub(super) struct UnderWay<'a>(&'a Pulse);

impl Pulse {
    /// A call begins that should be over within `limit`.
    pub(super) fn begin(&self, what: &'static str, model: &str, limit: Duration) -> UnderWay<'_> {
        *self.call() = Some(Call { what, model: model.to_owned(), began: Instant::now(), limit });
        UnderWay(self)
    }

    fn overdue(&self, now: Instant) -> Option<Call> {
        self.call().clone().filter(|call| now.saturating_duration_since(call.began) > call.limit)
    }

    fn call(&self) -> MutexGuard<'_, Option<Call>> {
        // Nothing panics under this lock.
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.call() = None;
    }
}

/// Watches until a call is overdue, which it logs once and answers with `true`, or until `end` is dropped.
pub(super) fn watch(devices: &[(String, Pulse)], end: &Receiver<()>) -> bool {
    while end.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let hung = devices.iter().find_map(|(device, pulse)| Some((device, pulse.overdue(now)?)));
        if let Some((device, Call { what, model, began, limit })) = hung {
            let (after_ms, limit_ms) = (now.saturating_duration_since(began).as_millis(), limit.as_millis());
            error!(device, model, what, after_ms, limit_ms, "the device does not answer: the worker must be restarted");
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_call_that_lasts_too_long_is_overdue() {
        let pulse = Pulse::default();
        let now = Instant::now();
        assert!(pulse.overdue(now).is_none());
        let under_way = pulse.begin("run", "m@1", Duration::from_secs(5));
        assert!(pulse.overdue(now + Duration::from_secs(1)).is_none());
        assert_eq!(pulse.overdue(now + Duration::from_secs(9)).unwrap().model, "m@1");
        drop(under_way);
        assert!(pulse.overdue(now + Duration::from_secs(9)).is_none());
    }

    #[test]
    fn watching_ends_with_what_is_watched() {
        let (end, ended) = std::sync::mpsc::channel();
        drop(end);
        assert!(!watch(&[], &ended));
    }
}

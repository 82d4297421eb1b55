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
    /// So long the whole process stood still since then, the device's thread with it.
    frozen: Duration,
}

impl Call {
    fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began).saturating_sub(self.frozen)
    }
}

/// A call is under way until this is dropped.
pub(super) struct UnderWay<'a>(&'a Pulse);

impl Pulse {
    /// A call begins that should be over within `limit`.
    pub(super) fn begin(&self, what: &'static str, model: &str, limit: Duration) -> UnderWay<'_> {
        let began = Instant::now();
        *self.call() = Some(Call { what, model: model.to_owned(), began, limit, frozen: Duration::ZERO });
        UnderWay(self)
    }

    /// The call that lasts too long. The watchdog itself comes `late` to this look: that time does not count.
    fn overdue(&self, now: Instant, late: Duration) -> Option<Call> {
        let mut call = self.call();
        let call = call.as_mut()?;
        // What stood still before it began is not the call's.
        call.frozen += late.min(now.saturating_duration_since(call.began));
        (call.lasts(now) > call.limit).then(|| call.clone())
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

/// Notices that the process stood still: it was stopped, its machine was suspended, or so busy that nothing ran. Pure.
struct Rounds {
    last: Instant,
}

impl Rounds {
    /// A round ends; by how much it is too late.
    fn late(&mut self, now: Instant) -> Duration {
        let took = now.saturating_duration_since(std::mem::replace(&mut self.last, now));
        took.saturating_sub(ROUND)
    }
}

/// Watches until a call is overdue, which it logs once and answers with `true`, or until `end` is dropped.
pub(super) fn watch(devices: &[(String, Pulse)], end: &Receiver<()>) -> bool {
    let mut rounds = Rounds { last: Instant::now() };
    while end.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let late = rounds.late(now);
        // All of them, so that each hears of the time that does not count.
        let overdue: Vec<(&String, Call)> =
            devices.iter().filter_map(|(device, pulse)| Some((device, pulse.overdue(now, late)?))).collect();
        if let Some((device, call)) = overdue.into_iter().next() {
            let (after_ms, limit_ms) = (call.lasts(now).as_millis(), call.limit.as_millis());
            let Call { what, model, .. } = call;
            error!(device, model, what, after_ms, limit_ms, "the device does not answer: the worker must be restarted");
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT: Duration = Duration::ZERO;

    #[test]
    fn only_a_call_that_lasts_too_long_is_overdue() {
        let pulse = Pulse::default();
        let now = Instant::now();
        assert!(pulse.overdue(now, NOT).is_none());
        let under_way = pulse.begin("run", "m@1", Duration::from_secs(5));
        assert!(pulse.overdue(now + Duration::from_secs(1), NOT).is_none());
        assert_eq!(pulse.overdue(now + Duration::from_secs(9), NOT).unwrap().model, "m@1");
        drop(under_way);
        assert!(pulse.overdue(now + Duration::from_secs(9), NOT).is_none());
    }

    /// Looks at these milliseconds from the start; at which of them the call, which may take 5 s, was overdue first.
    fn overdue_at(looks: impl IntoIterator<Item = u64>) -> Option<u64> {
        let pulse = Pulse::default();
        let start = Instant::now();
        let _under_way = pulse.begin("run", "m@1", Duration::from_secs(5));
        let mut rounds = Rounds { last: start };
        looks.into_iter().find(|ms| {
            // The call begins a little after the start.
            let now = start + Duration::from_millis(*ms) + Duration::from_millis(1);
            let late = rounds.late(now);
            pulse.overdue(now, late).is_some()
        })
    }

    #[test]
    fn time_in_which_nothing_ran_does_not_count() {
        let every = |from: u64, to: u64| (from..=to).step_by(100);
        let hangs = overdue_at(every(100, 9_000)).unwrap();
        assert!((5_000..5_200).contains(&hangs), "{hangs}");
        let thawed = overdue_at(every(100, 2_000).chain(every(3_602_000, 3_604_500)));
        assert_eq!(thawed, None, "an hour of sleep");
        let hangs = overdue_at(every(100, 2_000).chain(every(3_602_000, 3_609_000))).unwrap();
        assert!((3_604_900..3_605_300).contains(&hangs), "it hangs after the sleep: {hangs}");
        let twice = overdue_at(every(100, 2_000).chain(every(60_000, 62_000)).chain(every(500_000, 500_700)));
        assert_eq!(twice, None);
    }

    #[test]
    fn a_call_that_begins_after_the_thaw_is_given_nothing() {
        let pulse = Pulse::default();
        let mut rounds = Rounds { last: Instant::now().checked_sub(Duration::from_secs(3)).unwrap() };
        let _under_way = pulse.begin("run", "m@1", Duration::from_secs(5));
        let now = Instant::now();
        let late = rounds.late(now);
        assert!(late > Duration::from_secs(2) && pulse.overdue(now, late).is_none());
        assert!(pulse.overdue(now + Duration::from_secs(6), NOT).is_some());
    }

    #[test]
    fn watching_ends_with_what_is_watched() {
        let (end, ended) = std::sync::mpsc::channel();
        drop(end);
        assert!(!watch(&[], &ended));
    }
}

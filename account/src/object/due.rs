//! When an Account object's alarm rings: no later than anything that is stored asks for.
//!
//! An alarm that is not set is set by nobody else: the platform gives up on one whose handler keeps failing. So memory
//! never takes for granted what it does not know, and whatever cannot be computed is looked at again soon.

use super::{core::Core, deliver};
use crate::platform::Result;
use std::rc::Rc;

use forebay_admission::idempotency;

/// Alarms of one object are at least this far apart, in milliseconds.
const GAP_MS: u64 = 1_000;
/// When to ring again where it cannot be said what is due, in milliseconds.
pub(crate) const FALLBACK_MS: u64 = 60_000;
/// When to ring again if the object dies while its alarm is at work, in milliseconds: an alarm that is set meanwhile
/// replaces the platform's own retries.
pub(crate) const AGAIN_MS: u64 = 10_000;

/// An object that was just opened sees to it that an alarm stands behind what is due: the last one may have been given up.
pub(crate) fn arm(core: &Rc<Core>) {
    let inner = core.clone();
    core.spawn(async move {
        let armed = async {
            if inner.timers.alarm.at_ms().is_none()
                && let Some(at_ms) = inner.platform.alarm().await?
            {
                inner.timers.alarm.found(at_ms);
            }
            inner.arrange_alarm().await
        };
        if let Err(error) = armed.await {
            inner.log("alarm-failed", &error.to_string());
        }
    });
}

impl Core {
    /// Makes sure the alarm rings no later than everything stored asks for.
    ///
    /// It is called in the same turn as the writes it stands for: the runtime commits both together.
    pub async fn arrange_alarm(&self) -> Result<()> {
        let now_ms = self.now_ms();
        let outbox_ms = self.outbox.due_ms(now_ms);
        // Besides a message, nothing that is new is due before an alarm that stands; what is, says so by `wake_by`.
        let due_ms = if self.timers.alarm.at_ms().is_some() { outbox_ms } else { self.due_ms(now_ms) };
        self.ring_by(due_ms).await
    }

    /// Makes sure the alarm rings by `at_ms` too.
    pub async fn wake_by(&self, at_ms: u64) -> Result<()> {
        let due_ms = if self.timers.alarm.at_ms().is_some() { None } else { self.due_ms(self.now_ms()) };
        self.ring_by(due_ms.into_iter().chain([at_ms]).min()).await
    }

    /// Rings when the next thing is due, be it later than it was to ring, or not at all.
    pub async fn rearrange_alarm(&self) -> Result<()> {
        let due_ms = self.due_ms(self.now_ms());
        self.timers.alarm.set(due_ms);
        self.platform.set_alarm(due_ms).await
    }

    async fn ring_by(&self, due_ms: Option<u64>) -> Result<()> {
        let alarm = &self.timers.alarm;
        let Some(due_ms) = alarm.too_late_for(due_ms) else { return Ok(()) };
        let set_ms = alarm.at_ms();
        alarm.set(Some(due_ms));
        // One that could not be set is not taken for set.
        self.platform.set_alarm(Some(due_ms)).await.inspect_err(|_| alarm.set(set_ms))
    }

    /// When there is something to do; soon where that cannot be said.
    fn due_ms(&self, now_ms: u64) -> Option<u64> {
        let stored_ms = self.stored_due_ms(now_ms).unwrap_or_else(|error| {
            self.log("due-unknown", &error.to_string());
            Some(now_ms.saturating_add(FALLBACK_MS))
        });
        let stored_ms = stored_ms.map(|due_ms| due_ms.max(now_ms.saturating_add(GAP_MS)));
        [stored_ms, self.outbox.due_ms(now_ms)].into_iter().flatten().min()
    }

    fn stored_due_ms(&self, now_ms: u64) -> Result<Option<u64>> {
        let retention_ms = self.settings()?.retention_ms;
        let check = self.tables.next_check_ms()?;
        let sweep = self.tables.oldest_ended()?.map(|id| id.made_at_ms().saturating_add(retention_ms));
        let keys = self.tables.oldest_idempotency_ms()?.map(|made_ms| made_ms.saturating_add(idempotency::LIFETIME_MS));
        let release = self.tables.next_release_ms()?;
        let message = self.messages_due_ms()?;
        let (deliveries, log) = (deliver::look_ms(self, now_ms), self.webhooks.sweep_ms(retention_ms)?);
        Ok([check, sweep, keys, release, message, deliveries, log].into_iter().flatten().min())
    }
}

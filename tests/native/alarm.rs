//! When an object's alarm rings, and what becomes of one whose handler fails.
//!
//! <https://developers.cloudflare.com/durable-objects/api/alarms/>: one alarm an object; «guaranteed at-least-once
//! execution», «retried automatically using exponential backoff starting at 2 seconds from the first failure, up to 6
//! retries»; setting one replaces the one that is set; one that rings is set no more; a time in the past rings at once.

use std::{rc::Rc, time::Duration};

use tokio::time::sleep;

use super::{object::Object, runtime::since_start_ms};

const MOST_RETRIES: u32 = 6;
/// What «at once» takes: without it an object whose clock is behind would set an alarm that is due for ever.
const AT_ONCE_MS: u64 = 10;
const FIRST_RETRY_MS: u64 = 2_000;

/// How a handler ended.
enum Ended {
    Well,
    /// It failed.
    Badly(String),
    /// The object died in it: no fault of the handler's, and not counted as one.
    Cut,
}

impl Object {
    /// Rings for ever.
    pub(super) async fn alarms(self: Rc<Self>) {
        loop {
            let Some(at_ms) = self.disk.alarm_ms() else {
                self.alarm_changed.notified().await;
                continue;
            };
            let due_ms = at_ms + self.world.alarm_delay_ms(self.name());
            let wait_ms = due_ms.saturating_sub(self.world.alarm_clock_ms()).max(AT_ONCE_MS);
            let wait = Duration::from_millis(wait_ms);
            tokio::select! {
                biased;
                () = self.alarm_changed.notified() => continue,
                () = sleep(wait) => {}
            }
            self.disk.take_alarm();
            self.ring_until_well().await;
        }
    }

    async fn ring_until_well(self: &Rc<Self>) {
        let (mut failures, mut tries) = (0, 0);
        loop {
            let mut ended = self.run_handler().await;
            if matches!(ended, Ended::Well) && self.world.rings_again(self.name()) {
                ended = self.run_handler().await;
            }
            if self.disk.alarm_ms().is_some() {
                // It was replaced, whatever became of it.
                return;
            }
            match ended {
                Ended::Well => return,
                Ended::Badly(why) => {
                    failures += 1;
                    if failures > MOST_RETRIES {
                        self.abandoned_ms.borrow_mut().push(since_start_ms());
                        return self.world.log(self.name(), "alarm-abandoned", &why);
                    }
                    self.world.log(self.name(), "alarm-failed-itself", &why);
                }
                Ended::Cut => {}
            }
            let wait = Duration::from_millis(FIRST_RETRY_MS << tries.min(MOST_RETRIES));
            tries += 1;
            tokio::select! {
                biased;
                () = self.replaced() => return,
                () = sleep(wait) => {}
            }
        }
    }

    async fn run_handler(self: &Rc<Self>) -> Ended {
        match self.ring().await {
            Ok(Ok(())) => Ended::Well,
            Ok(Err(error)) => Ended::Badly(error.to_string()),
            Err(error) if error.retryable => Ended::Cut,
            Err(error) => Ended::Badly(error.to_string()),
        }
    }

    async fn replaced(&self) {
        while self.disk.alarm_ms().is_none() {
            self.alarm_changed.notified().await;
        }
    }
}

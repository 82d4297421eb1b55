//! What moves between here and the service. A call is given up on silence, not for being long: a large picture on a slow
//! line takes its time, and what moves will end.

use std::{
    pin::pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// What one call moved so far. Bytes count as sent when the connection takes them; up to a quarter of a megabyte of them
/// may still lie in this machine's buffers.
#[derive(Debug)]
pub struct Traffic {
    /// When something last moved.
    moved: Mutex<Instant>,
    sent: AtomicU64,
    received: AtomicU64,
    is_uploaded: AtomicBool,
    uploaded: Notify,
}

impl Default for Traffic {
    fn default() -> Self {
        let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
        Self {
            moved: Mutex::new(Instant::now()),
            sent,
            received,
            is_uploaded: AtomicBool::new(false),
            uploaded: Notify::new(),
        }
    }
}

impl Traffic {
    /// How many bytes of bodies the connection took.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many bytes of bodies came.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Ends once the connection has taken the whole body.
    pub async fn uploaded(&self) {
        loop {
            let uploaded = self.uploaded.notified();
            if self.is_uploaded.load(Ordering::Acquire) {
                return;
            }
            uploaded.await;
        }
    }

    /// A sign of life.
    pub(super) fn moved(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Counts bytes that came.
    pub(super) fn arrived(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved();
    }

    /// The connection took so many bytes of a body.
    pub(super) fn handed_over(&self, bytes: usize, is_all: bool) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved();
        if is_all {
            self.is_uploaded.store(true, Ordering::Release);
            self.uploaded.notify_waiters();
        }
    }

    /// Does `work`; `None` when nothing moved for as long as `limit`.
    pub(super) async fn unless_silent<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let until = *self.moved.lock().unwrap_or_else(PoisonError::into_inner) + limit;
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = sleep_until(until) => {}
            }
            if *self.moved.lock().unwrap_or_else(PoisonError::into_inner) + limit <= Instant::now() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn what_moves_is_not_given_up_however_long_it_takes() {
        let traffic = Traffic::default();
        let work = async {
            for _ in 0..100 {
                sleep(LIMIT - Duration::from_secs(1)).await;
                traffic.arrived(1);
            }
        };
        let begun = Instant::now();
        assert_eq!(traffic.unless_silent(LIMIT, work).await, Some(()));
        assert!(begun.elapsed() > LIMIT * 90);
        assert_eq!(traffic.received(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it_as_long_after_the_last_sign_of_life_as_was_said() {
        let traffic = Traffic::default();
        let work = async {
            sleep(Duration::from_secs(20)).await;
            traffic.arrived(1);
            std::future::pending::<()>().await;
        };
        let begun = Instant::now();
        assert_eq!(traffic.unless_silent(LIMIT, work).await, None);
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(50) && took < Duration::from_secs(51), "{took:?}");
    }
}

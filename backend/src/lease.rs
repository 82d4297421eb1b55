//! Keeps messages hidden from receipt until they are acknowledged, given back or past their deadline: one keeper for all
//! of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use forebay_contract::Lane;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tracing::{debug, warn};

use crate::queue::{Lanes, MAX_BATCH, QueueError, Receipt};

/// SQS hides a message for at most so long from its receipt, however often that is extended:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// Renews leases at a third of their length, many with one call.
#[derive(Clone)]
pub(crate) struct LeaseKeeper {
    shared: Arc<Shared>,
}

struct Shared {
    lease: Duration,
    next_id: AtomicU64,
    held: Mutex<HashMap<u64, Held>>,
    /// Wakes the keeper when the first lease is taken.
    taken: Notify,
}

struct Held {
    lane: Lane,
    receipt: Receipt,
    renew_at: Instant,
    /// From then on it is not renewed: its deadline is over, or SQS would refuse.
    until: Instant,
    /// From then on SQS would refuse.
    longest: Instant,
}

/// One message that is held. Dropped, it is no longer renewed: the message is redelivered when its lease ends, as it is
/// when its time is over.
pub(crate) struct Lease {
    id: u64,
    /// The lane it came through.
    pub lane: Lane,
    /// Addresses the delivery.
    pub receipt: Receipt,
    longest: Instant,
    shared: Arc<Shared>,
}

/// Whether work can be done while nobody else is given its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fits {
    /// Yes.
    Now,
    /// Not any more, but after another receipt.
    Afresh,
    /// No message is held for so long.
    Never,
}

impl Lease {
    /// The job begins before its deadline, which bounds its lease no longer: given up on the way, it would be run a
    /// second time beside the first, or be ended as too late while it succeeds.
    pub(crate) fn begin(&self) {
        if let Some(held) = self.shared.held().get_mut(&self.id) {
            held.until = held.longest;
        }
    }
}

impl Lease {
    /// Whether work that takes so long fits into what is left.
    pub(crate) fn fits(&self, work: Duration) -> Fits {
        if work <= self.longest.saturating_duration_since(Instant::now()) {
            Fits::Now
        } else if work <= LONGEST.saturating_sub(self.shared.lease) {
            Fits::Afresh
        } else {
            Fits::Never
        }
    }

    /// Whether it is renewed no more, because the service lets nobody hold a message for longer: what is still going on
    /// will be begun by another worker too, as soon as the last renewal is over.
    pub(crate) fn is_over(&self) -> bool {
        self.longest <= Instant::now()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.held().remove(&self.id);
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        // Nothing panics under this lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaseKeeper {
    /// A keeper of leases of this length.
    pub(crate) fn new(lease: Duration) -> Self {
        let shared = Shared { lease, next_id: AtomicU64::new(0), held: Mutex::default(), taken: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// The length of a lease: what to receive with.
    pub(crate) fn length(&self) -> Duration {
        self.shared.lease
    }

    /// Holds a message that was received just now, until its deadline at most if its job has not [begun](Lease::begin).
    pub(crate) fn hold(&self, lane: Lane, receipt: Receipt, deadline: Option<Instant>) -> Lease {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let longest = now + LONGEST.saturating_sub(self.shared.lease);
        let until = deadline.map_or(longest, |deadline| deadline.min(longest));
        let renew_at = now + self.shared.lease / 3;
        self.shared.held().insert(id, Held { lane, receipt: receipt.clone(), renew_at, until, longest });
        self.shared.taken.notify_one();
        Lease { id, lane, receipt, longest, shared: Arc::clone(&self.shared) }
    }

    /// Renews until it is dropped.
    pub(crate) async fn run(&self, lanes: &Lanes) {
        loop {
            let next = self.shared.held().values().map(|held| held.renew_at).min();
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => {
                    self.shared.taken.notified().await;
                    continue;
                }
            }
            self.renew_due(lanes).await;
        }
    }

    async fn renew_due(&self, lanes: &Lanes) {
        let now = Instant::now();
        // Those that fall due soon go along, so that messages received one by one are renewed together.
        let horizon = now + self.shared.lease / 12;
        let mut due: BTreeMap<Lane, Vec<(u64, Receipt)>> = BTreeMap::new();
        self.shared.held().retain(|_, held| held.until > now);
        for (id, held) in self.shared.held().iter_mut().filter(|(_, held)| held.renew_at <= horizon) {
            due.entry(held.lane).or_default().push((*id, held.receipt.clone()));
            held.renew_at = now + self.shared.lease / 3;
        }
        let calls = due.iter().flat_map(|(lane, held)| held.chunks(MAX_BATCH).map(|chunk| (*lane, chunk)));
        futures_util::future::join_all(calls.map(|(lane, chunk)| self.renew(lanes, lane, chunk))).await;
    }

    async fn renew(&self, lanes: &Lanes, lane: Lane, chunk: &[(u64, Receipt)]) {
        let Some(queue) = lanes.get(&lane) else { return };
        let receipts: Vec<Receipt> = chunk.iter().map(|(_, receipt)| receipt.clone()).collect();
        // A lane that hangs must not cost the others their leases.
        let extended = timeout(self.shared.lease / 3, queue.extend(&receipts, self.shared.lease)).await;
        match extended.unwrap_or_else(|_| Err(QueueError("no answer in time".to_owned()))) {
            Ok(refused) => {
                debug!(%lane, renewed = receipts.len() - refused.len().min(receipts.len()), "leases renewed");
                for refused in refused {
                    let held = chunk.iter().find(|(_, receipt)| *receipt == refused.receipt);
                    let Some((id, _)) = held else { continue };
                    if refused.gone {
                        // Another worker may have the message now. Running it twice costs time, never correctness.
                        if self.shared.held().remove(id).is_some() {
                            warn!(%lane, "a lease was lost");
                        }
                    } else {
                        self.retry_soon(*id);
                    }
                }
            }
            Err(error) => {
                warn!(%lane, %error, leases = receipts.len(), "leases not renewed, trying again");
                chunk.iter().for_each(|(id, _)| self.retry_soon(*id));
            }
        }
    }

    fn retry_soon(&self, id: u64) {
        if let Some(held) = self.shared.held().get_mut(&id) {
            held.renew_at = Instant::now() + self.shared.lease / 12;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{MemoryQueue, Message, Queue, Refused};

    const LEASE: Duration = Duration::from_secs(30);

    /// Counts what it is asked to extend, call by call.
    #[derive(Default)]
    struct Counting {
        inner: MemoryQueue,
        calls: Mutex<Vec<usize>>,
    }

    #[async_trait::async_trait]
    impl Queue for Counting {
        async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>, QueueError> {
            self.inner.receive(max, wait, lease).await
        }
        async fn extend(&self, receipts: &[Receipt], lease: Duration) -> Result<Vec<Refused>, QueueError> {
            self.calls.lock().unwrap().push(receipts.len());
            self.inner.extend(receipts, lease).await
        }
        async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
            self.inner.delete(receipts).await
        }
    }

    fn started() -> (Arc<Counting>, LeaseKeeper, tokio::task::JoinHandle<()>) {
        let queue = Arc::new(Counting::default());
        let lanes: Lanes = [(Lane::FreeLight, Arc::clone(&queue) as Arc<dyn Queue>)].into();
        let keeper = LeaseKeeper::new(LEASE);
        let running = tokio::spawn({
            let keeper = keeper.clone();
            async move { keeper.run(&lanes).await }
        });
        (queue, keeper, running)
    }

    async fn receive_one(queue: &dyn Queue) -> Receipt {
        queue.receive(1, Duration::ZERO, LEASE).await.unwrap().remove(0).receipt
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_renewed_and_what_is_dropped_comes_back() {
        let (queue, keeper, running) = started();
        queue.inner.send("a");
        let lease = keeper.hold(Lane::FreeLight, receive_one(&*queue).await, None);
        assert!(queue.receive(1, LEASE * 10, LEASE).await.unwrap().is_empty(), "held far beyond one lease");
        drop(lease);
        let again = queue.receive(1, LEASE + Duration::from_secs(1), LEASE).await.unwrap();
        assert_eq!(again[0].receive_count, 2);
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_renewed_with_one_call_for_ten() {
        let (queue, keeper, running) = started();
        let mut leases = Vec::new();
        for number in 0..25 {
            queue.inner.send(number.to_string());
            leases.push(keeper.hold(Lane::FreeLight, receive_one(&*queue).await, None));
            tokio::time::sleep(LEASE / 1000).await;
        }
        tokio::time::sleep(LEASE / 2).await;
        let mut calls = std::mem::take(&mut *queue.calls.lock().unwrap());
        calls.sort_unstable();
        assert_eq!(calls, [5, 10, 10], "received one by one, renewed together");
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_began_before_its_deadline_is_renewed_past_it() {
        let (queue, keeper, running) = started();
        queue.inner.send("a");
        let lease = keeper.hold(Lane::FreeLight, receive_one(&*queue).await, Some(Instant::now() + LEASE * 2));
        tokio::time::sleep(LEASE).await;
        lease.begin();
        assert!(queue.receive(1, LEASE * 10, LEASE).await.unwrap().is_empty());
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_receipt_bounds_the_work() {
        let keeper = LeaseKeeper::new(LEASE);
        let lease = keeper.hold(Lane::FreeLight, Receipt("a".to_owned()), None);
        let (hour, whole) = (Duration::from_secs(3600), LONGEST - LEASE);
        assert_eq!((lease.fits(whole), lease.fits(whole + LEASE)), (Fits::Now, Fits::Never));
        tokio::time::advance(hour * 5).await;
        assert_eq!(
            (lease.fits(hour * 6), lease.fits(hour * 7), lease.fits(whole)),
            (Fits::Now, Fits::Afresh, Fits::Afresh)
        );
        assert!(!lease.is_over());
        tokio::time::advance(hour * 7 - LEASE).await;
        assert!(lease.is_over() && lease.fits(LEASE) == Fits::Afresh);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_renewed_past_its_deadline_or_the_services_bound() {
        let (queue, keeper, running) = started();
        for (deadline, ends) in [(Some(LEASE * 4), LEASE * 4), (None, LONGEST - LEASE)] {
            queue.inner.send("a");
            let received = Instant::now();
            let receipt = receive_one(&*queue).await;
            let _lease = keeper.hold(Lane::FreeLight, receipt.clone(), deadline.map(|after| received + after));
            let again = queue.receive(1, LONGEST * 2, LEASE).await.unwrap().remove(0);
            let held = received.elapsed();
            assert!(held >= ends && held <= ends + LEASE, "{held:?}");
            queue.delete(&[again.receipt]).await.unwrap();
        }
        running.abort();
    }
}

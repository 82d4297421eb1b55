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

use crate::queue::{Lanes, MAX_PER_CALL, QueueError, Receipt};

/// SQS hides a message for at most so long from its receipt, however often that is extended:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// Extends visibility timeouts at a third of their length, many with one call.
#[derive(Clone)]
pub(crate) struct VisibilityKeeper {
    shared: Arc<Shared>,
}

struct Shared {
    /// The length of a visibility timeout.
    timeout: Duration,
    next_id: AtomicU64,
    hidden: Mutex<HashMap<u64, Hidden>>,
    /// Wakes the keeper when the first message is hidden.
    hides: Notify,
}

/// What the keeper knows of one message.
struct Hidden {
    lane: Lane,
    receipt: Receipt,
    extend_at: Instant,
    /// From then on it is not extended: its deadline is over, or SQS would refuse.
    until: Instant,
    /// From then on SQS would refuse.
    longest: Instant,
}

/// A worker's hold on one message. Dropped, it is no longer extended: the message is redelivered when its visibility
/// timeout ends, as it is when its time is over.
pub(crate) struct Visibility {
    id: u64,
    /// The lane it came through.
    pub lane: Lane,
    /// Addresses the delivery at its queue.
    pub receipt: Receipt,
    longest: Instant,
    shared: Arc<Shared>,
}

/// Whether work can be done while nobody else is given its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fits {
    /// It can be done now.
    Now,
    /// Not any more, but after another receipt.
    Afresh,
    /// No message is hidden for so long.
    Never,
}

impl Visibility {
    /// The job begins before its deadline, which bounds its visibility no longer: given up on the way, it would be run a
    /// second time beside the first, or be ended as too late while it succeeds.
    pub(crate) fn begin(&self) {
        if let Some(hidden) = self.shared.hidden().get_mut(&self.id) {
            hidden.until = hidden.longest;
        }
    }

    /// Whether work that takes so long fits into what is left.
    pub(crate) fn fits(&self, work: Duration) -> Fits {
        if work <= self.longest.saturating_duration_since(Instant::now()) {
            Fits::Now
        } else if work <= LONGEST.saturating_sub(self.shared.timeout) {
            Fits::Afresh
        } else {
            Fits::Never
        }
    }

    /// Whether it is extended no more, because the service hides no message for longer: what is still going on will be
    /// begun by another worker too, as soon as the last timeout is over.
    pub(crate) fn is_over(&self) -> bool {
        self.longest <= Instant::now()
    }
}

impl Drop for Visibility {
    fn drop(&mut self) {
        self.shared.hidden().remove(&self.id);
    }
}

impl Shared {
    fn hidden(&self) -> MutexGuard<'_, HashMap<u64, Hidden>> {
        // Nothing panics under this lock.
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VisibilityKeeper {
    /// A keeper of visibility timeouts of this length.
    pub(crate) fn new(timeout: Duration) -> Self {
        let shared = Shared { timeout, next_id: AtomicU64::new(0), hidden: Mutex::default(), hides: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// The length of a visibility timeout: what to receive with.
    pub(crate) fn timeout(&self) -> Duration {
        self.shared.timeout
    }

    /// Hides a message that was received just now, until its deadline at most if its job has not
    /// [begun](Visibility::begin).
    pub(crate) fn hide(&self, lane: Lane, receipt: Receipt, deadline: Option<Instant>) -> Visibility {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let longest = now + LONGEST.saturating_sub(self.shared.timeout);
        let until = deadline.map_or(longest, |deadline| deadline.min(longest));
        let extend_at = now + self.shared.timeout / 3;
        self.shared.hidden().insert(id, Hidden { lane, receipt: receipt.clone(), extend_at, until, longest });
        self.shared.hides.notify_one();
        Visibility { id, lane, receipt, longest, shared: Arc::clone(&self.shared) }
    }

    /// Extends what is hidden until this is dropped.
    pub(crate) async fn run(&self, lanes: &Lanes) {
        loop {
            let next = self.shared.hidden().values().map(|hidden| hidden.extend_at).min();
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => {
                    self.shared.hides.notified().await;
                    continue;
                }
            }
            self.extend_due(lanes).await;
        }
    }

    async fn extend_due(&self, lanes: &Lanes) {
        let now = Instant::now();
        // Those that fall due soon go along, so that messages received one by one are extended together.
        let horizon = now + self.shared.timeout / 12;
        let mut due: BTreeMap<Lane, Vec<(u64, Receipt)>> = BTreeMap::new();
        self.shared.hidden().retain(|_, hidden| hidden.until > now);
        for (id, hidden) in self.shared.hidden().iter_mut().filter(|(_, hidden)| hidden.extend_at <= horizon) {
            due.entry(hidden.lane).or_default().push((*id, hidden.receipt.clone()));
            hidden.extend_at = now + self.shared.timeout / 3;
        }
        let calls = due.iter().flat_map(|(lane, due)| due.chunks(MAX_PER_CALL).map(|chunk| (*lane, chunk)));
        futures_util::future::join_all(calls.map(|(lane, chunk)| self.extend(lanes, lane, chunk))).await;
    }

    async fn extend(&self, lanes: &Lanes, lane: Lane, chunk: &[(u64, Receipt)]) {
        let Some(queue) = lanes.get(&lane) else { return };
        let receipts: Vec<Receipt> = chunk.iter().map(|(_, receipt)| receipt.clone()).collect();
        // A lane that hangs must not cost the others their messages.
        let extended = timeout(self.shared.timeout / 3, queue.extend(&receipts, self.shared.timeout)).await;
        match extended.unwrap_or_else(|_| Err(QueueError("no answer in time".to_owned()))) {
            Ok(refused) => {
                debug!(%lane, renewed = receipts.len() - refused.len().min(receipts.len()), "messages stay hidden");
                for refused in refused {
                    let known = chunk.iter().find(|(_, receipt)| *receipt == refused.receipt);
                    let Some((id, _)) = known else { continue };
                    if refused.gone {
                        // Another worker may have the message now. Running it twice costs time, never correctness.
                        if self.shared.hidden().remove(id).is_some() {
                            warn!(%lane, "a message is hidden no longer: another worker may have it");
                        }
                    } else {
                        self.retry_soon(*id);
                    }
                }
            }
            Err(error) => {
                warn!(%lane, %error, leases = receipts.len(), "visibility not extended, trying again");
                chunk.iter().for_each(|(id, _)| self.retry_soon(*id));
            }
        }
    }

    fn retry_soon(&self, id: u64) {
        if let Some(hidden) = self.shared.hidden().get_mut(&id) {
            hidden.extend_at = Instant::now() + self.shared.timeout / 12;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{CountingQueue, Queue};

    const VISIBILITY: Duration = Duration::from_secs(30);

    fn started() -> (Arc<CountingQueue>, VisibilityKeeper, tokio::task::JoinHandle<()>) {
        let queue = Arc::new(CountingQueue::default());
        let lanes: Lanes = [(Lane::FREE_LIGHT, Arc::clone(&queue) as Arc<dyn Queue>)].into();
        let keeper = VisibilityKeeper::new(VISIBILITY);
        let running = tokio::spawn({
            let keeper = keeper.clone();
            async move { keeper.run(&lanes).await }
        });
        (queue, keeper, running)
    }

    async fn receive_one(queue: &dyn Queue) -> Receipt {
        queue.receive(1, Duration::ZERO, VISIBILITY).await.unwrap().remove(0).receipt
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_hidden_is_extended_and_what_is_dropped_comes_back() {
        let (queue, keeper, running) = started();
        queue.inner.send("a");
        let visibility = keeper.hide(Lane::FREE_LIGHT, receive_one(&*queue).await, None);
        assert!(
            queue.receive(1, VISIBILITY * 10, VISIBILITY).await.unwrap().is_empty(),
            "hidden far beyond one timeout"
        );
        drop(visibility);
        let again = queue.receive(1, VISIBILITY + Duration::from_secs(1), VISIBILITY).await.unwrap();
        assert_eq!(again[0].receive_count, 2);
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_extended_with_one_call_for_ten() {
        let (queue, keeper, running) = started();
        let mut hidden = Vec::new();
        for number in 0..25 {
            queue.inner.send(number.to_string());
            hidden.push(keeper.hide(Lane::FREE_LIGHT, receive_one(&*queue).await, None));
            tokio::time::sleep(VISIBILITY / 1000).await;
        }
        tokio::time::sleep(VISIBILITY / 2).await;
        let mut calls = std::mem::take(&mut *queue.extended.lock().unwrap());
        calls.sort_unstable();
        assert_eq!(calls, [5, 10, 10], "received one by one, extended together");
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_began_before_its_deadline_is_extended_past_it() {
        let (queue, keeper, running) = started();
        queue.inner.send("a");
        let visibility =
            keeper.hide(Lane::FREE_LIGHT, receive_one(&*queue).await, Some(Instant::now() + VISIBILITY * 2));
        tokio::time::sleep(VISIBILITY).await;
        visibility.begin();
        assert!(queue.receive(1, VISIBILITY * 10, VISIBILITY).await.unwrap().is_empty());
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_receipt_bounds_the_work() {
        let keeper = VisibilityKeeper::new(VISIBILITY);
        let visibility = keeper.hide(Lane::FREE_LIGHT, Receipt("a".to_owned()), None);
        let (hour, whole) = (Duration::from_secs(3600), LONGEST - VISIBILITY);
        assert_eq!((visibility.fits(whole), visibility.fits(whole + VISIBILITY)), (Fits::Now, Fits::Never));
        tokio::time::advance(hour * 5).await;
        assert_eq!(
            (visibility.fits(hour * 6), visibility.fits(hour * 7), visibility.fits(whole)),
            (Fits::Now, Fits::Afresh, Fits::Afresh)
        );
        assert!(!visibility.is_over());
        tokio::time::advance(hour * 7 - VISIBILITY).await;
        assert!(visibility.is_over() && visibility.fits(VISIBILITY) == Fits::Afresh);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_extended_past_its_deadline_or_the_services_bound() {
        let (queue, keeper, running) = started();
        for (deadline, ends) in [(Some(VISIBILITY * 4), VISIBILITY * 4), (None, LONGEST - VISIBILITY)] {
            queue.inner.send("a");
            let received = Instant::now();
            let receipt = receive_one(&*queue).await;
            let _visibility = keeper.hide(Lane::FREE_LIGHT, receipt.clone(), deadline.map(|after| received + after));
            let again = queue.receive(1, LONGEST * 2, VISIBILITY).await.unwrap().remove(0);
            let hidden = received.elapsed();
            assert!(hidden >= ends && hidden <= ends + VISIBILITY, "{hidden:?}");
            queue.delete(&[again.receipt]).await.unwrap();
        }
        running.abort();
    }
}

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use forebay_contract::Lane;

use crate::{
    queue::{Message, Queue, QueueError, Receipt, Refused},
    vitals::Vitals,
};

/// A lane whose calls are counted, and which shows whether it can be polled.
pub(super) struct MeasuredQueue {
    pub(super) lane: Lane,
    pub(super) inner: Arc<dyn Queue>,
    pub(super) vitals: Arc<Vitals>,
}

impl MeasuredQueue {
    fn counted<T>(&self, call: &'static str, answer: Result<T, QueueError>) -> Result<T, QueueError> {
        self.vitals.metrics.called(self.lane, call, answer.is_ok());
        answer
    }
}

#[async_trait]
impl Queue for MeasuredQueue {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let answer = self.counted("receive", self.inner.receive(max, wait, visibility).await);
        self.vitals.health.polled(self.lane, answer.is_ok());
        answer
    }

    async fn extend(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Refused>, QueueError> {
        let answer = self.counted("extend", self.inner.extend(receipts, visibility).await);
        let (extended, lost) = match &answer {
            Ok(refused) => {
                let gone = refused.iter().filter(|refused| refused.gone).count();
                (receipts.len().saturating_sub(refused.len()), gone)
            }
            Err(_) => (0, 0),
        };
        let failed = receipts.len().saturating_sub(extended + lost);
        for (outcome, messages) in [("renewed", extended), ("lost", lost), ("failed", failed)] {
            if messages > 0 {
                self.vitals.metrics.extended(self.lane, outcome, messages);
            }
        }
        answer
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        self.counted("delete", self.inner.delete(receipts).await)
    }

    async fn give_back(&self, receipts: &[Receipt], after: Duration) -> Result<Vec<Refused>, QueueError> {
        self.counted("give_back", self.inner.give_back(receipts, after).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::MemoryQueue;

    const VISIBILITY: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn messages_that_stay_hidden_and_lost_ones_are_counted_apart() {
        let inner = Arc::new(MemoryQueue::default());
        let vitals = Arc::new(Vitals::default());
        let queue = MeasuredQueue {
            lane: Lane::FREE_LIGHT,
            inner: Arc::clone(&inner) as Arc<dyn Queue>,
            vitals: Arc::clone(&vitals),
        };
        inner.send("a");
        let receipt = queue.receive(1, Duration::ZERO, VISIBILITY).await.unwrap().remove(0).receipt;
        queue.extend(std::slice::from_ref(&receipt), VISIBILITY).await.unwrap();
        tokio::time::advance(VISIBILITY * 2).await;
        queue.extend(&[receipt], VISIBILITY).await.unwrap();
        let page = vitals.metrics.encode();
        for outcome in ["renewed", "lost"] {
            let line = format!("forebay_lease_renewals_total{{lane=\"free-light\",outcome=\"{outcome}\"}} 1");
            assert!(page.contains(&line), "{line}\n{page}");
        }
    }
}

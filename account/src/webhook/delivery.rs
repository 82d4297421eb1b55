//! One delivery: what becomes of it after each try.

use forebay_contract::JobId;

use super::{
    schedule,
    shown::{DeliveryBody, DeliveryError, DeliveryState, LastAttempt},
};
use forebay_admission::webhook::{DeliveryId, Event, WebhookId};

/// 410: the target wants nothing more, ever (Standard Webhooks).
const GONE: u16 = 410;

/// A delivery as its object keeps it: a row of `deliveries`. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its `webhook-id`, the same at each try.
    pub id: DeliveryId,
    /// Whom it is for.
    pub webhook: WebhookId,
    /// What it tells.
    pub event: Event,
    /// Of which job; none for tests.
    pub job_id: Option<JobId>,
    /// What is posted.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries in all.
    pub attempts: u32,
    /// Tries since the schedule began.
    pub tries: u32,
    /// When it was written.
    pub created_ms: u64,
    /// When the schedule began: anew with each replay.
    pub began_ms: u64,
    /// When it is tried next; none once it is over.
    pub next_ms: Option<u64>,
    /// The latest try.
    pub last_ms: Option<u64>,
    /// What was answered to it.
    pub status: Option<u16>,
    /// What was wrong with it.
    pub error: Option<DeliveryError>,
    /// How long it took.
    pub took_ms: Option<u64>,
}

/// What a new delivery tells.
#[derive(Debug, Clone, Copy)]
pub struct News {
    /// The event.
    pub event: Event,
    /// Its job; none for tests.
    pub job_id: Option<JobId>,
    /// What its id is made of.
    pub random: [u8; 10],
}

/// What a try means for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// It is done.
    Delivered,
    /// It is tried again.
    Again,
    /// It is over: that was the last try.
    GivenUp,
    /// It is over, and its endpoint wants nothing more.
    Gone,
}

impl Delivery {
    /// A new one, due at once.
    pub fn new(webhook: &WebhookId, what: News, payload: String, now_ms: u64) -> Self {
        Self {
            id: DeliveryId::new(now_ms, what.random),
            webhook: webhook.clone(),
            event: what.event,
            job_id: what.job_id,
            payload,
            state: DeliveryState::Pending,
            attempts: 0,
            tries: 0,
            created_ms: now_ms,
            began_ms: now_ms,
            next_ms: Some(now_ms),
            last_ms: None,
            status: None,
            error: None,
            took_ms: None,
        }
    }

    /// It is not tried, or not any more.
    pub fn give_up(&mut self) {
        (self.state, self.next_ms) = (DeliveryState::Failed, None);
    }

    /// Notes a try. What was called off meanwhile is not tried again, but a success is one all the same.
    pub fn settle(&mut self, attempt: &LastAttempt, random: u64) -> Consequence {
        let called_off = self.next_ms.is_none();
        self.attempts = self.attempts.saturating_add(1);
        self.tries = self.tries.saturating_add(1);
        (self.last_ms, self.took_ms) = (Some(attempt.at_ms), Some(attempt.took_ms));
        (self.status, self.error) = (attempt.status, attempt.error);
        self.next_ms = None;
        if attempt.error.is_none() {
            self.state = DeliveryState::Delivered;
            return Consequence::Delivered;
        }
        let gone = attempt.status == Some(GONE);
        // Somebody waits for a test's outcome: it is told at once.
        let once = gone || called_off || self.event == Event::WebhookTest;
        match schedule::wait_ms(self.tries, random).filter(|_| !once) {
            Some(wait_ms) => {
                self.next_ms = Some(attempt.at_ms.saturating_add(attempt.took_ms).saturating_add(wait_ms));
                Consequence::Again
            }
            None => {
                self.give_up();
                if gone { Consequence::Gone } else { Consequence::GivenUp }
            }
        }
    }

    /// Begins its schedule anew, under the same id.
    pub fn replay(&mut self, now_ms: u64) {
        self.state = DeliveryState::Pending;
        (self.tries, self.began_ms, self.next_ms) = (0, now_ms, Some(now_ms));
    }

    /// As its owner sees it.
    pub fn body(&self) -> DeliveryBody {
        let last = self.last_ms.map(|at_ms| LastAttempt {
            at_ms,
            status: self.status,
            error: self.error,
            took_ms: self.took_ms.unwrap_or(0),
        });
        DeliveryBody {
            id: self.id.clone(),
            event: self.event,
            job_id: self.job_id,
            state: self.state,
            attempts: self.attempts,
            created_ms: self.created_ms,
            next_attempt_ms: self.next_ms,
            last,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::example::{START_MS, queued};

    /// A delivery that is due at [`START_MS`].
    pub(crate) fn pending() -> Delivery {
        let news = News { event: Event::JobSucceeded, job_id: Some(queued().id), random: [1; 10] };
        Delivery::new(&WebhookId::new([1; 12]), news, "{}".to_owned(), START_MS)
    }

    fn answered(status: u16) -> LastAttempt {
        LastAttempt::answered(START_MS, 10, status)
    }

    #[test]
    fn an_answer_says_what_becomes_of_it() {
        use Consequence::{Again, Delivered, Gone};
        use DeliveryError::{Redirect, Status, Timeout};
        for (attempt, consequence, state, error) in [
            (answered(200), Delivered, DeliveryState::Delivered, None),
            (answered(299), Delivered, DeliveryState::Delivered, None),
            (answered(301), Again, DeliveryState::Pending, Some(Redirect)),
            (answered(304), Again, DeliveryState::Pending, Some(Redirect)),
            (answered(404), Again, DeliveryState::Pending, Some(Status)),
            (answered(410), Gone, DeliveryState::Failed, Some(Status)),
            (answered(500), Again, DeliveryState::Pending, Some(Status)),
            (LastAttempt::failed(START_MS, 15_000, Timeout), Again, DeliveryState::Pending, Some(Timeout)),
        ] {
            let mut delivery = pending();
            assert_eq!(delivery.settle(&attempt, 0), consequence, "{attempt:?}");
            assert_eq!((delivery.state, delivery.error, delivery.attempts), (state, error, 1), "{attempt:?}");
            assert_eq!(delivery.next_ms.is_some(), state == DeliveryState::Pending);
            assert_eq!(delivery.body().last, Some(attempt));
        }
    }

    #[test]
    fn the_tenth_failure_is_the_last_until_it_is_replayed() {
        let mut delivery = pending();
        for _ in 1..10 {
            assert_eq!(delivery.settle(&answered(500), 7), Consequence::Again);
        }
        assert_eq!(delivery.settle(&answered(500), 7), Consequence::GivenUp);
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Failed, 10));
        delivery.replay(START_MS + 99);
        assert_eq!((delivery.state, delivery.next_ms), (DeliveryState::Pending, Some(START_MS + 99)));
        assert_eq!(delivery.settle(&answered(500), 7), Consequence::Again);
        assert_eq!(delivery.attempts, 11);
    }

    #[test]
    fn a_test_is_tried_once_and_what_was_called_off_is_not_tried_again() {
        let mut test = Delivery { event: Event::WebhookTest, ..pending() };
        assert_eq!(test.settle(&answered(500), 0), Consequence::GivenUp);
        let mut called_off = pending();
        called_off.give_up();
        let mut failed = called_off.clone();
        failed.settle(&answered(500), 0);
        assert_eq!((failed.state, failed.next_ms), (DeliveryState::Failed, None));
        let mut arrived = called_off;
        assert_eq!(arrived.settle(&answered(204), 0), Consequence::Delivered);
        assert_eq!(arrived.state, DeliveryState::Delivered);
    }

    proptest! {
        #[test]
        fn a_delivery_is_pending_exactly_while_it_has_a_next_try(
            story in prop::collection::vec((100u16..600, any::<bool>(), any::<u64>()), 0..40),
        ) {
            let mut delivery = pending();
            for (status, replayed, random) in story {
                if replayed {
                    delivery.replay(START_MS);
                } else if delivery.next_ms.is_some() {
                    delivery.settle(&answered(status), random);
                }
                prop_assert_eq!(delivery.next_ms.is_some(), delivery.state == DeliveryState::Pending);
                prop_assert!(delivery.tries <= delivery.attempts && delivery.tries <= 10);
            }
        }
    }
}

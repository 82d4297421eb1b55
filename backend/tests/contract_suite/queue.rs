use std::time::Duration;

use async_trait::async_trait;
use forebay_backend::queue::{MAX_PER_CALL, Message, Queue, Refused};
use tokio::time::{Instant, sleep};

/// SQS brings a message back up to a second after its visibility timeout, and counts in whole seconds.
pub(crate) const VISIBILITY: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_secs(6);
const NOT_YET: Duration = Duration::from_secs(1);
/// A visibility timeout that ends within no test, however slow the machine: what comes again did not wait for its end.
const LONG: Duration = Duration::from_secs(60);

/// One queue with its own dead letters.
#[async_trait]
pub(crate) trait QueueUnderTest: Sync {
    fn queue(&self) -> &dyn Queue;
    async fn send(&self, body: &str);
    /// The bodies among the dead letters so far.
    async fn dead_letters(&self) -> Vec<String>;
    /// After so many deliveries a message is dead.
    const MAX_RECEIVES: u32;

    async fn receive(&self, wait: Duration) -> Vec<Message> {
        self.queue().receive(MAX_PER_CALL, wait, VISIBILITY).await.unwrap()
    }

    /// Held for longer than any test.
    async fn hold_one(&self) -> Message {
        let mut messages = self.queue().receive(1, LATE, LONG).await.unwrap();
        assert_eq!(messages.len(), 1, "one message within {LATE:?}");
        messages.remove(0)
    }

    async fn receive_one(&self, wait: Duration) -> Message {
        let mut messages = self.receive(wait).await;
        assert_eq!(messages.len(), 1, "one message within {wait:?}");
        messages.remove(0)
    }
}

pub(crate) async fn a_message_comes_whole_and_only_once_within_its_visibility_timeout(test: &impl QueueUnderTest) {
    let body = "{\"text\": \"Ünïcödé & <xml>\\n\"}";
    test.send(body).await;
    let message = test.hold_one().await;
    assert_eq!((message.body.as_str(), message.receive_count), (body, 1));
    assert_eq!(test.receive(Duration::ZERO).await, []);
}

pub(crate) async fn an_expired_lease_redelivers_and_counts(test: &impl QueueUnderTest) {
    test.send("a").await;
    let first = test.receive_one(LATE).await;
    let again = test.receive_one(LATE).await;
    assert_eq!((again.body.as_str(), again.receive_count), ("a", 2));
    assert_ne!(first.receipt, again.receipt);
}

pub(crate) async fn an_extended_lease_hides_from_then_on(test: &impl QueueUnderTest) {
    test.send("a").await;
    // Not over before it is extended.
    let message = test.queue().receive(1, LATE, VISIBILITY * 2).await.unwrap().remove(0);
    sleep(NOT_YET).await;
    let long = Duration::from_secs(10);
    let extended = Instant::now();
    assert_eq!(test.queue().extend(&[message.receipt], long).await.unwrap(), []);
    assert_eq!(test.receive(VISIBILITY * 2 + NOT_YET).await, [], "beyond the first timeout");
    let again = test.receive_one(LATE * 2).await;
    assert_eq!(again.receive_count, 2);
    assert!(extended.elapsed() >= long - NOT_YET, "came back after {:?}", extended.elapsed());
}

pub(crate) async fn ten_leases_change_with_one_call(test: &impl QueueUnderTest) {
    for number in 0..MAX_PER_CALL {
        test.send(&number.to_string()).await;
    }
    let mut receipts = Vec::new();
    let deadline = Instant::now() + LATE;
    while receipts.len() < MAX_PER_CALL && Instant::now() < deadline {
        let messages = test.queue().receive(MAX_PER_CALL, NOT_YET, Duration::from_secs(60)).await.unwrap();
        receipts.extend(messages.into_iter().map(|message| message.receipt));
    }
    assert_eq!(receipts.len(), MAX_PER_CALL);
    assert_eq!(test.queue().extend(&receipts, VISIBILITY).await.unwrap(), []);
    let mut again = Vec::new();
    let deadline = Instant::now() + LATE * 2;
    while again.len() < MAX_PER_CALL && Instant::now() < deadline {
        let messages = test.queue().receive(MAX_PER_CALL, NOT_YET, Duration::from_secs(60)).await.unwrap();
        again.extend(messages.into_iter().map(|message| (message.body, message.receive_count)));
    }
    again.sort();
    let twice: Vec<(String, u32)> = (0..MAX_PER_CALL).map(|number| (number.to_string(), 2)).collect();
    assert_eq!(again, twice, "each came back after the new timeout and long before the first one's end");
}

pub(crate) async fn what_is_given_back_comes_at_once(test: &impl QueueUnderTest) {
    test.send("a").await;
    let message = test.hold_one().await;
    assert_eq!(test.queue().give_back(&[message.receipt], Duration::ZERO).await.unwrap(), []);
    assert_eq!(test.receive_one(LATE).await.receive_count, 2, "long before its visibility timeout would have ended");
}

pub(crate) async fn what_is_postponed_comes_later(test: &impl QueueUnderTest) {
    test.send("a").await;
    let message = test.hold_one().await;
    assert_eq!(test.queue().give_back(&[message.receipt], LATE).await.unwrap(), []);
    assert_eq!(test.receive(NOT_YET).await, []);
    assert_eq!(
        test.receive_one(LATE * 2).await.receive_count,
        2,
        "long before its visibility timeout would have ended"
    );
}

pub(crate) async fn what_is_deleted_never_comes_again(test: &impl QueueUnderTest) {
    test.send("a").await;
    let receipt = test.receive_one(LATE).await.receipt;
    for _ in 0..2 {
        assert_eq!(test.queue().delete(std::slice::from_ref(&receipt)).await.unwrap(), [], "deleting is idempotent");
    }
    assert_eq!(test.receive(VISIBILITY + Duration::from_secs(2)).await, []);
}

pub(crate) async fn a_deleted_message_cannot_be_extended(test: &impl QueueUnderTest) {
    test.send("a").await;
    let receipt = test.receive_one(LATE).await.receipt;
    test.queue().delete(std::slice::from_ref(&receipt)).await.unwrap();
    let refused = test.queue().extend(std::slice::from_ref(&receipt), VISIBILITY).await.unwrap();
    assert_eq!(refused, [Refused { receipt, gone: true }]);
}

pub(crate) async fn one_refusal_leaves_the_rest_of_a_batch_alone(test: &impl QueueUnderTest) {
    for body in ["a", "b"] {
        test.send(body).await;
    }
    let mut receipts = Vec::new();
    let deadline = Instant::now() + LATE;
    while receipts.len() < 2 && Instant::now() < deadline {
        let messages = test.queue().receive(MAX_PER_CALL, NOT_YET, LONG).await.unwrap();
        receipts.extend(messages.into_iter().map(|message| message.receipt));
    }
    test.queue().delete(&receipts[..1]).await.unwrap();
    let refused = test.queue().give_back(&receipts, Duration::ZERO).await.unwrap();
    assert!(refused.iter().all(|refused| refused.receipt == receipts[0]), "{refused:?}");
    assert_eq!(test.receive_one(LATE).await.receive_count, 2);
}

pub(crate) async fn no_more_than_asked_for_are_received(test: &impl QueueUnderTest) {
    for number in 0..7 {
        test.send(&number.to_string()).await;
    }
    let mut bodies = Vec::new();
    let deadline = Instant::now() + LATE;
    while bodies.len() < 7 && Instant::now() < deadline {
        let messages = test.queue().receive(3, NOT_YET, Duration::from_secs(30)).await.unwrap();
        assert!(messages.len() <= 3);
        bodies.extend(messages.into_iter().map(|message| message.body));
    }
    bodies.sort();
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6"]);
}

pub(crate) async fn what_is_sent_twice_comes_twice(test: &impl QueueUnderTest) {
    for _ in 0..2 {
        test.send("a").await;
    }
    let mut receipts = Vec::new();
    let deadline = Instant::now() + LATE;
    while receipts.len() < 2 && Instant::now() < deadline {
        let messages = test.queue().receive(MAX_PER_CALL, NOT_YET, Duration::from_secs(30)).await.unwrap();
        receipts.extend(messages.into_iter().map(|message| message.receipt));
    }
    assert_eq!(receipts.len(), 2);
    test.queue().delete(&receipts[..1]).await.unwrap();
    assert_eq!(
        test.queue().give_back(&receipts[1..], Duration::ZERO).await.unwrap(),
        [],
        "the other one is still there"
    );
    assert_eq!(test.receive_one(LATE).await.receive_count, 2);
}

pub(crate) async fn receivers_at_the_same_time_never_share_a_message(test: &impl QueueUnderTest) {
    for number in 0..20 {
        test.send(&format!("{number:02}")).await;
    }
    let receiver = || async {
        let mut bodies = Vec::new();
        let mut empty = 0;
        while empty < 2 {
            let messages = test.queue().receive(3, NOT_YET, Duration::from_secs(60)).await.unwrap();
            empty = if messages.is_empty() { empty + 1 } else { 0 };
            bodies.extend(messages.into_iter().map(|message| message.body));
        }
        bodies
    };
    let (one, two, three) = tokio::join!(receiver(), receiver(), receiver());
    let mut bodies = [one, two, three].concat();
    bodies.sort();
    assert_eq!(bodies, (0..20).map(|number| format!("{number:02}")).collect::<Vec<_>>(), "each once, in any order");
}

pub(crate) async fn a_long_poll_wakes_when_a_message_comes(test: &impl QueueUnderTest) {
    let started = Instant::now();
    let (message, ()) = tokio::join!(test.receive_one(Duration::from_secs(15)), async {
        sleep(NOT_YET).await;
        test.send("late").await;
    });
    assert_eq!(message.body, "late");
    assert!(started.elapsed() < Duration::from_secs(14), "woke after {:?}", started.elapsed());
}

pub(crate) async fn an_empty_poll_ends_when_its_time_is_up(test: &impl QueueUnderTest) {
    let started = Instant::now();
    assert_eq!(test.receive(NOT_YET).await, []);
    let waited = started.elapsed();
    assert!((NOT_YET..NOT_YET * 10).contains(&(waited + Duration::from_millis(50))), "{waited:?}");
}

pub(crate) async fn a_message_that_is_received_too_often_is_dead(test: &impl QueueUnderTest) {
    async fn give_back<T: QueueUnderTest>(test: &T, count: u32) {
        let message = test.receive_one(LATE).await;
        assert_eq!(message.receive_count, count);
        test.queue().give_back(&[message.receipt], Duration::ZERO).await.unwrap();
    }
    test.send("poison").await;
    for count in 1..=max_receives(test) {
        give_back(test, count).await;
    }
    let deadline = Instant::now() + LATE * 2;
    while test.dead_letters().await.is_empty() && Instant::now() < deadline {
        assert_eq!(test.receive(NOT_YET).await, []);
    }
    assert_eq!(test.dead_letters().await, ["poison"]);
}

fn max_receives<T: QueueUnderTest>(_: &T) -> u32 {
    T::MAX_RECEIVES
}

/// One test a claim, each over its own queue; `$test` is the attribute that makes a function a test.
#[macro_export]
macro_rules! queue_contract {
    (@each [$test:meta] $make:ident $($name:ident)*) => {
        $($crate::queue_contract! { @one [$test] $make $name })*
    };
    (@one [$test:meta] $make:ident $name:ident) => {
        #[$test]
        async fn $name() {
            contract_suite::queue::$name(&$make().await).await;
        }
    };
    ([$test:meta] $make:ident) => {
        $crate::queue_contract! { @each [$test] $make
            a_message_comes_whole_and_only_once_within_its_visibility_timeout
            an_expired_lease_redelivers_and_counts
            an_extended_lease_hides_from_then_on
            ten_leases_change_with_one_call
            what_is_given_back_comes_at_once
            what_is_postponed_comes_later
            what_is_deleted_never_comes_again
            a_deleted_message_cannot_be_extended
            one_refusal_leaves_the_rest_of_a_batch_alone
            no_more_than_asked_for_are_received
            what_is_sent_twice_comes_twice
            receivers_at_the_same_time_never_share_a_message
            a_long_poll_wakes_when_a_message_comes
            an_empty_poll_ends_when_its_time_is_up
            a_message_that_is_received_too_often_is_dead
        }
    };
}

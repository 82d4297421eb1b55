//! The in-memory queue and store pass the contract that LocalStack's pass, with a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod contract_suite;

mod queue {
    use async_trait::async_trait;
    use forebay_backend::queue::{MemoryQueue, MemoryQueueSettings, Queue};

    use crate::contract_suite::{self, queue::QueueUnderTest};

    pub(super) struct Memory(pub(super) MemoryQueue);

    #[async_trait]
    impl QueueUnderTest for Memory {
        const MAX_RECEIVES: u32 = 3;

        fn queue(&self) -> &dyn Queue {
            &self.0
        }

        async fn send(&self, body: &str) {
            self.0.send(body);
        }

        async fn dead_letters(&self) -> Vec<String> {
            self.0.dead_letters()
        }
    }

    async fn memory() -> Memory {
        Memory(MemoryQueue::new(MemoryQueueSettings { max_receives: Memory::MAX_RECEIVES }))
    }

    crate::queue_contract! { [tokio::test(start_paused = true)] memory }
}

/// The same where order is not kept: what passes here relies on no order.
mod disorderly_queue {
    use std::time::Duration;

    use forebay_backend::queue::{Disorder, MAX_PER_CALL, MemoryQueue, MemoryQueueSettings};

    use crate::{
        contract_suite::{self, queue::QueueUnderTest},
        queue::Memory,
    };

    fn disorderly(doubles_per_mille: u64) -> Memory {
        // The constants of Knuth's MMIX; the low bits of such a generator are poor.
        let mut state = 1_u64;
        let random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let settings = MemoryQueueSettings { max_receives: Memory::MAX_RECEIVES };
        Memory(MemoryQueue::disorderly(settings, Disorder::new(random, doubles_per_mille)))
    }

    async fn without_doubles() -> Memory {
        disorderly(0)
    }

    crate::queue_contract! { [tokio::test(start_paused = true)] without_doubles }

    #[tokio::test(start_paused = true)]
    async fn messages_come_in_another_order_than_they_were_sent() {
        let test = disorderly(0);
        let sent: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        for body in &sent {
            test.send(body).await;
        }
        let messages = test.receive(Duration::ZERO).await;
        let received: Vec<String> = messages.into_iter().map(|message| message.body).collect();
        assert_ne!(received, sent);
        assert_eq!(received.len(), MAX_PER_CALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubled_delivery_leaves_its_message_visible() {
        let test = disorderly(1000);
        test.send("a").await;
        let (first, second) = (test.receive_one(Duration::ZERO).await, test.receive_one(Duration::ZERO).await);
        assert_eq!((first.receive_count, second.receive_count), (1, 2));
        test.queue().delete(&[first.receipt]).await.unwrap();
        assert!(test.receive(Duration::ZERO).await.is_empty(), "either delivery deletes it");
    }
}

mod store {
    use forebay_backend::store::MemoryStore;

    use crate::contract_suite;

    async fn memory() -> MemoryStore {
        MemoryStore::default()
    }

    crate::store_contract! { memory }
}

//! The in-memory queue and store pass the contract that LocalStack's pass, with a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod contract_suite;

mod queue {
    use async_trait::async_trait;
    use forebay_backend::queue::{MemoryQueue, MemoryQueueSettings, Queue};

    use crate::contract_suite::{self, queue::QueueUnderTest};

    struct Memory(MemoryQueue);

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

mod store {
    use forebay_backend::store::MemoryStore;

    use crate::contract_suite;

    async fn memory() -> MemoryStore {
        MemoryStore::default()
    }

    crate::store_contract! { memory }
}

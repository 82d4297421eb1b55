//! SQS and S3 as LocalStack has them pass the contract. Runs only when it is named, since it needs LocalStack:
//! `FOREBAY_TEST_LOCALSTACK=http://127.0.0.1:4566 cargo test -p forebay-backend --test localstack`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod contract_suite;
mod emulated_aws;
#[path = "world/manifests.rs"]
mod manifests;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;

async fn config() -> SdkConfig {
    emulated_aws::config(&emulated_aws::localstack()).await
}

/// A name that no other run has.
fn name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("contract-{since}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

mod queue {
    use async_trait::async_trait;
    use aws_sdk_sqs::{Client, types::QueueAttributeName};
    use forebay_backend::{
        aws,
        queue::{Queue, SqsQueue},
    };

    use super::{config, name};
    use crate::contract_suite::{self, queue::QueueUnderTest};

    struct Sqs {
        client: Client,
        url: String,
        dead_url: String,
        queue: SqsQueue,
    }

    #[async_trait]
    impl QueueUnderTest for Sqs {
        const MAX_RECEIVES: u32 = 3;

        fn queue(&self) -> &dyn Queue {
            &self.queue
        }

        async fn send(&self, body: &str) {
            self.client.send_message().queue_url(&self.url).message_body(body).send().await.unwrap();
        }

        async fn dead_letters(&self) -> Vec<String> {
            let dead = self.client.receive_message().queue_url(&self.dead_url).visibility_timeout(0);
            let dead = dead.send().await.unwrap().messages.unwrap_or_default();
            dead.into_iter().filter_map(|message| message.body).collect()
        }
    }

    async fn sqs() -> Sqs {
        let client = aws::sqs(&config().await);
        let name = name();
        let dead = client.create_queue().queue_name(format!("{name}-dlq")).send().await.unwrap();
        let dead_url = dead.queue_url.unwrap();
        let policy = format!(
            "{{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:{name}-dlq\",\"maxReceiveCount\":\"{}\"}}",
            Sqs::MAX_RECEIVES
        );
        let queue = client.create_queue().queue_name(&name).attributes(QueueAttributeName::RedrivePolicy, policy);
        let url = queue.send().await.unwrap().queue_url.unwrap();
        Sqs { queue: SqsQueue::new(client.clone(), &url), client, url, dead_url }
    }

    crate::queue_contract! { [tokio::test] sqs }
}

mod store {
    use forebay_backend::{aws, store::S3Store};

    use super::{config, name};
    use crate::contract_suite;

    async fn s3() -> S3Store {
        let client = aws::s3(&config().await);
        let bucket = name();
        client.create_bucket().bucket(&bucket).send().await.unwrap();
        S3Store::new(client, bucket)
    }

    crate::store_contract! { s3 }
}

mod shelf {
    use std::{path::Path, sync::Arc, time::Duration};

    use aws_sdk_s3::primitives::ByteStream;
    use forebay_backend::{
        aws,
        model::{FetchLimits, Registry, S3Shelf, Shelf},
    };
    use sha2::{Digest as _, Sha256};

    use super::{config, manifests, name};

    #[tokio::test]
    async fn a_model_is_fetched_and_what_is_there_is_not_fetched_again() {
        let (config, bucket) = (config().await, name());
        let client = aws::s3(&config);
        client.create_bucket().bucket(&bucket).send().await.unwrap();
        let weights: Vec<u8> = (0..3_000_000_u32).map(|byte| (byte % 251) as u8).collect();
        let sha256 = hex::encode(Sha256::digest(&weights));
        let rest = format!(
            "task = \"tensor\"\ninput = {{ kind = \"tensor\", max_bytes = 9 }}\n[tensor]\nshape = [2]\n\
             [weights]\nsha256 = \"{sha256}\"\n"
        );
        let manifest = manifests::toml("m@1", &rest);
        for (key, body) in [("m/1/model.toml", manifest.into_bytes()), ("m/1/model.pt", weights.clone())] {
            let put = client.put_object().bucket(&bucket).key(format!("models/{key}"));
            put.body(ByteStream::from(body)).send().await.unwrap();
        }
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&bucket);
        let folder = cache.join("m/1");
        std::fs::create_dir_all(&folder).unwrap();
        // Broke off before: goes on from there, which the checksum shows to be right.
        std::fs::write(folder.join("model.pt.part"), &weights[..1_234_567]).unwrap();

        let limits = FetchLimits { timeout: Duration::from_secs(30), max_bytes: 10_000_000 };
        let shelf = S3Shelf::at(&format!("s3://{bucket}/models"), || client.clone()).unwrap();
        let (registry, complaints) =
            Registry::scan_shelf(Arc::new(shelf) as Arc<dyn Shelf>, &cache, limits).await.unwrap();
        assert!(complaints.is_empty(), "{complaints:?}");
        let model = registry.open("m@1").await.unwrap().unwrap();
        assert!(std::fs::read(&model.manifest.weights).unwrap() == weights);

        client.delete_object().bucket(&bucket).key("models/m/1/model.pt").send().await.unwrap();
        let shelf = S3Shelf::at(&format!("s3://{bucket}/models"), || client.clone()).unwrap();
        let (registry, _) = Registry::scan_shelf(Arc::new(shelf) as Arc<dyn Shelf>, &cache, limits).await.unwrap();
        assert!(registry.open("m@1").await.unwrap().is_ok());
        std::fs::remove_dir_all(&cache).unwrap();
    }
}

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use forebay_backend::aws;
use tokio::time::{Instant, sleep};

use crate::emulated_aws;

/// A lane with its dead letters, and a bucket, of one test.
pub(crate) struct Cloud {
    endpoint: String,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    pub(crate) bucket: String,
    pub(crate) lane_url: String,
    pub(crate) dead_url: String,
}

/// One message as it was received.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) receipt: String,
    pub(crate) body: String,
    pub(crate) receive_count: String,
    pub(crate) queue_arn: String,
}

impl Cloud {
    pub(crate) async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let endpoint = emulated_aws::localstack();
        let config = emulated_aws::config(&endpoint).await;
        let (sqs, s3) = (aws::sqs(&config), aws::s3(&config));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let bucket = format!("lambda-{since}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        s3.create_bucket().bucket(&bucket).send().await.unwrap();
        let dead = sqs.create_queue().queue_name(format!("{bucket}-free-light-dlq")).send().await.unwrap();
        let policy = format!(
            "{{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:{bucket}-free-light-dlq\",\
             \"maxReceiveCount\":\"1\"}}"
        );
        let lane = sqs.create_queue().queue_name(format!("{bucket}-free-light"));
        let lane = lane.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.unwrap();
        Self { endpoint, sqs, s3, bucket, lane_url: lane.queue_url.unwrap(), dead_url: dead.queue_url.unwrap() }
    }

    /// What a function needs to be told.
    pub(crate) fn environment(&self, edge_url: &str, secret: &str) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("FOREBAY_BUCKET", &self.bucket),
            ("FOREBAY_EDGE_URL", edge_url),
            ("FOREBAY_REPORT_SECRET", secret),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    pub(crate) async fn send(&self, bodies: &[String]) {
        for body in bodies {
            self.sqs.send_message().queue_url(&self.lane_url).message_body(body).send().await.unwrap();
        }
    }

    /// Sends to the lane and receives until all are dead.
    pub(crate) async fn bury(&self, bodies: &[String]) {
        self.send(bodies).await;
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.count(&self.dead_url).await < bodies.len() {
            assert!(Instant::now() < deadline, "not all messages died");
            let taken = self.sqs.receive_message().queue_url(&self.lane_url).max_number_of_messages(10);
            taken.visibility_timeout(0).send().await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn receive(&self, url: &str, count: usize) -> Vec<Delivery> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let name = url.rsplit('/').next().unwrap();
        let mut all = Vec::new();
        while all.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} messages came", all.len());
            let asked = self.sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(1);
            let asked = asked.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
            for message in asked.send().await.unwrap().messages.unwrap_or_default() {
                let attributes = message.attributes.unwrap_or_default();
                all.push(Delivery {
                    id: message.message_id.unwrap(),
                    receipt: message.receipt_handle.unwrap(),
                    body: message.body.unwrap(),
                    receive_count: attributes[&MessageSystemAttributeName::ApproximateReceiveCount].clone(),
                    queue_arn: format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
                });
            }
        }
        all
    }

    /// As an event source mapping does: deletes all but those that are wanted again.
    pub(crate) async fn delete(&self, url: &str, messages: &[Delivery], again: &[String]) {
        for message in messages.iter().filter(|message| !again.contains(&message.id)) {
            self.sqs.delete_message().queue_url(url).receipt_handle(&message.receipt).send().await.unwrap();
        }
    }

    pub(crate) async fn is_empty(&self, url: &str) -> bool {
        self.count(url).await == 0
    }

    async fn count(&self, url: &str) -> usize {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let asked = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.into()));
        let attributes = asked.send().await.unwrap().attributes.unwrap();
        attributes.values().map(|count| count.parse::<usize>().unwrap()).sum()
    }

    pub(crate) async fn put(&self, key: &str, body: &'static [u8]) {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(body);
        self.s3.put_object().bucket(&self.bucket).key(key).body(body).send().await.unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn has(&self, key: &str) -> bool {
        self.s3.head_object().bucket(&self.bucket).key(key).send().await.is_ok()
    }
}

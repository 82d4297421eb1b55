use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    error::DisplayErrorContext,
    types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName},
};

use super::{MAX_PER_CALL, Message, Queue, QueueError, Receipt, Refused};

/// One lane's SQS queue.
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at `url`.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

fn failed(error: impl std::error::Error) -> QueueError {
    QueueError(DisplayErrorContext(error).to_string())
}

/// SQS counts in whole seconds, and hides for 12 hours at most.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).min(43_200)
}

/// Codes with which SQS says that a delivery is over.
fn is_over(code: &str) -> bool {
    code.contains("ReceiptHandleIsInvalid") || code.contains("MessageNotInflight") || code.contains("InvalidParameter")
}

/// Entries of a batch call are named by their position.
fn refused(receipts: &[Receipt], failures: &[aws_sdk_sqs::types::BatchResultErrorEntry]) -> Vec<Refused> {
    let entry = |failure: &aws_sdk_sqs::types::BatchResultErrorEntry| {
        let position: usize = failure.id().parse().ok()?;
        Some(Refused { receipt: receipts.get(position)?.clone(), gone: is_over(failure.code()) })
    };
    failures.iter().filter_map(entry).collect()
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(max.clamp(1, MAX_PER_CALL) as i32)
            .wait_time_seconds(whole_seconds(wait).min(20))
            .visibility_timeout(whole_seconds(visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(failed)?;
        let message = |message: aws_sdk_sqs::types::Message| {
            let receive_count = message
                .attributes()
                .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount))
                .and_then(|count| count.parse().ok())
                .unwrap_or(1);
            Some(Message { receipt: Receipt(message.receipt_handle?), body: message.body?, receive_count })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    async fn extend(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Refused>, QueueError> {
        let entries = receipts.iter().enumerate().map(|(position, receipt)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(position.to_string())
                .receipt_handle(&receipt.0)
                .visibility_timeout(whole_seconds(visibility))
                .build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let answer = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(failed)?;
        Ok(refused(receipts, answer.failed()))
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
        let entries = receipts.iter().enumerate().map(|(position, receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(position.to_string()).receipt_handle(&receipt.0).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let answer = self
            .client
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(failed)?;
        Ok(refused(receipts, answer.failed()))
    }
}

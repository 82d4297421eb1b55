//! SendMessageBatch over SQS's JSON protocol.

use forebay_account::platform::{AwsError, Taken};
use serde::{Deserialize, Serialize};

use super::{
    Signer,
    send::post,
    sigv4::{Payload, Signable},
};

const TIMEOUT_MS: u64 = 10_000;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a> {
    queue_url: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    id: String,
    message_body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_attributes: Option<Attributes<'a>>,
}

/// What tools between here and the worker read without opening the message.
#[derive(Serialize)]
struct Attributes<'a> {
    traceparent: Attribute<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    data_type: &'static str,
    string_value: &'a str,
}

/// The part of a message that is said again as an attribute.
#[derive(Deserialize)]
struct Traced<'a> {
    #[serde(borrow)]
    traceparent: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn new(id: usize, message_body: &'a str) -> Self {
        let traceparent = serde_json::from_str::<Traced<'_>>(message_body).ok().and_then(|traced| traced.traceparent);
        let attribute = |string_value| Attributes { traceparent: Attribute { data_type: "String", string_value } };
        Self { id: id.to_string(), message_body, message_attributes: traceparent.map(attribute) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    successful: Vec<EntryAnswer>,
    #[serde(default)]
    failed: Vec<EntryFailure>,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryFailure {
    id: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    sender_fault: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntryAnswer {
    id: String,
}

/// Sends up to `MAX_BATCH` messages; one answer each.
pub async fn send_batch(
    signer: &Signer,
    now_ms: u64,
    queue_url: &str,
    messages: &[&str],
) -> Result<Vec<Taken>, AwsError> {
    let entries = messages.iter().enumerate().map(|(id, message)| Entry::new(id, message)).collect();
    let answer = send_entries(signer, now_ms, queue_url, entries).await?;
    taken(&answer, messages.len()).map_err(AwsError::Unexpected)
}

async fn send_entries(
    signer: &Signer,
    now_ms: u64,
    queue_url: &str,
    entries: Vec<Entry<'_>>,
) -> Result<String, AwsError> {
    let body = serde_json::to_string(&Batch { queue_url, entries })
        .map_err(|error| AwsError::Unexpected(error.to_string()))?;
    let request = Signable {
        service: "sqs",
        method: "POST",
        url: endpoint(queue_url),
        headers: &[
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amz-target", "AmazonSQS.SendMessageBatch".to_owned()),
        ],
        body: Payload::Bytes(body.as_bytes()),
    };
    post(signer, now_ms, &request, &body, TIMEOUT_MS).await
}

/// Whether a queue is there and takes messages of ours: a batch without any is refused as such, which needs no right but
/// the one to send.
pub async fn ask(signer: &Signer, now_ms: u64, queue_url: &str) -> Result<(), AwsError> {
    match send_entries(signer, now_ms, queue_url, Vec::new()).await {
        Ok(_) => Ok(()),
        Err(AwsError::Status { body, .. }) if body.contains("EmptyBatchRequest") => Ok(()),
        Err(error) => Err(error),
    }
}

/// The service's address: the queue URL up to and with the first slash of its path.
fn endpoint(queue_url: &str) -> &str {
    let path = queue_url.find("://").map_or(0, |scheme| scheme + 3);
    let end = queue_url.get(path..).and_then(|rest| rest.find('/')).map_or(queue_url.len(), |slash| path + slash + 1);
    queue_url.get(..end).unwrap_or(queue_url)
}

fn taken(answer: &str, sent: usize) -> Result<Vec<Taken>, String> {
    let answer: Answer = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let mut taken = vec![Taken::NotNow; sent];
    let failed = answer.failed.into_iter().map(|entry| match entry.sender_fault {
        true => (entry.id, Taken::Never(entry.code)),
        false => (entry.id, Taken::NotNow),
    });
    for (id, became) in failed.chain(answer.successful.into_iter().map(|entry| (entry.id, Taken::Yes))) {
        if let Some(message) = id.parse().ok().and_then(|id: usize| taken.get_mut(id)) {
            *message = became;
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_to_the_root_of_the_queues_host() {
        for (queue_url, expect) in [
            ("https://sqs.eu-west-1.amazonaws.com/123/forebay-paid-light", "https://sqs.eu-west-1.amazonaws.com/"),
            ("http://127.0.0.1:4566/queue/us-east-1/000000000000/q", "http://127.0.0.1:4566/"),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(endpoint(queue_url), expect);
        }
    }

    #[test]
    fn only_what_the_answer_names_was_taken() {
        let answer = r#"{"Successful":[{"Id":"0","MessageId":"x"},{"Id":"9"}],"Failed":[
            {"Id":"2","SenderFault":true,"Code":"InvalidMessageContents","Message":"?"},
            {"Id":"3","SenderFault":false,"Code":"InternalError"}]}"#;
        let never = Taken::Never("InvalidMessageContents".to_owned());
        assert_eq!(taken(answer, 4), Ok(vec![Taken::Yes, Taken::NotNow, never, Taken::NotNow]));
        assert_eq!(taken("{}", 2), Ok(vec![Taken::NotNow; 2]));
        assert!(taken("<xml/>", 3).is_err());
    }

    #[test]
    fn the_body_is_what_sqs_documents() {
        let entries = vec![Entry::new(0, "{\"a\":1}")];
        assert_eq!(
            serde_json::to_string(&Batch { queue_url: "u", entries }).unwrap(),
            r#"{"QueueUrl":"u","Entries":[{"Id":"0","MessageBody":"{\"a\":1}"}]}"#
        );
    }

    #[test]
    fn a_trace_travels_as_an_attribute_too() {
        let entry = Entry::new(3, r#"{"a":{"traceparent":"no"},"traceparent":"00-1-2-01"}"#);
        let expect = r#"{"traceparent":{"DataType":"String","StringValue":"00-1-2-01"}}"#;
        assert_eq!(serde_json::to_string(&entry.message_attributes).unwrap(), expect);
    }
}

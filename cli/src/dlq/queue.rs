use std::{collections::HashSet, time::Duration};

use forebay_contract::Lane;
use serde_json::{Value, json};

use super::{dead_letter::DeadLetter, sqs::Sqs};
use crate::failure::Failure;

/// How long letters that are looked at stay hidden, should they not be released.
const HOLD: Duration = Duration::from_secs(60);
/// A queue that keeps its letters from one call may have some for the next.
const EMPTY_CALLS: u32 = 2;
const MAX_BATCH: usize = 10;

/// The dead letters of one lane.
pub(super) struct DeadLetterQueue {
    pub(super) lane: Lane,
    sqs: Sqs,
    lane_url: String,
    url: String,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: u64,
    /// Somebody looks at them, or the reaper has them.
    pub(super) hidden: u64,
}

/// A letter that nobody else sees for the moment.
pub(super) struct Held {
    pub(super) letter: DeadLetter,
    receipt: String,
    body: String,
    attributes: Value,
}

/// A move of all letters.
pub(super) struct Moving {
    pub(super) status: String,
    pub(super) moved: u64,
    pub(super) why: String,
}

impl Moving {
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "RUNNING" | "CANCELLING" | "")
    }
}

impl DeadLetterQueue {
    pub(super) fn of(queue_url_prefix: Option<&str>, lane: Lane) -> Result<Self, Failure> {
        let lane_url = lane.queue_url(checked(queue_url_prefix)?);
        let url = format!("{lane_url}-dlq");
        Ok(Self { lane, sqs: Sqs::of_environment(&url)?, lane_url, url })
    }

    /// The lanes that have a queue for dead letters.
    pub(super) fn lanes(queue_url_prefix: Option<&str>) -> Result<Vec<Lane>, Failure> {
        let prefix = checked(queue_url_prefix)?;
        let name = prefix.rsplit('/').next().unwrap_or_default();
        // SQS lists the first thousand and says when there are more: lanes are twenty at most.
        let call = json!({ "QueueNamePrefix": format!("{name}-") });
        let unlisted = |failure| match failure {
            Failure::Unanswered(words) => {
                Failure::Unanswered(format!("{words}; lanes that are named need no listing: forebay dlq list LANE"))
            }
            other => other,
        };
        let lanes = lanes(name, &Sqs::of_environment(prefix)?.call("ListQueues", &call).map_err(unlisted)?);
        if lanes.is_empty() {
            let words = format!("no dead-letter queues begin with {name}-: name the lanes, or see --queue-url-prefix");
            return Err(Failure::Usage(words));
        }
        Ok(lanes)
    }

    pub(super) fn counts(&self) -> Result<Counts, Failure> {
        let attributes = self.attributes(&self.url)?;
        let count = |name: &str| attributes.get(name).and_then(Value::as_str).and_then(|count| count.parse().ok());
        Ok(Counts {
            visible: count("ApproximateNumberOfMessages").unwrap_or(0),
            hidden: count("ApproximateNumberOfMessagesNotVisible").unwrap_or(0),
        })
    }

    /// Takes up to `most` letters, or until `enough` holds of one.
    pub(super) fn hold(&self, most: usize, enough: impl Fn(&DeadLetter) -> bool) -> Result<Vec<Held>, Failure> {
        let (mut held, mut seen, mut empty): (Vec<Held>, HashSet<String>, u32) = (Vec::new(), HashSet::new(), 0);
        while held.len() < most && empty < EMPTY_CALLS {
            let wanted = (most - held.len()).min(MAX_BATCH);
            let call = json!({
                "QueueUrl": self.url, "MaxNumberOfMessages": wanted, "VisibilityTimeout": HOLD.as_secs(),
                "WaitTimeSeconds": 1, "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"],
            });
            let answer = self.sqs.call("ReceiveMessage", &call)?;
            let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            empty = if messages.is_empty() { empty + 1 } else { 0 };
            let before = held.len();
            let fresh = messages.iter().map(Held::of).filter(|held| seen.insert(held.letter.message_id.clone()));
            held.extend(fresh);
            if held.iter().skip(before).any(|held| enough(&held.letter)) {
                break;
            }
        }
        Ok(held)
    }

    /// Lets others see them again.
    pub(super) fn release(&self, held: &[Held]) -> Result<(), Failure> {
        for held in held.chunks(MAX_BATCH) {
            let entry = |(id, held): (usize, &Held)| {
                let id = id.to_string();
                json!({ "Id": id, "ReceiptHandle": held.receipt, "VisibilityTimeout": 0 })
            };
            let entries: Vec<Value> = held.iter().enumerate().map(entry).collect();
            self.sqs.call("ChangeMessageVisibilityBatch", &json!({ "QueueUrl": self.url, "Entries": entries }))?;
        }
        Ok(())
    }

    pub(super) fn send_back(&self, held: &Held) -> Result<(), Failure> {
        let mut message = json!({ "QueueUrl": self.lane_url, "MessageBody": held.body });
        if let (Some(message), false) = (message.as_object_mut(), held.attributes.is_null()) {
            message.insert("MessageAttributes".to_owned(), held.attributes.clone());
        }
        self.sqs.call("SendMessage", &message)?;
        self.sqs.call("DeleteMessage", &json!({ "QueueUrl": self.url, "ReceiptHandle": held.receipt }))?;
        Ok(())
    }

    pub(super) fn start_moving(&self) -> Result<(), Failure> {
        let move_task = json!({ "SourceArn": self.arn(&self.url)?, "DestinationArn": self.arn(&self.lane_url)? });
        self.sqs.call("StartMessageMoveTask", &move_task).map(|_| ())
    }

    /// How far the latest move of letters is.
    pub(super) fn moving(&self) -> Result<Moving, Failure> {
        let answer =
            self.sqs.call("ListMessageMoveTasks", &json!({ "SourceArn": self.arn(&self.url)?, "MaxResults": 1 }))?;
        let task = answer.get("Results").and_then(|tasks| tasks.get(0)).cloned().unwrap_or_default();
        let text = |name: &str| task.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let moved = task.get("ApproximateNumberOfMessagesMoved").and_then(Value::as_u64).unwrap_or(0);
        Ok(Moving { status: text("Status"), moved, why: text("FailureReason") })
    }

    fn arn(&self, url: &str) -> Result<String, Failure> {
        let arn = self.attributes(url)?.get("QueueArn").and_then(Value::as_str).map(str::to_owned);
        arn.ok_or_else(|| Failure::Unanswered(format!("SQS does not say the ARN of {url}")))
    }

    fn attributes(&self, url: &str) -> Result<Value, Failure> {
        let answer = self.sqs.call("GetQueueAttributes", &json!({ "QueueUrl": url, "AttributeNames": ["All"] }))?;
        Ok(answer.get("Attributes").cloned().unwrap_or_default())
    }
}

fn checked(queue_url_prefix: Option<&str>) -> Result<&str, Failure> {
    queue_url_prefix.filter(|prefix| prefix.starts_with("http")).ok_or_else(|| {
        let words = "say where the queues are: --queue-url-prefix, or FOREBAY_QUEUE_URL_PREFIX, as infra's output says";
        Failure::Usage(words.to_owned())
    })
}

/// The lanes whose dead letters are among the queues that SQS lists.
fn lanes(prefix: &str, listed: &Value) -> Vec<Lane> {
    let urls = listed.get("QueueUrls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lane = |url: &Value| {
        let name = url.as_str()?.rsplit('/').next()?;
        name.strip_prefix(prefix)?.strip_prefix('-')?.strip_suffix("-dlq")?.parse().ok()
    };
    let mut lanes: Vec<Lane> = urls.iter().filter_map(lane).collect();
    lanes.sort_unstable();
    lanes
}

impl Held {
    fn of(message: &Value) -> Self {
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let attributes = message.get("MessageAttributes").cloned().unwrap_or_default();
        Self { letter: DeadLetter::of(message), receipt: text("ReceiptHandle"), body: text("Body"), attributes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_those_that_have_dead_letters() {
        let urls = ["p-free-light", "p-free-light-dlq", "p-acme-dlq", "p-paid-light-dlq", "q-x1-dlq"];
        let listed = json!({ "QueueUrls": urls.map(|name| format!("http://h/0/{name}")) });
        let names: Vec<String> = lanes("p", &listed).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["paid-light", "free-light", "acme"]);
        assert!(lanes("p", &Value::Null).is_empty());
    }
}

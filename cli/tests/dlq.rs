//! `forebay dlq` on real queues. Runs only when it is named, since it needs LocalStack:
//! `FOREBAY_TEST_LOCALSTACK=http://127.0.0.1:4566 cargo test -p forebay --test dlq`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use forebay_contract::{Digest, Input, InputRef, JobId, JobMessage, Lane, MediaType, Namespace, Parameters, ShardKey};
use serde_json::{Value, json};

struct Queues {
    endpoint: String,
    prefix: String,
}

impl Queues {
    /// Every lane with its dead letters, under a name that no other test has.
    fn new(test: &str) -> Self {
        let endpoint = std::env::var("FOREBAY_TEST_LOCALSTACK").expect(
            "FOREBAY_TEST_LOCALSTACK: found nothing; allowed is the address of a running LocalStack, such as \
             http://127.0.0.1:4566",
        );
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let mut this = Self { endpoint, prefix: String::new() };
        for lane in Lane::SHIPPED {
            for end in ["-dlq", ""] {
                let name = format!("{test}-{since}-{lane}{end}");
                // SQS moves messages only from a queue that is another one's for dead letters.
                let redrive = json!({
                    "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:000000000000:{name}-dlq"),
                    "maxReceiveCount": 20,
                });
                let attributes =
                    if end.is_empty() { json!({ "RedrivePolicy": redrive.to_string() }) } else { json!({}) };
                let answer = this.call("CreateQueue", &json!({ "QueueName": name, "Attributes": attributes }));
                let url = answer["QueueUrl"].as_str().unwrap();
                this.prefix = url.strip_suffix(&format!("-{lane}{end}")).unwrap().to_owned();
            }
        }
        this
    }

    fn call(&self, action: &str, body: &Value) -> Value {
        let request = ureq::post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request");
        let mut response = request.send(body.to_string()).unwrap();
        serde_json::from_slice(&response.body_mut().read_to_vec().unwrap()).unwrap_or_default()
    }

    fn bury(&self, body: &str) {
        let url = format!("{}-dlq", Lane::FREE_LIGHT.queue_url(&self.prefix));
        self.call("SendMessage", &json!({ "QueueUrl": url, "MessageBody": body }));
    }

    /// The bodies that wait in the lane.
    fn waiting(&self) -> Vec<String> {
        let url = Lane::FREE_LIGHT.queue_url(&self.prefix);
        let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
        let messages = self.call("ReceiveMessage", &asked)["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
    }

    fn forebay(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
        command.arg("dlq").args(arguments).env("FOREBAY_QUEUE_URL_PREFIX", &self.prefix);
        let keys = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        let output = command.envs(keys).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn job(number: u8) -> JobMessage {
    JobMessage {
        job_id: JobId::new(1_800_000_000_000, [number; 10], ShardKey::new("acme", 0)),
        account: "acme".to_owned(),
        model: "doubler".to_owned(),
        version: "1".to_owned(),
        parameters: Parameters::new(),
        digest: Digest::new(Namespace::Account("acme"), "doubler", "1", &Parameters::new(), &Input::empty()),
        input: InputRef::Inline { media_type: MediaType::Json, data: b"[31337, 2]".to_vec() },
        cost_ms: 1.0,
        accepted_ms: 1_800_000_000_000,
        deadline_ms: None,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    }
}

#[test]
fn dead_letters_are_counted_and_shown_without_what_they_hold() {
    let queues = Queues::new("dlq-shown");
    queues.bury(&job(1).to_json().unwrap());
    queues.bury("this is no job");
    let counts: Value = serde_json::from_str(&queues.forebay(&["list", "--json"])).unwrap();
    let free_light = counts.as_array().unwrap().iter().find(|row| row["lane"] == "free-light").unwrap();
    assert_eq!((free_light["messages"].as_u64(), counts.as_array().unwrap().len()), (Some(2), 4));

    // Looking hides nothing from the next look.
    for _ in 0..2 {
        let shown: Value = serde_json::from_str(&queues.forebay(&["show", "free-light", "--json"])).unwrap();
        let jobs: Vec<&Value> = shown.as_array().unwrap().iter().map(|letter| &letter["job_id"]).collect();
        assert_eq!(jobs.len(), 2, "{shown}");
        assert!(jobs.contains(&&json!(job(1).job_id.to_string())) && jobs.contains(&&Value::Null), "{shown}");
    }
    let table = queues.forebay(&["show", "free-light"]);
    assert!(table.contains("doubler@1") && table.contains("unreadable"), "{table}");
    assert!(!table.contains("31337") && !table.contains("no job"), "{table}");
}

#[test]
fn all_dead_letters_of_a_lane_go_back_to_it() {
    let queues = Queues::new("dlq-all");
    for number in 1..4 {
        queues.bury(&job(number).to_json().unwrap());
    }
    let shown = queues.forebay(&["redrive", "free-light"]);
    assert_eq!(shown, "moved 3 messages back to free-light\n");
    assert_eq!(queues.waiting().len(), 3);
    assert!(queues.forebay(&["list"]).contains("free-light  0"));
}

#[test]
fn one_job_goes_back_and_the_others_stay() {
    let queues = Queues::new("dlq-one");
    for number in 1..4 {
        queues.bury(&job(number).to_json().unwrap());
    }
    let id = job(2).job_id.to_string();
    assert_eq!(queues.forebay(&["redrive", "free-light", "--job", &id]), format!("moved {id} back to free-light\n"));
    assert_eq!(queues.waiting(), [job(2).to_json().unwrap()]);
    let shown: Value = serde_json::from_str(&queues.forebay(&["show", "free-light", "--json"])).unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 2);
}

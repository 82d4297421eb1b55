use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use forebay_contract::Lane;
use serde_json::{Value, json};

use super::Http;
use crate::{console::Console, process::Run, repository::Repository};

/// LocalStack takes any credentials and checks none.
const REGION: &str = "us-east-1";
const ACCESS_KEY_ID: &str = "test";
const SECRET_ACCESS_KEY: &str = "test";

/// What `infra/` made in a LocalStack: queues and a bucket of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The address of all services.
    pub endpoint: String,
    /// The URL of each lane's queue is this, `-` and the lane's name.
    pub queue_url_prefix: String,
    /// The bucket's name.
    pub bucket: String,
    /// The bucket's address.
    pub bucket_url: String,
}

/// What is to be deployed, and where.
#[derive(Debug, Clone, Copy)]
pub struct Deploying<'a> {
    /// LocalStack's address.
    pub endpoint: &'a str,
    /// The beginning of every name, one for each stack.
    pub prefixes: &'a [String],
    /// The folder of the templates; the checkout's unless said.
    pub templates: Option<&'a Path>,
    /// Where it is told.
    pub log: &'a Path,
}

impl Deployment {
    /// Deploys stacks. Deploying one again changes nothing.
    pub fn deploy(repository: &Repository, console: Console, wanted: &Deploying<'_>) -> Result<Vec<Self>> {
        let Deploying { endpoint, prefixes, templates, log } = *wanted;
        let run = Run::new(console, "infra", log)?;
        let outputs = Self::outputs(log);
        let mut deploy = Command::new(repository.tool("localstack/bin/python"));
        deploy
            .arg(repository.path("localstack/deploy.py"))
            .args(["--endpoint", endpoint, "--outputs"])
            .arg(&outputs)
            .args(prefixes.iter().flat_map(|prefix| ["--prefix", prefix]))
            .current_dir(repository.root());
        if let Some(folder) = templates {
            deploy.arg("--templates").arg(folder);
        }
        run.program(&mut deploy)?;
        let text = std::fs::read_to_string(&outputs).with_context(|| outputs.display().to_string())?;
        prefixes.iter().map(|prefix| Self::from_outputs(endpoint, prefix, &text)).collect()
    }

    /// The file of what [`Self::deploy`] with this log deployed.
    pub fn outputs(log: &Path) -> PathBuf {
        log.with_extension("outputs.json")
    }

    /// Every stack in such a file.
    pub fn read_all(endpoint: &str, outputs: &Path) -> Result<Vec<Self>> {
        let text = std::fs::read_to_string(outputs).with_context(|| outputs.display().to_string())?;
        let stacks: BTreeMap<String, Value> = serde_json::from_str(&text)?;
        stacks.keys().map(|prefix| Self::from_outputs(endpoint, prefix, &text)).collect()
    }

    /// Reads a stack's outputs among those of all stacks.
    pub fn from_outputs(endpoint: &str, prefix: &str, json: &str) -> Result<Self> {
        let outputs: Value = serde_json::from_str(json)?;
        let output = |name: &str| -> Result<String> {
            let value = outputs.get(prefix).and_then(|outputs| outputs.get(name)).and_then(Value::as_str);
            Ok(value.with_context(|| format!("the deployment of {prefix} has no output {name}"))?.to_owned())
        };
        let bucket = output("BucketName")?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            queue_url_prefix: output("QueueUrlPrefix")?,
            bucket_url: format!("{endpoint}/{bucket}"),
            bucket,
        })
    }

    /// The variables that AWS's libraries read, for programs that use the deployment.
    pub fn client_environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Self::credentials();
        variables.push(("AWS_ENDPOINT_URL", self.endpoint.clone()));
        variables.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned()));
        variables
    }

    /// The region and credentials alone: the edge has its addresses in variables.
    pub fn credentials() -> Vec<(&'static str, String)> {
        [("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec()
    }

    /// How many messages wait or are held in the lanes, delayed ones included.
    pub fn messages_in_lanes(&self) -> Result<u64> {
        let mut messages = 0;
        for lane in self.lanes()? {
            let url = lane.queue_url(&self.queue_url_prefix);
            let answer = self.ask_sqs("GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["All"]}))?;
            for name in ["", "NotVisible", "Delayed"] {
                let count = answer.pointer(&format!("/Attributes/ApproximateNumberOfMessages{name}"));
                let count = count.and_then(Value::as_str).and_then(|text| text.parse::<u64>().ok());
                messages += count.with_context(|| format!("{lane}: no number of messages in {answer}"))?;
            }
        }
        Ok(messages)
    }

    /// Up to ten messages of a lane, waiting a second for the first; the lane gives them to nobody else for ten minutes.
    pub fn receive(&self, lane: Lane) -> Result<Vec<String>> {
        let url = lane.queue_url(&self.queue_url_prefix);
        let wanted = json!({
            "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "VisibilityTimeout": 600,
        });
        let answer = self.ask_sqs("ReceiveMessage", &wanted)?;
        let messages = answer.get("Messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let body = |message: &Value| message.get("Body").and_then(Value::as_str).map(str::to_owned);
        messages.iter().map(|message| body(message).context("a message without a body")).collect()
    }

    /// A lane's queue forgets its messages.
    pub fn purge(&self, lane: Lane) -> Result<()> {
        self.ask_sqs("PurgeQueue", &json!({"QueueUrl": lane.queue_url(&self.queue_url_prefix)})).map(drop)
    }

    /// A lane's queue is gone.
    pub fn delete_queue(&self, lane: Lane) -> Result<()> {
        self.ask_sqs("DeleteQueue", &json!({"QueueUrl": lane.queue_url(&self.queue_url_prefix)})).map(drop)
    }

    /// A lane has a queue again, with the service's own settings.
    pub fn create_queue(&self, lane: Lane) -> Result<()> {
        let url = lane.queue_url(&self.queue_url_prefix);
        let name = url.rsplit('/').next().unwrap_or_default();
        self.ask_sqs("CreateQueue", &json!({"QueueName": name})).map(drop)
    }

    /// Puts an object into the bucket.
    pub fn store(&self, key: &str, media_type: &str, bytes: &[u8]) -> Result<()> {
        let http = Http::new(Duration::from_secs(10));
        let headers = [("content-type", media_type), ("authorization", &authorization("s3"))];
        let answer = http.put(&format!("{}/{key}", self.bucket_url), &headers, bytes)?;
        ensure!(answer.status == 200, "{} {:.300}", answer.status, answer.text());
        Ok(())
    }

    /// The keys of the objects that begin with `prefix`, at most 1,000.
    pub fn stored(&self, prefix: &str) -> Result<Vec<String>> {
        let http = Http::new(Duration::from_secs(10));
        let url = format!("{}?list-type=2&prefix={prefix}", self.bucket_url);
        let answer = http.get(&url, &[("authorization", &authorization("s3"))])?;
        ensure!(answer.status == 200, "{} {:.300}", answer.status, answer.text());
        Ok(keys(&answer.text()))
    }
}

impl Deployment {
    /// The lanes that have a queue.
    fn lanes(&self) -> Result<Vec<Lane>> {
        let prefix = self.queue_url_prefix.rsplit('/').next().unwrap_or_default();
        let answer = self.ask_sqs("ListQueues", &json!({"QueueNamePrefix": format!("{prefix}-")}))?;
        let lanes = lanes(prefix, &answer);
        ensure!(!lanes.is_empty(), "{prefix} has no queues: {answer}");
        Ok(lanes)
    }

    fn ask_sqs(&self, action: &str, body: &Value) -> Result<Value> {
        let target = format!("AmazonSQS.{action}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
            ("authorization", &authorization("sqs")),
        ];
        let answer = Http::new(Duration::from_secs(10)).post(&self.endpoint, &headers, body.to_string().as_bytes())?;
        ensure!(answer.status == 200, "{action}: {} {:.300}", answer.status, answer.text());
        answer.json()
    }
}

/// LocalStack reads the service and the account from it and checks nothing.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// The lanes among the queues that SQS lists; the names of others' dead letters are none.
fn lanes(prefix: &str, listed: &Value) -> Vec<Lane> {
    let urls = listed.get("QueueUrls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name = |url: &Value| url.as_str()?.rsplit('/').next().map(str::to_owned);
    let lane = |name: String| name.strip_prefix(prefix)?.strip_prefix('-')?.parse().ok();
    urls.iter().filter_map(name).filter_map(lane).collect()
}

/// The keys in an S3 listing; ours hold nothing that XML escapes.
fn keys(listing: &str) -> Vec<String> {
    let after = listing.split("<Key>").skip(1);
    after.filter_map(|rest| rest.split("</Key>").next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_become_addresses() {
        let json = r#"{"p": {"QueueUrlPrefix": "http://127.0.0.1:1/queue/r/0/p", "BucketName": "p-data"}, "q": {}}"#;
        let deployment = Deployment::from_outputs("http://127.0.0.1:1", "p", json).unwrap();
        assert_eq!(deployment.bucket_url, "http://127.0.0.1:1/p-data");
        for prefix in ["q", "r"] {
            let error = Deployment::from_outputs("", prefix, json).unwrap_err().to_string();
            assert!(error.contains("BucketName") && error.contains(prefix), "{error}");
        }
    }

    #[test]
    fn lanes_are_read_from_a_listing() {
        let listed = json!({"QueueUrls": ["http://a/0/p-acme", "http://a/0/p-acme-dlq", "http://a/0/p-free-heavy"]});
        assert_eq!(lanes("p", &listed), ["acme".parse().unwrap(), Lane::FREE_HEAVY]);
        assert!(lanes("p", &json!({})).is_empty());
    }

    #[test]
    fn keys_are_read_from_a_listing() {
        let listing =
            "<R><Contents><Key>results/aa/1</Key><Size>3</Size></Contents><Contents><Key>b</Key></Contents></R>";
        assert_eq!(keys(listing), ["results/aa/1", "b"]);
        assert!(keys("<R></R>").is_empty());
    }
}

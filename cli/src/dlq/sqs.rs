use std::{
    env,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde_json::Value;

use crate::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(30);
const LIMIT: u64 = 16 << 20;
const TYPE: &str = "application/x-amz-json-1.0";

/// SQS's JSON protocol: six calls do not weigh up the whole SDK, which would take longer to build than all the rest.
pub(super) struct Sqs {
    agent: ureq::Agent,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

impl Sqs {
    /// Takes region and credentials from the environment that AWS's own tools read; `url` is that of any queue.
    pub(super) fn of_environment(url: &str) -> Result<Self, Failure> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let needed = |name: &str| {
            variable(name).ok_or_else(|| {
                let advice = "eval \"$(aws configure export-credentials --format env)\"";
                Failure::Usage(format!("{name} is not set; of a profile or a session it is set by {advice}"))
            })
        };
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region =
            region.ok_or_else(|| Failure::Usage("AWS_REGION is not set; it is the queues' region".to_owned()))?;
        let (id, secret) = (needed("AWS_ACCESS_KEY_ID")?, needed("AWS_SECRET_ACCESS_KEY")?);
        let credentials = Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment");
        let config = ureq::Agent::config_builder();
        let config = config.http_status_as_error(false).max_redirects(0).timeout_global(Some(PATIENCE)).build();
        Ok(Self { agent: config.new_agent(), endpoint: endpoint(url), region, credentials })
    }

    /// One call of SQS's API.
    pub(super) fn call(&self, action: &str, body: &Value) -> Result<Value, Failure> {
        let (body, target) = (body.to_string(), format!("AmazonSQS.{action}"));
        let signed = self.signed(&target, &body).map_err(Failure::Usage)?;
        let mut request = self.agent.post(&self.endpoint).header("content-type", TYPE).header("x-amz-target", &target);
        for (name, value) in &signed {
            request = request.header(name, value);
        }
        let unanswered =
            |error: ureq::Error| Failure::Unanswered(format!("{} does not answer: {error}", self.endpoint));
        let mut response = request.send(body).map_err(unanswered)?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(LIMIT).read_to_vec().map_err(unanswered)?;
        if !(200..300).contains(&status) {
            return Err(Failure::Unanswered(format!("SQS refuses {action}: {}", refusal(status, &text))));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&text).map_err(|_| Failure::Unanswered(format!("{} is no SQS", self.endpoint)))
    }

    fn signed(&self, target: &str, body: &str) -> Result<Vec<(String, String)>, String> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sqs")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = [("content-type", TYPE), ("x-amz-target", target)];
        let body = SignableBody::Bytes(body.as_bytes());
        let request = SignableRequest::new("POST", &self.endpoint, headers.into_iter(), body);
        let request = request.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(request, &parameters).map_err(|error| error.to_string())?.into_parts();
        let (headers, _) = instructions.into_parts();
        Ok(headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect())
    }
}

/// The service's address: a queue's URL up to the first slash of its path.
fn endpoint(queue_url: &str) -> String {
    let mut parts = queue_url.splitn(4, '/');
    let (scheme, host) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    format!("{scheme}//{host}/")
}

/// What SQS says, in one line.
fn refusal(status: u16, body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = text("__type").rsplit('#').next().unwrap_or_default();
    let message = format!("{}{}", text("message"), text("Message"));
    let words = format!("status {status} {code} {message}");
    words.chars().map(|char| if char.is_control() { ' ' } else { char }).take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_to_the_root_of_the_queues_host() {
        for (url, expect) in [
            ("https://sqs.eu-west-1.amazonaws.com/123/forebay-paid-light-dlq", "https://sqs.eu-west-1.amazonaws.com/"),
            ("http://127.0.0.1:4566/queue/us-east-1/0/q", "http://127.0.0.1:4566/"),
        ] {
            assert_eq!(endpoint(url), expect);
        }
    }

    #[test]
    fn a_refusal_is_one_line() {
        let body =
            br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified\nqueue does not exist."}"#;
        assert_eq!(refusal(400, body), "status 400 QueueDoesNotExist The specified queue does not exist.");
        assert_eq!(refusal(502, b"<html>"), "status 502  ");
    }
}

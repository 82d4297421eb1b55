use serde::{Deserialize, Serialize};

use crate::{Digest, InputRef, JobId, Parameters};

/// What travels through a lane: everything a worker needs to run one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobMessage {
    /// The job.
    pub job_id: JobId,
    /// Whose job it is: workers are fair between accounts.
    pub account: String,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// Resolved parameters: complete, canonical.
    pub parameters: Parameters,
    /// The input.
    pub input: InputRef,
    /// The name the result is stored under.
    pub digest: Digest,
    /// Predicted device milliseconds.
    pub cost_ms: f64,
    /// When the edge accepted the job.
    pub accepted_ms: u64,
    /// From when on nobody wants the result, if the client said so: milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// W3C trace context of the request, if it brought one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The wire form: the version is a tag, so that old workers refuse what they cannot know.
#[derive(Serialize)]
#[serde(tag = "v")]
enum Versioned<'a> {
    #[serde(rename = "forebay.job.v1")]
    V1(&'a JobMessage),
}

/// What is read before the rest. By the tag of an enum the whole message would be copied first, its input with it.
#[derive(Deserialize)]
struct Tagged {
    v: Version,
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "forebay.job.v1")]
    V1,
}

/// The bytes are not a job message this build can read.
#[derive(Debug, thiserror::Error)]
#[error("not a job message: {0}")]
pub struct MessageError(#[from] serde_json::Error);

impl JobMessage {
    /// The message body. Of all characters it has those that SQS takes: tab, line breaks, U+0020 to U+FFFD without
    /// surrogates, and U+10000 to U+10FFFF
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
    pub fn to_json(&self) -> Result<String, MessageError> {
        let json = serde_json::to_string(&Versioned::V1(self))?;
        // Control characters are escaped in JSON in any case. These two need not be, and stand in texts alone.
        if !json.contains(['\u{FFFE}', '\u{FFFF}']) {
            return Ok(json);
        }
        Ok(json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff"))
    }

    /// Reads a message body.
    pub fn from_json(body: &str) -> Result<Self, MessageError> {
        let Tagged { v: Version::V1 } = serde_json::from_str(body)?;
        Ok(serde_json::from_str(body)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{MediaType, Namespace, ShardKey};

    fn message(account: String) -> JobMessage {
        let digest = Digest::new(Namespace::Account(&account), "m", "1", &Parameters::new(), &crate::Input::empty());
        JobMessage {
            job_id: JobId::new(1, [7; 10], ShardKey::new(&account, 0)),
            account,
            model: "m".to_owned(),
            version: "1".to_owned(),
            parameters: Parameters::new(),
            input: InputRef::Inline { media_type: MediaType::PlainText, data: b"x".to_vec() },
            digest,
            cost_ms: 1.0,
            accepted_ms: 1,
            deadline_ms: None,
            traceparent: None,
        }
    }

    proptest! {
        #[test]
        fn a_queue_takes_every_character_of_a_message(
            account in prop::collection::vec(
                prop_oneof![any::<char>(), Just('\u{FFFE}'), Just('\u{FFFF}'), Just('\u{0}')], 0..9,
            ),
        ) {
            let message = message(account.into_iter().collect());
            let json = message.to_json().unwrap();
            let taken = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..);
            prop_assert!(json.chars().all(taken), "{json:?}");
            prop_assert_eq!(JobMessage::from_json(&json).unwrap(), message);
        }
    }
}

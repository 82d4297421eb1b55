//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): sending a request again is not asking again.

use forebay_contract::{JobId, ProblemCode, ordered};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Refusal, Submission};

/// How long a key is remembered.
pub const LIFETIME_MS: u64 = 86_400_000;
/// The longest key.
const MAX_CHARS: usize = 255;

/// A key with what it was sent for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key.
    pub key: String,
    /// SHA-256 of the request in hex: the same key with another one is a mistake of the client.
    pub fingerprint: String,
}

/// Reads the header field: the draft's quoted string, or the bare text that most clients send.
pub fn key(field: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(field) = field.map(str::trim) else { return Ok(None) };
    let key = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(field);
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',');
    if (1..=MAX_CHARS).contains(&key.len()) && key.bytes().all(allowed) {
        return Ok(Some(key.to_owned()));
    }
    let detail = format!("send 1 to {MAX_CHARS} visible ASCII characters without quotes, commas and backslashes");
    Err(Refusal::new(ProblemCode::InvalidIdempotencyKey, detail))
}

/// The fingerprint of a submission as the client sent it: what the edge adds, such as a drawn seed, is not in it.
pub fn fingerprint(submission: &Submission, version: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let parameters = canonical(&submission.parameters);
    let parts =
        [submission.model.as_str(), version.unwrap_or_default(), submission.input.media_type.name(), &parameters];
    for part in parts {
        add(&mut hash, part);
    }
    hash.update(submission.input.sha256());
    // Nothing for what is not given: most requests have neither, and keep the fingerprint that they were stored with.
    for (name, time) in [("deadline_ms", &submission.deadline), ("not_before_ms", &submission.not_before)] {
        if let Some(time) = time {
            add(&mut hash, name);
            add(&mut hash, time);
        }
    }
    forebay_contract::hex(&hash.finalize())
}

/// With its length, so that no two lists of parts read alike.
fn add(hash: &mut Sha256, part: &str) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

/// Whether a key that was used at `made_ms` still names its request. A clock that went back makes no key older.
pub fn is_remembered(made_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(made_ms) < LIFETIME_MS
}

/// The fingerprint of running a job again.
pub fn fingerprint_of_retry(id: &JobId) -> String {
    forebay_contract::hex(&Sha256::digest(format!("retry {id}")))
}

/// Members in order of their names.
fn canonical(parameters: &Map<String, Value>) -> String {
    let members = ordered::set(parameters.iter().map(|(name, value)| format!("{name:?}:{value}")));
    members.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use forebay_contract::{Input, MediaType};
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_visible_and_bounded() {
        for (field, expect) in [
            (None, Ok(None)),
            (Some("8e03978e-40d5-43dd-bc93-6894a57f9324"), Ok(Some("8e03978e-40d5-43dd-bc93-6894a57f9324"))),
            (Some("\"a b\""), Err(())),
            (Some("\"ab\""), Ok(Some("ab"))),
            (Some(""), Err(())),
            (Some("\"\""), Err(())),
            (Some("a,b"), Err(())),
            (Some("ä"), Err(())),
            (Some(&"k".repeat(255)), Ok(Some("k".repeat(255).as_str()))),
            (Some(&"k".repeat(256)), Err(())),
        ] {
            assert_eq!(key(field).map_err(|_| ()), expect.map(|key| key.map(str::to_owned)), "{field:?}");
        }
    }

    #[test]
    fn keys_are_remembered_for_a_day() {
        const MADE_MS: u64 = 1_800_000_000_000;
        for (age_ms, expect) in [(0, true), (86_399_999, true), (86_400_000, false), (86_400_001, false)] {
            assert_eq!(is_remembered(MADE_MS, MADE_MS + age_ms), expect, "{age_ms}");
        }
        assert!(is_remembered(MADE_MS, MADE_MS - 1));
    }

    #[test]
    fn a_fingerprint_is_the_requests_own() {
        let submission = |text: &str, parameters: Value| Submission {
            model: "m".to_owned(),
            input: Input { media_type: MediaType::PlainText, bytes: text.as_bytes().to_vec() },
            parameters: parameters.as_object().unwrap().clone(),
            deadline: None,
            not_before: None,
        };
        let first = submission("a", json!({"x": 1, "y": 2}));
        let one = fingerprint(&first, None);
        assert_eq!(one, fingerprint(&submission("a", json!({"y": 2, "x": 1})), None));

        let later = |deadline: Option<&str>, not_before: Option<&str>| Submission {
            deadline: deadline.map(str::to_owned),
            not_before: not_before.map(str::to_owned),
            ..first.clone()
        };
        let mut model = first.clone();
        model.model = "n".to_owned();
        let mut media_type = first.clone();
        media_type.input.media_type = MediaType::Json;
        let others = [
            (submission("b", json!({"x": 1, "y": 2})), None),
            (submission("a", json!({"x": 1, "y": 3})), None),
            (submission("a", json!({"x": 1})), None),
            (first.clone(), Some("1")),
            (model, None),
            (media_type, None),
            (later(Some("1800000000001"), None), None),
            (later(Some("1800000000002"), None), None),
            (later(None, Some("1800000000001")), None),
            (later(None, Some("1800000000002")), None),
            (later(Some("1800000000002"), Some("1800000000001")), None),
            (later(Some(""), None), None),
        ];
        let all = others.iter().map(|(submission, version)| fingerprint(submission, *version)).chain([one]);
        assert_eq!(ordered::set(all).len(), others.len() + 1, "two requests have one fingerprint");
    }
}

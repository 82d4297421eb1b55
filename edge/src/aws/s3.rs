//! Objects of the bucket: stored, read, looked at and removed.

use forebay_account::platform::{AwsError, ObjectHead};
use forebay_contract::Made;
use worker::{Method, Response};

use super::{
    Signer,
    send::{AwsRequest, send, succeeded, unreachable},
    sigv4::Payload,
};

/// SHA-256 of nothing.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Failures are a sentence in JSON.
const MAX_SMALL_BYTES: u64 = 64 * 1024;
const READ_TIMEOUT_MS: u64 = 10_000;
const WRITE_TIMEOUT_MS: u64 = 30_000;

/// A bucket and how to sign for it.
pub struct Bucket<'a> {
    /// Its URL, without a slash at the end.
    pub url: &'a str,
    /// Signs every request to it.
    pub signer: &'a Signer,
}

/// An object to put.
pub struct NewObject<'a> {
    /// Where it will be, such as `inputs/…`.
    pub key: &'a str,
    /// Its `Content-Type`.
    pub media_type: &'a str,
    /// The content, as it is.
    pub bytes: &'a [u8],
    /// The content's SHA-256, in hex.
    pub sha256: &'a str,
}

impl Bucket<'_> {
    /// Stores an object.
    pub async fn put(&self, now_ms: u64, object: NewObject<'_>) -> Result<(), AwsError> {
        let url = self.url_of(object.key);
        let request = AwsRequest {
            service: "s3",
            method: Method::Put,
            url: &url,
            headers: vec![("content-type", object.media_type.to_owned())],
            body: Payload::Sha256(object.sha256),
            sent: Some(object.bytes),
            timeout_ms: WRITE_TIMEOUT_MS,
        };
        succeeded(send(self.signer, now_ms, request).await?).await.map(|_| ())
    }

    /// An object as it streams, or `None` when the bucket says that there is no such key.
    pub async fn get(&self, now_ms: u64, key: &str) -> Result<Option<Response>, AwsError> {
        match succeeded(self.ask(now_ms, Method::Get, key).await?).await {
            Err(error) if is_absence(&error) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// What is known of an object, or `None` when there is none, or no bucket: an answer without a body cannot say which.
    /// Nothing ends on that alone: [`Bucket::get`] is asked then.
    pub async fn head(&self, now_ms: u64, key: &str) -> Result<Option<ObjectHead>, AwsError> {
        let answer = self.ask(now_ms, Method::Head, key).await?;
        if answer.status_code() == 404 {
            return Ok(None);
        }
        let answer = succeeded(answer).await?;
        let field = |name: &str| answer.headers().get(name).ok().flatten();
        let bytes = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let media_type = field("content-type").unwrap_or_else(|| "application/octet-stream".to_owned());
        let metadata = |name| field(&format!("x-amz-meta-{name}"));
        let made = Made::read(metadata(Made::JOB).as_deref(), metadata(Made::DEVICE_MS).as_deref());
        Ok(Some(ObjectHead { media_type, bytes, made, stored_ms: stored_ms(&answer) }))
    }

    /// The text of a small object, or `None` when there is none.
    pub async fn get_small(&self, now_ms: u64, key: &str) -> Result<Option<String>, AwsError> {
        let Some(mut answer) = self.get(now_ms, key).await? else { return Ok(None) };
        let length =
            answer.headers().get("content-length").map_err(unreachable)?.and_then(|length| length.parse::<u64>().ok());
        match length {
            Some(length) if length <= MAX_SMALL_BYTES => Ok(Some(answer.text().await.map_err(unreachable)?)),
            _ => Err(AwsError::Unexpected(format!("{key} has {length:?} bytes"))),
        }
    }

    /// Removes an object; one that there was not is removed too:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>. Versions stay, so the bucket has none.
    pub async fn delete(&self, now_ms: u64, key: &str) -> Result<(), AwsError> {
        succeeded(self.ask(now_ms, Method::Delete, key).await?).await.map(drop)
    }

    async fn ask(&self, now_ms: u64, method: Method, key: &str) -> Result<Response, AwsError> {
        let url = self.url_of(key);
        let request = AwsRequest {
            service: "s3",
            method,
            url: &url,
            headers: Vec::new(),
            body: Payload::Sha256(EMPTY_SHA256),
            sent: None,
            timeout_ms: READ_TIMEOUT_MS,
        };
        send(self.signer, now_ms, request).await
    }

    /// Keys are made of hex, letters, `/`, `_` and `-`: nothing to escape.
    fn url_of(&self, key: &str) -> String {
        format!("{}/{key}", self.url)
    }
}

/// When the object of an answer was written last.
pub fn stored_ms(answer: &Response) -> Option<u64> {
    let modified = answer.headers().get("last-modified").ok().flatten()?;
    // What cannot be read is NaN, and no time.
    Some(js_sys::Date::parse(&modified)).filter(|ms| *ms > 0.0).map(|ms| ms as u64)
}

/// Whether the bucket says that it has no such key. Every other 404 is trouble: NoSuchBucket, or somebody else who
/// answers in its place. <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn is_absence(error: &AwsError) -> bool {
    matches!(error, AwsError::Status { status: 404, body } if body.contains("<Code>NoSuchKey</Code>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_no_such_key_is_absence() {
        let xml =
            |code: &str| format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Key>NoSuchKey</Key></Error>");
        for (status, body, expect) in [
            (404, xml("NoSuchKey"), true),
            (404, xml("NoSuchBucket"), false),
            (404, xml("NoSuchVersion"), false),
            (404, String::new(), false),
            (404, "not found".to_owned(), false),
            (403, xml("NoSuchKey"), false),
            (503, xml("SlowDown"), false),
        ] {
            assert_eq!(is_absence(&AwsError::Status { status, body: body.clone() }), expect, "{status} {body}");
        }
        assert!(!is_absence(&AwsError::Unreachable("NoSuchKey".to_owned())));
    }
}

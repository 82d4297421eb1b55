//! The bucket.

use forebay_contract::Made;
use worker::{Method, Response};

use super::{
    AwsError, Signer,
    send::{AwsRequest, send, succeeded},
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
    /// Signs.
    pub signer: &'a Signer,
}

/// What the bucket knows of an object without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectHead {
    /// Its `Content-Type`.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// Whose run made it, where it says so.
    pub made: Option<Made>,
}

/// An object to put.
pub struct NewObject<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its `Content-Type`.
    pub media_type: &'a str,
    /// Its content.
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

    /// An object as it streams, or `None` when there is none.
    pub async fn get(&self, now_ms: u64, key: &str) -> Result<Option<Response>, AwsError> {
        self.read(now_ms, Method::Get, key).await
    }

    /// What is known of an object, or `None` when there is none.
    pub async fn head(&self, now_ms: u64, key: &str) -> Result<Option<ObjectHead>, AwsError> {
        let Some(answer) = self.read(now_ms, Method::Head, key).await? else { return Ok(None) };
        let field = |name: &str| answer.headers().get(name).ok().flatten();
        let bytes = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let media_type = field("content-type").unwrap_or_else(|| "application/octet-stream".to_owned());
        let metadata = |name| field(&format!("x-amz-meta-{name}"));
        let made = Made::read(metadata(Made::JOB).as_deref(), metadata(Made::DEVICE_MS).as_deref());
        Ok(Some(ObjectHead { media_type, bytes, made }))
    }

    /// The text of a small object, or `None` when there is none.
    pub async fn get_small(&self, now_ms: u64, key: &str) -> Result<Option<String>, AwsError> {
        let Some(mut answer) = self.get(now_ms, key).await? else { return Ok(None) };
        let length = answer.headers().get("content-length")?.and_then(|length| length.parse::<u64>().ok());
        match length {
            Some(length) if length <= MAX_SMALL_BYTES => Ok(Some(answer.text().await?)),
            _ => Err(AwsError::Unexpected(format!("{key} has {length:?} bytes"))),
        }
    }

    async fn read(&self, now_ms: u64, method: Method, key: &str) -> Result<Option<Response>, AwsError> {
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
        let answer = send(self.signer, now_ms, request).await?;
        if answer.status_code() == 404 { Ok(None) } else { succeeded(answer).await.map(Some) }
    }

    /// Keys are made of hex, letters, `/`, `_` and `-`: nothing to escape.
    fn url_of(&self, key: &str) -> String {
        format!("{}/{key}", self.url)
    }
}

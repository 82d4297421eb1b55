use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::{ByteStream, DateTime},
    types::MetadataDirective,
};
use bytes::{Bytes, BytesMut};
use forebay_contract::Made;

use super::{Head, NewObject, Put, Store, StoreError, multipart};
use crate::clock::wall_ms;

/// The bucket of inputs, results and failures, in S3.
pub struct S3Store {
    client: Client,
    bucket: String,
}

impl S3Store {
    /// The bucket of this name.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }
}

fn unavailable(error: impl std::error::Error) -> StoreError {
    StoreError::Unavailable(DisplayErrorContext(error).to_string())
}

/// What no retry mends soon: wrong or expired keys, a missing right, a missing bucket. The rest passes.
pub(super) fn trouble<E: std::error::Error + 'static>(error: SdkError<E>) -> StoreError {
    let refused = matches!(status(&error), Some(400..=405));
    let words = DisplayErrorContext(error).to_string();
    if refused { StoreError::Refused(words) } else { StoreError::Unavailable(words) }
}

pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// What is kept with an object besides its type.
pub(super) fn metadata(made: Option<Made>) -> Option<HashMap<String, String>> {
    made.map(|made| made.metadata().into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[async_trait]
impl Store for S3Store {
    async fn put_if_absent(&self, key: &str, object: NewObject<'_>) -> Result<Put, StoreError> {
        if object.body.len() > multipart::WHOLE {
            return multipart::put_if_absent(&self.client, &self.bucket, key, object).await;
        }
        let put = self.client.put_object().bucket(&self.bucket).key(key).if_none_match("*");
        let put = put.content_type(object.media_type).set_metadata(metadata(object.made));
        match put.body(ByteStream::from(object.body)).send().await {
            Ok(_) => Ok(Put::Created),
            // 412: it is there. (409, a race that is not decided yet, is tried again as any other trouble.)
            Err(error) if status(&error) == Some(412) => Ok(Put::AlreadyThere),
            Err(error) => Err(trouble(error)),
        }
    }

    async fn overwrite(&self, key: &str, object: NewObject<'_>) -> Result<(), StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(object.media_type);
        put.body(ByteStream::from(object.body)).send().await.map(drop).map_err(trouble)
    }

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        let too_large = StoreError::TooLarge { max_bytes };
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if is_absence(&error) => return Err(StoreError::Missing),
            Err(error) => return Err(trouble(error)),
        };
        let announced = object.content_length().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        if announced > max_bytes {
            return Err(too_large);
        }
        // The announced length is a hint: what is read is what counts.
        let mut body = BytesMut::with_capacity(announced as usize);
        let mut chunks = object.body;
        while let Some(chunk) = chunks.try_next().await.map_err(unavailable)? {
            if (body.len() + chunk.len()) as u64 > max_bytes {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// By GET of the first byte: an answer to HEAD has no body, which alone tells a missing object from a missing bucket.
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let first = self.client.get_object().bucket(&self.bucket).key(key).range("bytes=0-0");
        match first.send().await {
            Ok(object) => {
                let bytes = object.content_range().and_then(whole).or(object.content_length());
                let head = head(bytes, object.content_type(), object.metadata(), object.last_modified());
                if object.content_range().is_some() {
                    // An answer that is read to its end leaves a connection that serves the next question too.
                    drop(object.body.collect().await);
                }
                Ok(Some(head))
            }
            Err(error) if is_absence(&error) => Ok(None),
            // There is no first byte: it is there, and empty.
            Err(error) if status(&error) == Some(416) => {
                let empty = self.client.head_object().bucket(&self.bucket).key(key).send().await.map_err(trouble)?;
                Ok(Some(head(empty.content_length(), empty.content_type(), empty.metadata(), empty.last_modified())))
            }
            Err(error) => Err(trouble(error)),
        }
    }

    /// A copy onto itself, which S3 makes only where something is said anew: what is known of it.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
    async fn renew(&self, key: &str, head: &Head) -> Result<(), StoreError> {
        let copy =
            self.client.copy_object().bucket(&self.bucket).key(key).copy_source(format!("{}/{key}", self.bucket));
        let copy = copy.metadata_directive(MetadataDirective::Replace).content_type(&head.media_type);
        match copy.set_metadata(metadata(head.made)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absence(&error) => Err(StoreError::Missing),
            Err(error) => Err(trouble(error)),
        }
    }
}

fn head(
    bytes: Option<i64>,
    media_type: Option<&str>,
    metadata: Option<&HashMap<String, String>>,
    modified: Option<&DateTime>,
) -> Head {
    let field = |name| metadata?.get(name).map(String::as_str);
    let modified_ms = modified.and_then(|at| u64::try_from(at.to_millis().ok()?).ok());
    Head {
        bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
        made: Made::read(field(Made::JOB), field(Made::DEVICE_MS)),
        age_ms: modified_ms.map(|at_ms| wall_ms().saturating_sub(at_ms)),
    }
}

/// How long the whole is, by `Content-Range` of a part: `bytes 0-0/12`.
fn whole(range: &str) -> Option<i64> {
    range.rsplit_once('/')?.1.parse().ok()
}

/// Whether S3 says that it has no such key. Any other 404 is trouble: a bucket that is gone, or somebody else who answers
/// in its place.
fn is_absence<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    status(error) == Some(404) && error.code() == Some("NoSuchKey")
}

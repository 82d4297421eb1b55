use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use bytes::{Bytes, BytesMut};
use forebay_contract::Made;

use super::{Head, NewObject, Put, Store, StoreError, multipart};

/// One S3 bucket.
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

    async fn get(&self, key: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        let too_large = StoreError::TooLarge { max_bytes };
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            // A bucket that is gone is 404 too, and is trouble, not an answer.
            Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => {
                return Err(StoreError::Missing);
            }
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

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => Ok(Some(Head {
                bytes: head.content_length().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
                media_type: head.content_type().unwrap_or("application/octet-stream").to_owned(),
                made: head.metadata().and_then(|metadata| {
                    let field = |name| metadata.get(name).map(String::as_str);
                    Made::read(field(Made::JOB), field(Made::DEVICE_MS))
                }),
            })),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }
}

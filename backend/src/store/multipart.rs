//! Large objects in parts: a broken connection costs one part, and several parts travel at once.

use aws_sdk_s3::{
    Client,
    operation::complete_multipart_upload::CompleteMultipartUploadError,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tracing::debug;

use super::{
    NewObject, Put, StoreError,
    s3::{metadata, status, trouble},
};

/// Up to here an object is put whole.
pub(super) const WHOLE: usize = 16 << 20;
/// S3 takes parts of 5 MiB and more, and 10,000 of them.
const PART: usize = 8 << 20;
/// Parts of one object in flight.
const AT_ONCE: usize = 4;

/// Writes the object unless it is there, which is decided when the parts are put together: as with a whole object,
/// exactly one of several writers creates it.
pub(super) async fn put_if_absent(
    client: &Client,
    bucket: &str,
    key: &str,
    object: NewObject<'_>,
) -> Result<Put, StoreError> {
    let NewObject { body, media_type, made } = object;
    // Parts of an object that is there already would be sent for nothing.
    match client.head_object().bucket(bucket).key(key).send().await {
        Ok(_) => return Ok(Put::AlreadyThere),
        Err(error) if status(&error) == Some(404) => {}
        Err(error) => return Err(trouble(error)),
    }
    let begin = client.create_multipart_upload().bucket(bucket).key(key).content_type(media_type);
    let begun = begin.set_metadata(metadata(made)).send();
    let id = begun.await.map_err(trouble)?.upload_id.unwrap_or_default();
    let upload = Upload { client, bucket, key, id: &id };
    let put = match upload.parts(body).await {
        Ok(parts) => upload.complete(parts).await,
        Err(error) => Err(error),
    };
    if !matches!(put, Ok(Put::Created)) {
        upload.abort().await;
    }
    put
}

struct Upload<'a> {
    client: &'a Client,
    bucket: &'a str,
    key: &'a str,
    id: &'a str,
}

impl Upload<'_> {
    /// Sends all parts; none is copied.
    async fn parts(&self, body: Bytes) -> Result<Vec<CompletedPart>, StoreError> {
        let starts = (0..body.len()).step_by(PART);
        let parts = starts.zip(1_i32..).map(|(start, number)| {
            let part = body.slice(start..body.len().min(start + PART));
            self.part(number, part)
        });
        let mut parts: Vec<CompletedPart> = stream::iter(parts).buffer_unordered(AT_ONCE).try_collect().await?;
        parts.sort_by_key(CompletedPart::part_number);
        Ok(parts)
    }

    async fn part(&self, number: i32, part: Bytes) -> Result<CompletedPart, StoreError> {
        let sent = self.client.upload_part().bucket(self.bucket).key(self.key).upload_id(self.id).part_number(number);
        let answer = sent.body(ByteStream::from(part)).send().await.map_err(trouble)?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).build())
    }

    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<Put, StoreError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let put = self.client.complete_multipart_upload().bucket(self.bucket).key(self.key).upload_id(self.id);
        let answer = put.multipart_upload(parts).if_none_match("*").send().await;
        match answer {
            Ok(_) => Ok(Put::Created),
            Err(error) if status::<CompleteMultipartUploadError>(&error) == Some(412) => Ok(Put::AlreadyThere),
            Err(error) => Err(trouble(error)),
        }
    }

    /// What is left costs storage until the bucket's rule clears it away.
    async fn abort(&self) {
        let aborted = self.client.abort_multipart_upload().bucket(self.bucket).key(self.key).upload_id(self.id);
        if let Err(error) = aborted.send().await {
            debug!(error = %trouble(error), key = self.key, "an upload in parts was not cleared away");
        }
    }
}

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, SdkError},
};

use super::{Rest, Shelf, ShelfError, Sink};

/// A thousand names a page: more models than one worker is for.
const MAX_PAGES: usize = 100;

/// Models in a bucket, under a prefix.
pub struct S3Shelf {
    client: Client,
    bucket: String,
    /// Empty, or ends with a slash.
    prefix: String,
}

impl S3Shelf {
    /// The shelf that an address such as `s3://bucket/models` names; `None` for other addresses.
    pub fn at(address: &str, client: impl FnOnce() -> Client) -> Option<Self> {
        let (bucket, prefix) = parse(address)?;
        Some(Self { client: client(), bucket, prefix })
    }
}

fn parse(address: &str) -> Option<(String, String)> {
    let path = address.strip_prefix("s3://")?;
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    let prefix = prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    (!bucket.is_empty()).then(|| (bucket.to_owned(), prefix))
}

#[async_trait]
impl Shelf for S3Shelf {
    fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    async fn manifests(&self) -> Result<Vec<String>, ShelfError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix);
        let mut pages = list.into_paginator().send();
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else { return Ok(found) };
            let page = page.map_err(unavailable)?;
            let keys = page.contents().iter().filter_map(|object| object.key()?.strip_prefix(&self.prefix));
            let is_manifest = |path: &&str| path.ends_with("/model.toml") && path.matches('/').count() == 2;
            found.extend(keys.filter(is_manifest).map(str::to_owned));
        }
        Err(ShelfError::Refused(format!("more than {MAX_PAGES} pages of objects lie there")))
    }

    async fn copy(&self, path: &str, rest: Rest, into: &mut Sink) -> Result<(), ShelfError> {
        let get = self.client.get_object().bucket(&self.bucket).key(format!("{}{path}", self.prefix));
        let get = if rest.from > 0 { get.range(format!("bytes={}-", rest.from)) } else { get };
        let object = match get.send().await {
            Ok(object) => object,
            // There is nothing behind what came already: whether it is the right file, its checksum says.
            Err(error) if rest.from > 0 && status(&error) == Some(416) => return Ok(()),
            Err(error) if matches!(status(&error), Some(400..=499)) => {
                return Err(ShelfError::Refused(DisplayErrorContext(error).to_string()));
            }
            Err(error) => return Err(unavailable(error)),
        };
        let mut pieces = object.body;
        while let Some(piece) = pieces.try_next().await.map_err(unavailable)? {
            into.append(&piece).await?;
        }
        Ok(())
    }
}

fn unavailable(error: impl std::error::Error) -> ShelfError {
    ShelfError::Unavailable(DisplayErrorContext(error).to_string())
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_a_prefix() {
        for (address, expect) in [
            ("s3://b", Some(("b", ""))),
            ("s3://b/", Some(("b", ""))),
            ("s3://b/models", Some(("b", "models/"))),
            ("s3://b/a/models/", Some(("b", "a/models/"))),
            ("s3:///models", None),
            ("models", None),
            ("/s3://b", None),
        ] {
            let found = parse(address);
            assert_eq!(found.as_ref().map(|(bucket, prefix)| (bucket.as_str(), prefix.as_str())), expect, "{address}");
        }
    }
}

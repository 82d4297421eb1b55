//! The bucket of artefacts, templates, the lock and the journal.

use std::{fs, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{
    artefact::{Artefact, Stored},
    aws::{Aws, as_argument, text_at},
};
use crate::{console::Console, repository::Repository};

/// How often a broken upload is repeated.
const TRIES: usize = 3;

#[derive(Debug)]
pub(super) struct Bucket<'a> {
    pub(super) aws: &'a Aws,
    pub(super) name: &'a str,
    /// A folder for files that nobody else may read.
    folder: PathBuf,
}

impl<'a> Bucket<'a> {
    pub(super) fn new(repository: &Repository, aws: &'a Aws, name: &'a str, environment: &str) -> Result<Self> {
        let folder = repository.run("deploy").join(environment);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self { aws, name, folder })
    }

    pub(super) fn exists(&self) -> Result<bool> {
        Ok(self.aws.find(&["s3api", "head-bucket", "--bucket", self.name])?.is_some())
    }

    /// Makes it: private, as S3 makes buckets by itself, and with every version kept, so that what is overwritten by
    /// mistake can be had again. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    pub(super) fn make(&self) -> Result<()> {
        let mut create = vec!["s3api", "create-bucket", "--bucket", self.name];
        let place = format!("LocationConstraint={}", self.aws.region());
        // That region is the one that may not be named.
        if self.aws.region() != "us-east-1" {
            create.extend(["--create-bucket-configuration", &place]);
        }
        self.aws.ask(&create)?;
        let enabled = "Status=Enabled";
        let versions = ["s3api", "put-bucket-versioning", "--bucket", self.name, "--versioning-configuration", enabled];
        self.aws.ask(&versions).map(drop)
    }

    /// An object's text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        let file = self.folder.join("object");
        let get = ["s3api", "get-object", "--bucket", self.name, "--key", key, as_argument(&file)?];
        if self.aws.find(&get)?.is_none() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        fs::remove_file(&file)?;
        Ok(Some(text))
    }

    /// Writes an object; with `only_new` where there is none.
    pub(super) fn put_text(&self, key: &str, text: &str, only_new: bool) -> Result<()> {
        let file = self.folder.join("object");
        let mut options = fs::OpenOptions::new();
        let mut open = options.create(true).write(true).truncate(true).mode(0o600).open(&file)?;
        std::io::Write::write_all(&mut open, text.as_bytes())?;
        let mut put = vec!["s3api", "put-object", "--bucket", self.name, "--key", key, "--body", as_argument(&file)?];
        if only_new {
            put.extend(["--if-none-match", "*"]);
        }
        self.aws.ask(&put)?;
        fs::remove_file(&file)?;
        Ok(())
    }

    pub(super) fn delete(&self, key: &str) -> Result<()> {
        self.aws.ask(&["s3api", "delete-object", "--bucket", self.name, "--key", key]).map(drop)
    }

    /// What S3 says of an object: its length, and the hash that S3 itself has computed.
    fn stored(&self, key: &str) -> Result<Option<Stored>> {
        let head = ["s3api", "head-object", "--bucket", self.name, "--key", key, "--checksum-mode", "ENABLED"];
        Ok(self.aws.find(&head)?.map(|said| Stored {
            bytes: said.get("ContentLength").and_then(serde_json::Value::as_u64).unwrap_or_default(),
            sha256: text_at(&said, "/ChecksumSHA256").unwrap_or_default(),
        }))
    }

    /// Brings an artefact there, whole: one that lies there otherwise, of an upload that broke, is replaced.
    pub(super) fn bring(&self, console: Console, artefact: &Artefact) -> Result<()> {
        let what = artefact.what;
        for _ in 0..TRIES {
            match self.stored(&artefact.key)? {
                Some(stored) if stored.is(artefact) => return Ok(()),
                Some(_) => console.note("artefacts", &format!("{what} lies there broken, and is uploaded again")),
                None => {
                    console.note("artefacts", &format!("{what} is uploaded to s3://{}/{}", self.name, artefact.key));
                }
            }
            // S3 holds what arrives to the hash, and refuses what broke on the way.
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
            let body = as_argument(&artefact.file)?;
            let put = ["s3api", "put-object", "--bucket", self.name, "--key", &artefact.key, "--body", body];
            self.aws.ask(&[&put[..], &["--checksum-sha256", &artefact.sha256_base64()?]].concat())?;
        }
        if self.stored(&artefact.key)?.is_some_and(|stored| stored.is(artefact)) {
            return Ok(());
        }
        bail!(
            "{what}: what lies at s3://{}/{} after {TRIES} uploads is not {}. Nothing uses it yet.\n  what to do: look who \
             else writes into the bucket, then run the same command again",
            self.name,
            artefact.key,
            artefact.file.display()
        )
    }
}

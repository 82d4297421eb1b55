//! One deployment of a prefix at a time, wherever it is started: an object that S3 makes only where there is none.
//! https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{aws_error::AwsError, bucket::Bucket, site::now_s};

/// Who deploys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pub(super) id: String,
    pub(super) who: String,
    pub(super) host: String,
    pub(super) process: u32,
    pub(super) command: String,
    /// Seconds since 1970, and the same for people.
    pub(super) since_s: u64,
    pub(super) since: String,
}

impl Holder {
    /// Why nothing is done while another one deploys, and what to do.
    fn refusal(&self, now_s: u64) -> String {
        let minutes = now_s.saturating_sub(self.since_s) / 60;
        format!(
            "{} deploys: {} on {} (process {}), since {}, {minutes} minutes ago. Nothing was changed.\n  what to do: wait until \
             it is done. Where it is known to have died (look on {} for the process), run the command again with \
             --break-lock {}",
            self.command, self.who, self.host, self.process, self.since, self.host, self.id
        )
    }
}

/// A lock that is held.
#[derive(Debug)]
pub(super) struct Lock<'a> {
    bucket: &'a Bucket<'a>,
    key: String,
    id: String,
}

impl<'a> Lock<'a> {
    /// Takes it, or says who has it.
    pub(super) fn take(bucket: &'a Bucket<'a>, prefix: &str, holder: &Holder, broken: Option<&str>) -> Result<Self> {
        let key = key(prefix);
        if let Some(id) = broken {
            break_it(bucket, &key, id)?;
        }
        match bucket.put_text(&key, &serde_json::to_string_pretty(holder)?, true) {
            Ok(()) => Ok(Self { bucket, key, id: holder.id.clone() }),
            Err(error) if error.downcast_ref::<AwsError>().is_some_and(AwsError::is_lost_race) => {
                match read(bucket, &key)? {
                    Some(other) => bail!(other.refusal(holder.since_s)),
                    None => bail!("another deployment of {prefix} ended at this moment: run the command again"),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Gives it back, where it is still this one's.
    pub(super) fn release(&self) -> Result<()> {
        // After Ctrl-C too.
        self.bucket.aws.insist();
        if read(self.bucket, &self.key)?.is_some_and(|holder| holder.id == self.id) {
            self.bucket.delete(&self.key)?;
        }
        Ok(())
    }
}

/// Fails while somebody deploys.
pub(super) fn check(bucket: &Bucket<'_>, prefix: &str) -> Result<()> {
    let now_s = now_s();
    match holder(bucket, prefix)? {
        Some(holder) => bail!(holder.refusal(now_s)),
        None => Ok(()),
    }
}

/// Who deploys at this moment.
pub(super) fn holder(bucket: &Bucket<'_>, prefix: &str) -> Result<Option<Holder>> {
    read(bucket, &key(prefix))
}

fn key(prefix: &str) -> String {
    format!("deployments/{prefix}/lock.json")
}

fn read(bucket: &Bucket<'_>, key: &str) -> Result<Option<Holder>> {
    let text = bucket.text(key)?;
    text.map(|text| serde_json::from_str(&text).with_context(|| format!("s3://{}/{key} is no lock", bucket.name)))
        .transpose()
}

/// Only the one that the operator has seen: another may have begun meanwhile.
fn break_it(bucket: &Bucket<'_>, key: &str, id: &str) -> Result<()> {
    match read(bucket, key)? {
        None => Ok(()),
        Some(holder) if holder.id == id => bucket.delete(key),
        Some(holder) => bail!("--break-lock {id}: the lock is another one's by now, {}", holder.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_says_who_where_since_when_and_what_to_do() {
        let holder = Holder {
            id: "a1".to_owned(),
            who: "arn:aws:iam::1:user/ann".to_owned(),
            host: "desk".to_owned(),
            process: 7,
            command: "cargo xtask deploy".to_owned(),
            since_s: 1_000,
            since: "2026-12-01T00:00:00Z".to_owned(),
        };
        let text = holder.refusal(1_000 + 42 * 60);
        for part in ["user/ann", "on desk (process 7)", "2026-12-01T00:00:00Z, 42 minutes", "--break-lock a1"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(holder.refusal(0).contains(" 0 minutes ago"), "a clock that goes wrong");
    }
}

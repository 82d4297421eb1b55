//! The edge's AWS access key: a user may have two, so another one is made, and the old one ends when nothing signs with it.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};

use super::{
    parameters::{self, Part},
    rotate::{Rotation, must},
    rotation::{KeyRecord, Listed, NextKey, left_s, next_key},
    site::now_s,
};
use crate::process::interrupt;

/// Goes on from where it is.
pub(super) fn rotate(rotation: &Rotation<'_>) -> Result<()> {
    let user = parameters::output(&rotation.outputs, Part::Forebay, "EdgeUserName", &rotation.site.settings.prefix)?;
    let keys = Keys { rotation, user };
    let next = next_key(keys.listed()?, keys.record()?.as_ref()).map_err(|why| anyhow!(why))?;
    let (old, sent_s) = match next {
        NextKey::Make { old } => (old, keys.make()?),
        NextKey::Anew { old, lost } => {
            rotation.site.console.note("key", &format!("{lost} was made and perhaps never sent: it is deleted"));
            keys.iam("delete-access-key", &lost, &[])?;
            (old, keys.make()?)
        }
        NextKey::End { old, sent_s } => (old, sent_s),
    };
    keys.end(&old, sent_s)
}

struct Keys<'a> {
    rotation: &'a Rotation<'a>,
    user: String,
}

impl Keys<'_> {
    fn listed(&self) -> Result<Vec<Listed>> {
        let said = self.rotation.site.aws.ask(&["iam", "list-access-keys", "--user-name", &self.user])?;
        let listed = said.get("AccessKeyMetadata").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let one = |key: &Value| Ok(Listed { id: must(key, "/AccessKeyId")?, made: must(key, "/CreateDate")? });
        listed.iter().map(one).collect()
    }

    /// Makes one, and gives it to the edge; when the edge had it.
    fn make(&self) -> Result<u64> {
        let made = self.rotation.site.aws.ask(&["iam", "create-access-key", "--user-name", &self.user])?;
        let (id, secret) = (must(&made, "/AccessKey/AccessKeyId")?, must(&made, "/AccessKey/SecretAccessKey")?);
        // Before the edge has it: who dies in between leaves no key behind that nobody knows.
        self.write(&KeyRecord { id: id.clone(), sent_s: None })?;
        self.rotation.send(&[
            ("AWS_ACCESS_KEY_ID", json!(id)),
            ("AWS_SECRET_ACCESS_KEY", json!(secret)),
            ("AWS_SESSION_TOKEN", Value::Null),
        ])?;
        let sent_s = now_s();
        self.write(&KeyRecord { id: id.clone(), sent_s: Some(sent_s) })?;
        self.rotation.site.console.done("key", &format!("the edge has {id}"));
        Ok(sent_s)
    }

    /// Ends the old one: first so that it can be had back.
    fn end(&self, old: &str, sent_s: u64) -> Result<()> {
        let console = self.rotation.site.console;
        let mut left = left_s(sent_s, now_s(), self.rotation.leaked);
        if left > 0 {
            let minutes = left.div_ceil(60);
            console
                .begin("key", &format!("{old} ends in {minutes} minutes: objects that are awake still sign with it"));
        }
        while left > 0 {
            // The same command goes on with the waiting.
            interrupt::check()?;
            thread::sleep(Duration::from_millis(200));
            left = left_s(sent_s, now_s(), self.rotation.leaked);
        }
        self.rotation.check_aws().context("the old access key is left as it is")?;
        self.iam("update-access-key", old, &["--status", "Inactive"])?;
        if let Err(error) = self.rotation.check_aws() {
            self.iam("update-access-key", old, &["--status", "Active"])?;
            bail!(
                "{error:#}.\n  The old access key {old} is in force again.\n  what to do: look which key the edge has"
            );
        }
        self.iam("delete-access-key", old, &[])?;
        self.rotation.bucket.delete(&self.key())?;
        console.done("rotate", &format!("the old access key {old} has ended"));
        Ok(())
    }

    fn iam(&self, action: &str, id: &str, more: &[&str]) -> Result<()> {
        let asked = [&["iam", action, "--user-name", &self.user, "--access-key-id", id], more].concat();
        self.rotation.site.aws.ask(&asked).map(drop)
    }

    fn key(&self) -> String {
        format!("deployments/{}/access-key.json", self.rotation.site.settings.prefix)
    }

    fn record(&self) -> Result<Option<KeyRecord>> {
        let text = self.rotation.bucket.text(&self.key())?;
        text.map(|text| serde_json::from_str(&text).with_context(|| self.key())).transpose()
    }

    fn write(&self, record: &KeyRecord) -> Result<()> {
        self.rotation.bucket.put_text(&self.key(), &serde_json::to_string(record)?, false)
    }
}

//! What was deployed, beside the lock: what a rollback goes back to.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{bucket::Bucket, settings::Parameters};

/// How many deployments are kept in mind.
const KEPT: usize = 50;

/// The deployments of a prefix, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) deployments: Vec<Entry>,
}

/// One deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    /// When it began, as `20261201T103000Z`.
    pub(super) id: String,
    pub(super) who: String,
    pub(super) commit: String,
    /// Whether every step of it was done.
    pub(super) is_finished: bool,
    /// Whether it made the report secret, which the edge must be told then.
    pub(super) has_new_secret: bool,
    /// The deployment that this one went back to.
    pub(super) back_to: Option<String>,
    pub(super) edge: Option<EdgeRecord>,
    /// By the template's name.
    pub(super) stacks: BTreeMap<String, StackRecord>,
}

/// A version of the edge that had all the traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EdgeRecord {
    pub(super) version: String,
    /// The last of `migrations` in its configuration.
    pub(super) migration: Option<String>,
}

/// A stack as it was brought; no parameter is a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StackRecord {
    /// The template's key in the code bucket.
    pub(super) template: String,
    pub(super) parameters: Parameters,
}

impl Journal {
    pub(super) fn key(prefix: &str) -> String {
        format!("deployments/{prefix}/journal.json")
    }

    pub(super) fn read(bucket: &Bucket<'_>, prefix: &str) -> Result<Self> {
        let key = Self::key(prefix);
        let Some(text) = bucket.text(&key)? else { return Ok(Self::default()) };
        let advice = "its earlier versions are kept in the bucket (aws s3api list-object-versions)";
        serde_json::from_str(&text).with_context(|| format!("s3://{}/{key} is no journal; {advice}", bucket.name))
    }

    /// Writes it with this entry in the place of the one with its id.
    pub(super) fn note(&mut self, bucket: &Bucket<'_>, prefix: &str, entry: &Entry) -> Result<()> {
        self.deployments.retain(|other| other.id != entry.id);
        self.deployments.push(entry.clone());
        let surplus = self.deployments.len().saturating_sub(KEPT);
        self.deployments.drain(..surplus);
        bucket.put_text(&Self::key(prefix), &serde_json::to_string_pretty(self)?, false)
    }

    /// What is deployed: of the newest deployment that was finished.
    pub(super) fn current(&self) -> Option<&Entry> {
        self.deployments.iter().rev().find(|entry| entry.is_finished)
    }

    /// Those that broke off since.
    pub(super) fn since_current(&self) -> impl Iterator<Item = &Entry> {
        self.deployments.iter().rev().take_while(|entry| !entry.is_finished)
    }

    /// Where a rollback goes: to the deployment that is named, or to the one that was finished before what is deployed
    /// now. After one that broke off that is the last that was finished.
    pub(super) fn target(&self, named: Option<&str>) -> Result<&Entry> {
        if let Some(id) = named {
            let found = self.deployments.iter().find(|entry| entry.id == id);
            return match found {
                Some(entry) if entry.is_finished => Ok(entry),
                Some(_) => bail!("the deployment {id} was never finished: `--list` shows those that were"),
                None => bail!("no deployment {id} is known: `--list` shows those that are"),
            };
        }
        let last = self.deployments.last().context("nothing was deployed yet that one could go back from")?;
        let before = match &last.back_to {
            // Gone back once: one further, not forward again.
            Some(id) => self.deployments.iter().position(|entry| entry.id == *id),
            None => None,
        };
        let earlier = self.deployments.get(..before.unwrap_or(self.deployments.len() - 1)).unwrap_or_default();
        let found = earlier.iter().rev().find(|entry| entry.is_finished);
        found.context("no earlier deployment was finished, so there is nothing to go back to")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(entries: &[(&str, bool, Option<&str>)]) -> Journal {
        let entry = |(id, is_finished, back_to): &(&str, bool, Option<&str>)| Entry {
            id: (*id).to_owned(),
            is_finished: *is_finished,
            back_to: back_to.map(str::to_owned),
            ..Entry::default()
        };
        Journal { deployments: entries.iter().map(entry).collect() }
    }

    #[test]
    fn a_rollback_goes_to_what_was_whole_before() {
        for (entries, wanted) in [
            (&[("1", true, None), ("2", true, None)][..], "1"),
            // The second broke off: back is what stood before it.
            (&[("1", true, None), ("2", false, None)], "1"),
            (&[("1", true, None), ("2", false, None), ("3", true, None)], "1"),
            // Once back, then once more.
            (&[("1", true, None), ("2", true, None), ("3", true, None), ("4", true, Some("2"))], "1"),
            // What stood before the last is what the one before it had gone back to, and it keeps the same.
            (&[("1", true, None), ("2", true, None), ("3", true, Some("1")), ("4", true, None)], "3"),
        ] {
            assert_eq!(journal(entries).target(None).unwrap().id, wanted, "{entries:?}");
        }
        assert_eq!(journal(&[("1", true, None), ("2", true, None)]).target(Some("2")).unwrap().id, "2");
    }

    #[test]
    fn nowhere_to_go_back_to_is_said() {
        for (entries, named, part) in [
            (&[][..], None, "nothing was deployed yet"),
            (&[("1", true, None)], None, "no earlier deployment was finished"),
            (&[("1", false, None), ("2", true, None)], None, "no earlier deployment was finished"),
            (&[("1", false, None)], Some("1"), "was never finished"),
            (&[("1", true, None)], Some("7"), "no deployment 7 is known"),
        ] {
            let error = journal(entries).target(named).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_a_newer_one_wrote_besides_is_passed_over() {
        let text = r#"{"deployments": [{"id": "1", "is_finished": true, "later": 1}], "more": 2}"#;
        assert_eq!(serde_json::from_str::<Journal>(text).unwrap(), journal(&[("1", true, None)]));
    }
}

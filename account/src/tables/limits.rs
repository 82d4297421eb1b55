//! Rows of `limits`, `idempotency` and `revoked_keys`.

use std::collections::{BTreeMap, BTreeSet};

use forebay_admission::idempotency::Idempotency;
use forebay_contract::{JobId, ordered};
use forebay_limits::policy::{Bucket, Buckets};
use serde_json::json;

use super::Tables;
use crate::platform::{Columns, Result, Value};

/// The most rows that one statement deletes of what has no bound.
const MOST_STALE: u32 = 2_000;

/// What an idempotency key was used for.
#[derive(Debug)]
pub struct Used {
    /// SHA-256 of the request, in hex.
    pub fingerprint: String,
    /// The job.
    pub job_id: JobId,
    /// When, in milliseconds since the epoch.
    pub made_ms: u64,
}

impl Tables {
    /// What limits remember, as it was stored last.
    pub fn buckets(&self) -> Result<Buckets> {
        let rows = self.sql.plain("SELECT name, memory, until_ms FROM limits", Vec::new())?;
        // What another build wrote and this one cannot read is forgotten: a limit that starts anew.
        let bucket = |mut row: Columns| {
            let (name, memory) = (row.text()?, serde_json::from_str(&row.text()?).ok()?);
            Some((name, Bucket { memory, until_ms: row.number()? }))
        };
        Ok(ordered::map(rows.into_iter().filter_map(bucket)))
    }

    /// Stores what limits remember, alone.
    pub fn put_buckets(&self, buckets: &Buckets) -> Result<()> {
        if buckets.is_empty() {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO limits (name, memory, until_ms)
                   SELECT key, value ->> 'memory', value ->> 'until_ms' FROM json_each(?)";
        self.sql.exec(sql, vec![rows(buckets)?.into()])?;
        Ok(())
    }

    /// Deletes some of what no longer matters by `now_ms`: memories of limits and idempotency keys.
    pub fn delete_stale(&self, now_ms: u64, keys_before_ms: u64) -> Result<()> {
        let sql = "DELETE FROM limits WHERE name IN (SELECT name FROM limits WHERE until_ms < ? LIMIT ?)";
        self.sql.exec(sql, vec![Value::whole(now_ms), Value::whole(MOST_STALE)])?;
        let sql = "DELETE FROM idempotency WHERE key IN
             (SELECT key FROM idempotency WHERE made_ms < ? ORDER BY made_ms LIMIT ?)";
        self.sql.exec(sql, vec![Value::whole(keys_before_ms), Value::whole(MOST_STALE)])
    }

    /// When the oldest idempotency key was made.
    pub fn oldest_idempotency_ms(&self) -> Result<Option<u64>> {
        self.sql.number("SELECT min(made_ms) AS n FROM idempotency", Vec::new())
    }

    /// What was decided under a key.
    pub fn idempotency(&self, key: &str) -> Result<Option<Used>> {
        let sql = "SELECT fingerprint, job_id, made_ms FROM idempotency WHERE key = ?";
        let used = self.sql.plain(sql, vec![key.into()])?.pop().map(|mut row| {
            let (fingerprint, job_id) = (row.needed(Some)?, row.needed(|id| id.parse().ok())?);
            Ok(Used { fingerprint, job_id, made_ms: row.number().unwrap_or(0) })
        });
        used.transpose()
    }

    /// Remembers what was decided under a key.
    pub fn put_idempotency(&self, idempotency: &Idempotency, job_id: &JobId, now_ms: u64) -> Result<()> {
        self.sql.exec(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, job_id, made_ms) VALUES (?, ?, ?, ?)",
            vec![
                idempotency.key.as_str().into(),
                idempotency.fingerprint.as_str().into(),
                job_id.to_string().into(),
                Value::whole(now_ms),
            ],
        )?;
        Ok(())
    }

    /// API keys that nothing is accepted for any more.
    pub fn revoked_keys(&self) -> Result<BTreeSet<String>> {
        let rows = self.sql.plain("SELECT key FROM revoked_keys", Vec::new())?;
        Ok(ordered::set(rows.into_iter().filter_map(|mut row| row.text())))
    }

    /// Adds one.
    pub fn revoke_key(&self, key: &str) -> Result<()> {
        self.sql.exec("INSERT OR IGNORE INTO revoked_keys (key) VALUES (?)", vec![key.into()])?;
        Ok(())
    }
}

/// Buckets as rows; the memory is a text within the text, since its numbers have more digits than a double.
pub(super) fn rows(buckets: &Buckets) -> Result<String> {
    let mut rows = BTreeMap::new();
    for (name, bucket) in buckets {
        rows.insert(name, json!({ "memory": serde_json::to_string(&bucket.memory)?, "until_ms": bucket.until_ms }));
    }
    Ok(serde_json::to_string(&rows)?)
}

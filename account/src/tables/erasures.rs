//! Rows of `erasures`, and what an erasure writes into the others.

use forebay_contract::{Digest, JobId};

use super::Tables;
use crate::{
    erase::{AccountErasure, Erasure, Others},
    job::Job,
    platform::{Columns, Result, Value},
};

impl Tables {
    /// Writes what is erased of a job, new or changed.
    pub fn put_erasure(&self, erasure: &Erasure) -> Result<()> {
        self.sql.exec(
            "INSERT OR REPLACE INTO erasures (job_id, digest, next_ms, record) VALUES (?, ?, ?, ?)",
            vec![
                erasure.job_id.to_string().into(),
                erasure.digest.map(|digest| digest.to_hex()).into(),
                Value::maybe(erasure.next_ms),
                serde_json::to_string(erasure)?.into(),
            ],
        )
    }

    /// What is erased of a job.
    pub fn erasure(&self, id: &JobId) -> Result<Option<Erasure>> {
        let sql = "SELECT record FROM erasures WHERE job_id = ?";
        self.sql.plain(sql, vec![id.to_string().into()])?.pop().map(read).transpose()
    }

    /// Up to `most` of those that the bucket is to be asked about, the longest due first.
    pub fn due_erasures(&self, now_ms: u64, most: u32) -> Result<Vec<Erasure>> {
        let sql = "SELECT record FROM erasures WHERE next_ms <= ? ORDER BY next_ms LIMIT ?";
        self.sql.plain(sql, vec![Value::whole(now_ms), Value::whole(most)])?.into_iter().map(read).collect()
    }

    /// Whether a job of this question was erased, of which a copy may be left somewhere.
    pub fn is_erased(&self, digest: &Digest) -> Result<bool> {
        let sql = "SELECT 1 AS n FROM erasures WHERE digest = ? LIMIT 1";
        Ok(self.sql.number(sql, vec![digest.to_hex().into()])?.is_some())
    }

    /// What else hangs on what a job has in the bucket.
    pub(crate) fn others(&self, id: &JobId, digest: Option<Digest>, input_key: Option<&str>) -> Result<Others> {
        let one = |sql: &str, name: Option<String>| -> Result<Option<JobId>> {
            let Some(name) = name else { return Ok(None) };
            let found = self.sql.plain(sql, vec![name.into(), id.to_string().into()])?.pop();
            found.map(|mut row| row.needed(|id| id.parse().ok())).transpose()
        };
        Ok(Others {
            result: one(
                "SELECT id FROM jobs WHERE digest = ? AND id != ? AND state IN ('queued', 'running', 'succeeded') LIMIT 1",
                digest.map(|digest| digest.to_hex()),
            )?,
            // A retry runs on the input of the job that it runs again; those that are open are few.
            input: one(
                "SELECT id FROM jobs WHERE check_ms IS NOT NULL AND input_key = ? AND id != ? LIMIT 1",
                input_key.map(str::to_owned),
            )?,
        })
    }

    /// Writes a job that has numbers alone from now on, and forgets its message.
    pub fn erase_job(&self, job: &Job) -> Result<()> {
        let id = job.id.to_string();
        self.sql.exec(
            "DELETE FROM outbox WHERE (seq, job_id) IN (SELECT message_seq, id FROM jobs WHERE id = ?)",
            vec![id.as_str().into()],
        )?;
        self.sql.exec(
            "UPDATE jobs SET digest = ?, parameters = ?, media_type = NULL, bytes = NULL, failure_detail = NULL,
             interests = NULL, input_key = NULL, message_seq = NULL, kept = NULL, erased_ms = ? WHERE id = ?",
            vec![
                job.digest.to_hex().into(),
                job.parameters.as_str().into(),
                Value::maybe(job.erased_ms),
                id.as_str().into(),
            ],
        )
    }

    /// When something of an ended job is to go next.
    pub fn put_ends(&self, id: &JobId, at_ms: Option<u64>) -> Result<()> {
        let sql = "UPDATE jobs SET ends_ms = ? WHERE id = ?";
        self.sql.exec(sql, vec![Value::maybe(at_ms), id.to_string().into()])
    }

    /// Up to `most` jobs of which something is to go, the longest due first.
    pub fn to_end(&self, now_ms: u64, most: u32) -> Result<Vec<Job>> {
        let sql = "SELECT * FROM jobs WHERE ends_ms <= ? ORDER BY ends_ms LIMIT ?";
        self.sql.rows(sql, vec![Value::whole(now_ms), Value::whole(most)])
    }

    /// Forgets the input of a job that has ended, with its message.
    pub fn forget_input(&self, id: &JobId) -> Result<()> {
        let sql = "DELETE FROM outbox WHERE (seq, job_id) IN (SELECT message_seq, id FROM jobs WHERE id = ?)";
        self.sql.exec(sql, vec![id.to_string().into()])?;
        let sql = "UPDATE jobs SET message_seq = NULL, input_key = NULL WHERE id = ?";
        self.sql.exec(sql, vec![id.to_string().into()])
    }

    /// Deletes the row of an ended job.
    pub fn delete_job(&self, id: &JobId) -> Result<()> {
        self.sql.exec("DELETE FROM jobs WHERE id = ?", vec![id.to_string().into()])
    }

    /// An erasure that is over is kept for its receipt, as long as its job has a row.
    pub fn forget_erasure(&self, id: &JobId) -> Result<()> {
        let sql = "DELETE FROM erasures WHERE job_id = ? AND job_id NOT IN (SELECT id FROM jobs WHERE id = job_id)";
        self.sql.exec(sql, vec![id.to_string().into()])
    }

    /// A job's idempotency keys stay, so that nobody runs the request again by sending it again; what says what the request
    /// was goes. None is older than its job.
    pub fn blank_idempotency(&self, job: &Job) -> Result<()> {
        let sql = "UPDATE idempotency SET fingerprint = '' WHERE made_ms >= ? AND job_id = ?";
        self.sql.exec(sql, vec![Value::whole(job.accepted_ms), job.id.to_string().into()])
    }

    /// The same of all jobs.
    pub fn blank_all_idempotency(&self) -> Result<()> {
        self.sql.exec("UPDATE idempotency SET fingerprint = ''", Vec::new())
    }

    /// How far the erasure of the account is, the last that was asked for.
    pub(crate) fn account_erasure(&self) -> Result<Option<AccountErasure>> {
        let row = self.sql.plain("SELECT record FROM account_erasure", Vec::new())?.pop();
        row.map(|mut row| row.needed(|record| serde_json::from_str(&record).ok())).transpose()
    }

    /// Writes that down; it goes on at `next_ms`.
    pub(crate) fn put_account_erasure(&self, erasure: &AccountErasure, next_ms: Option<u64>) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO account_erasure (one, next_ms, record) VALUES (1, ?, ?)";
        self.sql.exec(sql, vec![Value::maybe(next_ms), serde_json::to_string(erasure)?.into()])
    }

    /// The newest job.
    pub(crate) fn newest_job(&self) -> Result<Option<JobId>> {
        let row = self.sql.plain("SELECT id FROM jobs ORDER BY id DESC LIMIT 1", Vec::new())?.pop();
        row.map(|mut row| row.needed(|id| id.parse().ok())).transpose()
    }

    /// Up to `most` of the next jobs that are meant, in the order of their ids.
    pub(crate) fn next_to_erase(&self, erasure: &AccountErasure, most: u32) -> Result<Vec<Job>> {
        let Some(last) = erasure.last else { return Ok(Vec::new()) };
        let sql = "SELECT * FROM jobs WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";
        let at = erasure.at.map_or_else(String::new, |at| at.to_string());
        self.sql.rows(sql, vec![at.into(), last.to_string().into(), Value::whole(most)])
    }

    /// Of how many erased jobs the bucket has not removed everything yet.
    pub fn erasures_in_bucket(&self) -> Result<u64> {
        let sql = "SELECT count(*) AS n FROM erasures WHERE next_ms IS NOT NULL AND record ->> 'removed_ms' IS NULL";
        Ok(self.sql.number(sql, Vec::new())?.unwrap_or(0))
    }
}

fn read(mut row: Columns) -> Result<Erasure> {
    row.needed(|record| serde_json::from_str(&record).ok())
}

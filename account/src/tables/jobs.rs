//! Rows of `jobs`.

use forebay_contract::{Digest, JobId};

use super::Tables;
use crate::{
    call::{Listed, Listing},
    job::{Job, journal},
    platform::{Result, Value},
};

/// The most rows that one page of a filtered list looks at.
const MOST_LOOKED_AT: u32 = 5_000;

/// When something is to go next, a row a reason.
const NEXT_GONE: &str = "SELECT min(next_ms) AS n FROM erasures WHERE next_ms IS NOT NULL
     UNION ALL SELECT next_ms FROM account_erasure
     UNION ALL SELECT min(ends_ms) FROM jobs WHERE ends_ms IS NOT NULL";

impl Tables {
    /// A job.
    pub fn job(&self, id: &JobId) -> Result<Option<Job>> {
        self.sql.one("SELECT * FROM jobs WHERE id = ?", vec![id.to_string().into()])
    }

    /// The latest job of `digest` that has a result or will have one.
    ///
    /// Mostly there is none: the question is about one column, because the runtime names every column of a cursor.
    pub fn twin(&self, digest: &Digest) -> Result<Option<Job>> {
        if !self.known.borrow().may_have(digest) {
            return Ok(None);
        }
        // A result that was not to be kept for others answers for its own job alone.
        let sql = "SELECT max(id) AS id FROM jobs WHERE digest = ? AND (state IN ('queued', 'running') \
                   OR state = 'succeeded' AND no_store = 0) HAVING max(id) IS NOT NULL";
        let Some(mut twin) = self.sql.plain(sql, vec![digest.to_hex().into()])?.pop() else { return Ok(None) };
        self.job(&twin.needed(|id| id.parse().ok())?)
    }

    /// Up to `most` jobs whose check is due, the longest due first.
    pub fn to_check(&self, now_ms: u64, most: u32) -> Result<Vec<Job>> {
        let sql = "SELECT * FROM jobs WHERE check_ms <= ? ORDER BY check_ms LIMIT ?";
        self.sql.rows(sql, vec![Value::whole(now_ms), Value::whole(most)])
    }

    /// When the bucket is to be asked next: about a job, or once more to remove what was erased.
    pub fn next_check_ms(&self) -> Result<Option<u64>> {
        let check = "SELECT min(check_ms) AS n FROM jobs WHERE check_ms IS NOT NULL";
        self.sql.number(&format!("SELECT min(n) AS n FROM ({check} UNION ALL {NEXT_GONE})"), Vec::new())
    }

    /// When something is to go next: of a job that is erased, of the whole account, or of what a plan keeps no longer.
    pub fn next_gone_ms(&self) -> Result<Option<u64>> {
        self.sql.number(&format!("SELECT min(n) AS n FROM ({NEXT_GONE})"), Vec::new())
    }

    /// The oldest job that has ended.
    pub fn oldest_ended(&self) -> Result<Option<JobId>> {
        let sql = "SELECT id FROM jobs WHERE check_ms IS NULL ORDER BY id LIMIT 1";
        let oldest = self.sql.plain(sql, Vec::new())?.pop();
        oldest.map(|mut row| row.needed(|id| id.parse().ok())).transpose()
    }

    /// The digests of up to `most` jobs.
    pub(super) fn digests(&self, most: usize) -> Result<Vec<Digest>> {
        let rows = self.sql.plain("SELECT digest FROM jobs LIMIT ?", vec![Value::whole(most as u64)])?;
        rows.into_iter().map(|mut row| row.needed(|digest| digest.parse().ok())).collect()
    }

    /// Writes what may change in a job. The sent time is the outbox's to write. The row of one that has ended is as short
    /// as what answers say of it: most rows are such.
    pub fn update_job(&self, job: &Job) -> Result<()> {
        let failure_code = job.failure_code.and_then(|code| serde_json::to_value(code).ok());
        self.sql.exec(
            "UPDATE jobs SET state = ?, attempt = ?, received_ms = ?, started_ms = ?, finished_ms = ?, batch_size = ?,
             device_ms = ?, worker = ?, media_type = ?, bytes = ?, failure_code = ?, failure_detail = ?, check_ms = ?,
             checks = ?, done = ?, total = ?, log = ?, stored_ms = ?, interests = ?, kept = iif(?, kept, NULL)
             WHERE id = ?",
            vec![
                job.state.name().into(),
                Value::whole(job.attempt),
                Value::maybe(job.received_ms),
                Value::maybe(job.started_ms),
                Value::maybe(job.finished_ms),
                Value::maybe(job.batch_size),
                job.device_ms.into(),
                job.worker.clone().into(),
                job.media_type.clone().into(),
                Value::maybe(job.bytes),
                failure_code.and_then(|code| code.as_str().map(str::to_owned)).into(),
                job.failure_detail.clone().into(),
                Value::maybe(job.check_ms),
                Value::whole(job.checks),
                Value::maybe(job.done),
                Value::maybe(job.total),
                journal::stored(job).into(),
                Value::maybe(job.stored_ms),
                job.interests.clone().into(),
                Value::whole(!job.state.is_final()),
                job.id.to_string().into(),
            ],
        )?;
        Ok(())
    }

    /// Writes who wants an open job.
    pub fn put_interests(&self, id: &JobId, interests: &str) -> Result<()> {
        let sql = "UPDATE jobs SET interests = ? WHERE id = ?";
        self.sql.exec(sql, vec![interests.into(), id.to_string().into()])?;
        Ok(())
    }

    /// Writes what few new jobs have: see `Timing::mark`.
    pub fn put_timing(&self, job: &Job) -> Result<()> {
        self.sql.exec(
            "UPDATE jobs SET not_before_ms = ?, deadline_ms = ?, retry_of = ?, waited_ms = ?, input_key = ?, shared = ?,
             retention = ? WHERE id = ?",
            vec![
                Value::maybe(job.not_before_ms),
                Value::maybe(job.deadline_ms),
                job.retry_of.map(|id| id.to_string()).into(),
                Value::maybe(job.waited_ms),
                job.input_key.clone().into(),
                Value::maybe(Some(job.shared).filter(|shared| *shared != 0)),
                job.retention.clone().into(),
                job.id.to_string().into(),
            ],
        )?;
        Ok(())
    }

    /// Jobs, newest first. With a filter no more than a bounded number of rows is looked at: a page may be short, or
    /// empty, before the last.
    pub fn list(&self, listing: &Listing) -> Result<Listed> {
        let Listing { state, model, before, limit } = listing;
        let mut filter = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        for (condition, value) in
            [("state = ?", state.map(|state| state.name().to_owned())), ("model = ?", model.clone())]
        {
            if let Some(value) = value {
                filter.push(condition);
                values.push(value.into());
            }
        }
        // Ids of jobs are letters and digits, all below this.
        let before = before.map_or("~".to_owned(), |id| id.to_string());
        let newest = "SELECT * FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?";
        let one_more = limit.saturating_add(1);
        let mut jobs: Vec<Job> = if filter.is_empty() {
            self.sql.rows(newest, vec![before.as_str().into(), Value::whole(one_more)])?
        } else {
            let sql = format!("SELECT * FROM ({newest}) WHERE {} ORDER BY id DESC LIMIT ?", filter.join(" AND "));
            let window = [before.as_str().into(), Value::whole(MOST_LOOKED_AT)];
            self.sql.rows(&sql, window.into_iter().chain(values).chain([Value::whole(one_more)]).collect::<Vec<_>>())?
        };
        if jobs.len() > *limit as usize {
            jobs.truncate(*limit as usize);
            let next = jobs.last().map(|job| job.id);
            return Ok(Listed { jobs, next });
        }
        let next = if filter.is_empty() { None } else { self.last_looked_at(&before)? };
        Ok(Listed { jobs, next })
    }

    /// Where a filter has to go on, if there is more than it may look at.
    fn last_looked_at(&self, before: &str) -> Result<Option<JobId>> {
        let sql = "SELECT id FROM jobs WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?";
        let last = self.sql.plain(sql, vec![before.into(), Value::whole(MOST_LOOKED_AT - 1)])?.pop();
        last.map(|mut row| row.needed(|id| id.parse().ok())).transpose()
    }

    /// Deletes up to `most` ended jobs older than `before`, and the messages that were kept for them.
    pub fn delete_ended(&self, before: &JobId, most: u32) -> Result<()> {
        self.sql.exec(
            "DELETE FROM outbox WHERE (seq, job_id) IN (SELECT message_seq, id FROM jobs
             WHERE id < ? AND check_ms IS NULL ORDER BY id LIMIT ?)",
            vec![before.to_string().into(), Value::whole(most)],
        )?;
        self.sql.exec(
            "DELETE FROM erasures WHERE next_ms IS NULL AND job_id IN (SELECT id FROM jobs
             WHERE id < ? AND check_ms IS NULL ORDER BY id LIMIT ?)",
            vec![before.to_string().into(), Value::whole(most)],
        )?;
        self.sql.exec(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE id < ? AND check_ms IS NULL ORDER BY id LIMIT ?)",
            vec![before.to_string().into(), Value::whole(most)],
        )?;
        Ok(())
    }
}

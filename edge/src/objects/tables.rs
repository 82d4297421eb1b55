//! The object's SQLite tables. Statements only: what is written was decided elsewhere.

use forebay_contract::{Digest, JobId};
use serde::Deserialize;
use worker::{Result, SqlStorage, SqlStorageValue};

use super::{Job, flush::Sent, pending::Message};
use crate::admission::limit::Buckets;

/// Ids sort by time, so rows without a rowid are appended; `check_ms` is indexed where there is something to check.
///
/// A submission is one statement on a view: its trigger writes job, message and buckets, and SQLite makes one statement
/// all or nothing. It is also a third of the calls that three statements would be.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, parameters TEXT NOT NULL,
  lane TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL, cached INTEGER NOT NULL,
  accepted_ms INTEGER NOT NULL, sent_ms INTEGER, received_ms INTEGER, started_ms INTEGER, finished_ms INTEGER,
  batch_size INTEGER, device_ms REAL, worker TEXT, media_type TEXT, bytes INTEGER,
  failure_code TEXT, failure_detail TEXT, check_ms INTEGER, checks INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_by_digest ON jobs(digest);
CREATE INDEX IF NOT EXISTS jobs_to_check ON jobs(check_ms) WHERE check_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, lane TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, full_at_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS submissions AS
  SELECT id, digest, model, version, parameters, lane, state, cached, accepted_ms, finished_ms, media_type, bytes,
         check_ms, NULL AS seq, NULL AS message, NULL AS buckets
  FROM jobs;
CREATE TRIGGER IF NOT EXISTS submit INSTEAD OF INSERT ON submissions BEGIN
  INSERT INTO jobs (id, digest, model, version, parameters, lane, state, attempt, cached, accepted_ms, finished_ms,
                    media_type, bytes, check_ms, checks)
    VALUES (NEW.id, NEW.digest, NEW.model, NEW.version, NEW.parameters, NEW.lane, NEW.state, 0, NEW.cached,
            NEW.accepted_ms, NEW.finished_ms, NEW.media_type, NEW.bytes, NEW.check_ms, 0);
  INSERT INTO outbox (seq, job_id, lane, message)
    SELECT NEW.seq, NEW.id, NEW.lane, NEW.message WHERE NEW.message IS NOT NULL;
  INSERT OR REPLACE INTO buckets (name, full_at_ns) SELECT key, value FROM json_each(NEW.buckets);
END;
";

/// The tables of one object.
pub struct Tables {
    sql: SqlStorage,
}

#[derive(Deserialize)]
struct Number {
    n: Option<u64>,
}

impl Tables {
    /// Opens the tables, making them when the object is new.
    pub fn open(sql: SqlStorage) -> Result<Self> {
        sql.exec(SCHEMA, None)?;
        Ok(Self { sql })
    }

    /// A job.
    pub fn job(&self, id: &JobId) -> Result<Option<Job>> {
        self.one("SELECT * FROM jobs WHERE id = ?", vec![id.to_string().into()])
    }

    /// The latest job of `digest` that has a result or will have one.
    ///
    /// Mostly there is none: the question is about one column, because the runtime names every column of a cursor.
    pub fn twin(&self, digest: &Digest) -> Result<Option<Job>> {
        #[derive(Deserialize)]
        struct Row {
            id: JobId,
        }
        let sql = "SELECT max(id) AS id FROM jobs WHERE digest = ? AND state IN ('queued', 'running', 'succeeded') \
                   HAVING max(id) IS NOT NULL";
        let twin: Option<Row> = self.one(sql, vec![digest.to_hex().into()])?;
        twin.map_or(Ok(None), |twin| self.job(&twin.id))
    }

    /// Up to `most` jobs whose check is due, the longest due first.
    pub fn to_check(&self, now_ms: u64, most: u32) -> Result<Vec<Job>> {
        let sql = "SELECT * FROM jobs WHERE check_ms <= ? ORDER BY check_ms LIMIT ?";
        self.sql.exec(sql, vec![integer(now_ms), integer(most)])?.to_array()
    }

    /// When the next check is due.
    pub fn next_check_ms(&self) -> Result<Option<u64>> {
        self.number("SELECT min(check_ms) AS n FROM jobs WHERE check_ms IS NOT NULL")
    }

    /// The oldest job that has ended.
    pub fn oldest_ended(&self) -> Result<Option<JobId>> {
        let oldest: Option<Job> =
            self.one("SELECT * FROM jobs WHERE check_ms IS NULL ORDER BY id LIMIT 1", Vec::new())?;
        Ok(oldest.map(|job| job.id))
    }

    /// Writes everything a submission does: the job, its message unless nothing is queued, the buckets.
    pub fn submit(&self, job: &Job, message: Option<&Message>, buckets: &Buckets) -> Result<()> {
        self.sql.exec(
            "INSERT INTO submissions (id, digest, model, version, parameters, lane, state, cached, accepted_ms,
             finished_ms, media_type, bytes, check_ms, seq, message, buckets)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                job.id.to_string().into(),
                job.digest.to_hex().into(),
                job.model.as_str().into(),
                job.version.as_str().into(),
                job.parameters.as_str().into(),
                job.lane.name().into(),
                job.state.name().into(),
                integer(job.cached),
                integer(job.accepted_ms),
                maybe(job.finished_ms),
                job.media_type.clone().into(),
                maybe(job.bytes),
                maybe(job.check_ms),
                maybe(message.map(|message| message.seq)),
                message.map(|message| message.text.as_str()).into(),
                serde_json::to_string(buckets)?.into(),
            ],
        )?;
        Ok(())
    }

    /// Writes what may change in a job. The sent time is the outbox's to write.
    pub fn update_job(&self, job: &Job) -> Result<()> {
        let failure_code = job.failure_code.and_then(|code| serde_json::to_value(code).ok());
        self.sql.exec(
            "UPDATE jobs SET state = ?, attempt = ?, received_ms = ?, started_ms = ?, finished_ms = ?, batch_size = ?,
             device_ms = ?, worker = ?, media_type = ?, bytes = ?, failure_code = ?, failure_detail = ?, check_ms = ?,
             checks = ? WHERE id = ?",
            vec![
                job.state.name().into(),
                integer(job.attempt),
                maybe(job.received_ms),
                maybe(job.started_ms),
                maybe(job.finished_ms),
                maybe(job.batch_size),
                job.device_ms.into(),
                job.worker.clone().into(),
                job.media_type.clone().into(),
                maybe(job.bytes),
                failure_code.and_then(|code| code.as_str().map(str::to_owned)).into(),
                job.failure_detail.clone().into(),
                maybe(job.check_ms),
                integer(job.checks),
                job.id.to_string().into(),
            ],
        )?;
        Ok(())
    }

    /// Deletes up to `most` ended jobs older than `before`.
    pub fn delete_ended(&self, before: &JobId, most: u32) -> Result<()> {
        self.sql.exec(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE id < ? AND check_ms IS NULL ORDER BY id LIMIT ?)",
            vec![before.to_string().into(), integer(most)],
        )?;
        Ok(())
    }

    /// The oldest message and up to `most` of its lane, in order.
    pub fn next_messages(&self, most: usize) -> Result<Vec<Message>> {
        let sql =
            "SELECT * FROM outbox WHERE lane = (SELECT lane FROM outbox ORDER BY seq LIMIT 1) ORDER BY seq LIMIT ?";
        self.sql.exec(sql, vec![integer(most as u64)])?.to_array()
    }

    /// Takes messages out of the outbox that their queue has; their jobs remember when.
    pub fn messages_sent(&self, sent: &[Sent]) -> Result<()> {
        let list: Vec<_> = sent.iter().map(|sent| (sent.seq, sent.job_id, sent.at_ms)).collect();
        let list = serde_json::to_string(&list)?;
        // One text for any number of rows: statements are cached by their text.
        self.sql.exec(
            "UPDATE jobs SET sent_ms = sent.value ->> 2 FROM json_each(?) AS sent WHERE jobs.id = sent.value ->> 1",
            vec![list.as_str().into()],
        )?;
        self.sql.exec(
            "DELETE FROM outbox WHERE seq IN (SELECT value ->> 0 FROM json_each(?))",
            vec![list.as_str().into()],
        )?;
        Ok(())
    }

    /// The place of the newest message; 0 when there is none.
    pub fn last_seq(&self) -> Result<u64> {
        Ok(self.number("SELECT max(seq) AS n FROM outbox")?.unwrap_or(0))
    }

    /// Takes a job's message back, if it is still there.
    pub fn drop_message(&self, id: &JobId) -> Result<()> {
        self.sql.exec("DELETE FROM outbox WHERE job_id = ?", vec![id.to_string().into()])?;
        Ok(())
    }

    /// How many messages wait.
    pub fn outbox_jobs(&self) -> Result<usize> {
        Ok(self.number("SELECT count(*) AS n FROM outbox")?.unwrap_or(0) as usize)
    }

    /// The buckets as they were stored last. As text: nanoseconds are more digits than a double has.
    pub fn buckets(&self) -> Result<Buckets> {
        #[derive(Deserialize)]
        struct Row {
            name: String,
            full_at_ns: String,
        }
        let sql = "SELECT name, CAST(full_at_ns AS TEXT) AS full_at_ns FROM buckets";
        let rows: Vec<Row> = self.sql.exec(sql, None)?.to_array()?;
        Ok(rows.into_iter().filter_map(|row| Some((row.name, row.full_at_ns.parse().ok()?))).collect())
    }

    /// Stores buckets alone.
    pub fn put_buckets(&self, buckets: &Buckets) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO buckets (name, full_at_ns) SELECT key, value FROM json_each(?)";
        self.sql.exec(sql, vec![serde_json::to_string(buckets)?.into()])?;
        Ok(())
    }

    fn one<Row: for<'de> Deserialize<'de>>(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Option<Row>> {
        Ok(self.sql.exec(sql, values)?.to_array()?.pop())
    }

    fn number(&self, sql: &str) -> Result<Option<u64>> {
        Ok(self.one::<Number>(sql, Vec::new())?.and_then(|row| row.n))
    }
}

/// Numbers below 2⁵³ cross into JavaScript unharmed; times and lengths are.
fn integer(number: impl Into<u64>) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number.into()).unwrap_or(i64::MAX))
}

fn maybe(number: Option<impl Into<u64>>) -> SqlStorageValue {
    number.map_or(SqlStorageValue::Null, integer)
}

//! The object's SQLite tables. Statements only: what is written was decided elsewhere.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use forebay_contract::{Digest, JobId, Lane, ordered};
use forebay_limits::policy::{Bucket, Buckets};
use serde_json::json;

use super::{
    Job, Listed, Listing, UsageRow,
    job::Degraded,
    journal,
    load::{Kept, OpenRow, Stored},
    outbox::Sent,
    pending::Message,
    seen::{self, Seen},
    webhook,
};
use crate::platform::{Columns, Result, Sql, Value};
use forebay_admission::idempotency::Idempotency;

/// Each entry is what one version of the object adds; they run in order, once.
///
/// Ids sort by time, so rows without a rowid are appended; `check_ms` is indexed where there is something to check,
/// which is also where a job is open. A submission is one statement on a view: its trigger writes job, message, limits
/// and key, and SQLite makes one statement all or nothing. It is also a third of the calls that three statements would be.
const MIGRATIONS: [&str; 7] = [
    "
-- The layout before there was a first version.
DROP VIEW IF EXISTS submissions;
DROP TABLE IF EXISTS jobs;
DROP TABLE IF EXISTS outbox;
DROP TABLE IF EXISTS buckets;
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, parameters TEXT NOT NULL,
  lane TEXT NOT NULL, cost_ms INTEGER NOT NULL, degraded TEXT, no_store INTEGER NOT NULL, state TEXT NOT NULL,
  attempt INTEGER NOT NULL, cached INTEGER NOT NULL, accepted_ms INTEGER NOT NULL, sent_ms INTEGER, received_ms INTEGER,
  started_ms INTEGER, finished_ms INTEGER, batch_size INTEGER, device_ms REAL, worker TEXT, media_type TEXT,
  bytes INTEGER, failure_code TEXT, failure_detail TEXT, check_ms INTEGER, checks INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_by_digest ON jobs(digest);
CREATE INDEX jobs_to_check ON jobs(check_ms) WHERE check_ms IS NOT NULL;
CREATE TABLE outbox (seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, lane TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE limits (name TEXT PRIMARY KEY, memory TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, job_id TEXT NOT NULL, made_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency(made_ms);
CREATE TABLE revoked_keys (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIEW submissions AS
  SELECT id, digest, model, version, parameters, lane, cost_ms, degraded, no_store, state, cached, accepted_ms,
         finished_ms, media_type, bytes, check_ms, NULL AS seq, NULL AS message, NULL AS limits, NULL AS key,
         NULL AS fingerprint
  FROM jobs;
CREATE TRIGGER submit INSTEAD OF INSERT ON submissions BEGIN
  INSERT INTO jobs (id, digest, model, version, parameters, lane, cost_ms, degraded, no_store, state, attempt, cached,
                    accepted_ms, finished_ms, media_type, bytes, check_ms, checks)
    VALUES (NEW.id, NEW.digest, NEW.model, NEW.version, NEW.parameters, NEW.lane, NEW.cost_ms, NEW.degraded,
            NEW.no_store, NEW.state, 0, NEW.cached, NEW.accepted_ms, NEW.finished_ms, NEW.media_type, NEW.bytes,
            NEW.check_ms, 0);
  INSERT INTO outbox (seq, job_id, lane, message)
    SELECT NEW.seq, NEW.id, NEW.lane, NEW.message WHERE NEW.message IS NOT NULL;
  INSERT OR REPLACE INTO limits (name, memory, until_ms)
    SELECT key, value ->> 'memory', value ->> 'until_ms' FROM json_each(NEW.limits);
  INSERT OR REPLACE INTO idempotency (key, fingerprint, job_id, made_ms)
    SELECT NEW.key, NEW.fingerprint, NEW.id, NEW.accepted_ms WHERE NEW.key IS NOT NULL;
END;
",
    "
ALTER TABLE jobs ADD COLUMN done INTEGER;
ALTER TABLE jobs ADD COLUMN total INTEGER;
ALTER TABLE jobs ADD COLUMN not_before_ms INTEGER;
ALTER TABLE jobs ADD COLUMN deadline_ms INTEGER;
ALTER TABLE jobs ADD COLUMN retry_of TEXT;
ALTER TABLE jobs ADD COLUMN waited_ms INTEGER;
ALTER TABLE jobs ADD COLUMN log TEXT;
ALTER TABLE jobs ADD COLUMN message_seq INTEGER;
-- A message stays until its job has a result, so that the job can be run again: 0 waits for its queue, 1 is there,
-- 2 waits for its time. SQLite overwrites a row of the same length in place, so the mark costs less than the deletion
-- that it stands for.
ALTER TABLE outbox ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN due_ms INTEGER;
CREATE INDEX outbox_waiting ON outbox(seq) WHERE sent = 0;
CREATE INDEX outbox_delayed ON outbox(due_ms) WHERE sent = 2;
CREATE TABLE usage (
  day TEXT NOT NULL, model TEXT NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL,
  canceled INTEGER NOT NULL, expired INTEGER NOT NULL, cached INTEGER NOT NULL, degraded INTEGER NOT NULL,
  device_ms REAL NOT NULL, PRIMARY KEY (day, model)
) WITHOUT ROWID;
",
    webhook::SCHEMA,
    "
-- Where an open job stands in its lane and what it was told, as JSON.
ALTER TABLE jobs ADD COLUMN kept TEXT;
",
    "
-- A lane's messages are looked for without passing over those of the others.
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox(lane, seq) WHERE sent = 0;
",
    RESULTS_AND_INTERESTS,
    KEPT_MESSAGES,
];

/// When the result of a job that another run made was written last, and who wants a job that is open.
const RESULTS_AND_INTERESTS: &str = "
ALTER TABLE jobs ADD COLUMN stored_ms INTEGER;
ALTER TABLE jobs ADD COLUMN interests TEXT;
DROP VIEW submissions;
CREATE VIEW submissions AS
  SELECT id, digest, model, version, parameters, lane, cost_ms, degraded, no_store, state, cached, accepted_ms,
         finished_ms, media_type, bytes, check_ms, stored_ms, interests, NULL AS seq, NULL AS message, NULL AS limits,
         NULL AS key, NULL AS fingerprint
  FROM jobs;
CREATE TRIGGER submit INSTEAD OF INSERT ON submissions BEGIN
  INSERT INTO jobs (id, digest, model, version, parameters, lane, cost_ms, degraded, no_store, state, attempt, cached,
                    accepted_ms, finished_ms, media_type, bytes, check_ms, checks, stored_ms, interests)
    VALUES (NEW.id, NEW.digest, NEW.model, NEW.version, NEW.parameters, NEW.lane, NEW.cost_ms, NEW.degraded,
            NEW.no_store, NEW.state, 0, NEW.cached, NEW.accepted_ms, NEW.finished_ms, NEW.media_type, NEW.bytes,
            NEW.check_ms, 0, NEW.stored_ms, NEW.interests);
  INSERT INTO outbox (seq, job_id, lane, message)
    SELECT NEW.seq, NEW.id, NEW.lane, NEW.message WHERE NEW.message IS NOT NULL;
  INSERT OR REPLACE INTO limits (name, memory, until_ms)
    SELECT key, value ->> 'memory', value ->> 'until_ms' FROM json_each(NEW.limits);
  INSERT OR REPLACE INTO idempotency (key, fingerprint, job_id, made_ms)
    SELECT NEW.key, NEW.fingerprint, NEW.id, NEW.accepted_ms WHERE NEW.key IS NOT NULL;
END;
";

/// Messages of jobs that ended without a result: since when, and how many bytes were kept so, this one included. The
/// difference to the newest's is what came after it, so that nobody adds them up.
const KEPT_MESSAGES: &str = "
ALTER TABLE outbox ADD COLUMN ended_ms INTEGER;
ALTER TABLE outbox ADD COLUMN kept_to INTEGER;
CREATE INDEX outbox_kept ON outbox(kept_to, ended_ms) WHERE kept_to IS NOT NULL;
";

/// The most rows that one page of a filtered list looks at.
const MOST_LOOKED_AT: u32 = 5_000;

/// The most rows that one statement deletes of what has no bound.
const MOST_STALE: u32 = 2_000;

/// The tables of one object.
pub struct Tables {
    sql: Sql,
    seen: RefCell<Seen>,
}

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
    /// Opens the tables, making them when the object is new.
    pub fn open(sql: Sql) -> Result<Self> {
        sql.exec("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) WITHOUT ROWID", Vec::new())?;
        let tables = Self { sql, seen: RefCell::new(Seen::new(&[])) };
        let done = tables.sql.number("SELECT max(version) AS n FROM migrations", Vec::new())?.unwrap_or(0);
        for (version, statements) in (1u64..).zip(MIGRATIONS).filter(|(version, _)| *version > done) {
            // Together: one that was made by half could be made neither whole nor again.
            let noted = format!("{statements}; INSERT INTO migrations (version) VALUES ({version});");
            tables.sql.exec(&noted, Vec::new())?;
        }
        tables.seen.replace(Seen::new(&tables.digests(seen::MOST_READ)?));
        Ok(tables)
    }

    /// A job.
    pub fn job(&self, id: &JobId) -> Result<Option<Job>> {
        self.sql.one("SELECT * FROM jobs WHERE id = ?", vec![id.to_string().into()])
    }

    /// The latest job of `digest` that has a result or will have one.
    ///
    /// Mostly there is none: the question is about one column, because the runtime names every column of a cursor.
    pub fn twin(&self, digest: &Digest) -> Result<Option<Job>> {
        if !self.seen.borrow().may_have(digest) {
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

    /// When the next check is due.
    pub fn next_check_ms(&self) -> Result<Option<u64>> {
        self.sql.number("SELECT min(check_ms) AS n FROM jobs WHERE check_ms IS NOT NULL", Vec::new())
    }

    /// The oldest job that has ended.
    pub fn oldest_ended(&self) -> Result<Option<JobId>> {
        let sql = "SELECT id FROM jobs WHERE check_ms IS NULL ORDER BY id LIMIT 1";
        let oldest = self.sql.plain(sql, Vec::new())?.pop();
        oldest.map(|mut row| row.needed(|id| id.parse().ok())).transpose()
    }

    /// Writes everything a submission does: the job, its message unless nothing is queued, what its limits remember,
    /// and its key if it has one.
    pub fn submit(
        &self,
        job: &Job,
        message: Option<&Message>,
        buckets: &Buckets,
        idempotency: Option<&Idempotency>,
    ) -> Result<()> {
        self.sql.exec(
            "INSERT INTO submissions (id, digest, model, version, parameters, lane, cost_ms, degraded, no_store, state,
             cached, accepted_ms, finished_ms, media_type, bytes, check_ms, seq, message, limits, key, fingerprint,
             stored_ms, interests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                job.id.to_string().into(),
                job.digest.to_hex().into(),
                job.model.as_str().into(),
                job.version.as_str().into(),
                job.parameters.as_str().into(),
                job.lane.name().into(),
                Value::whole(job.cost_ms),
                job.degraded.map(Degraded::name).into(),
                Value::whole(job.no_store),
                job.state.name().into(),
                Value::whole(job.cached),
                Value::whole(job.accepted_ms),
                Value::maybe(job.finished_ms),
                job.media_type.clone().into(),
                Value::maybe(job.bytes),
                Value::maybe(job.check_ms),
                Value::maybe(message.map(|message| message.seq)),
                message.map(|message| message.text.as_str()).into(),
                rows(buckets)?.into(),
                idempotency.map(|idempotency| idempotency.key.as_str()).into(),
                idempotency.map(|idempotency| idempotency.fingerprint.as_str()).into(),
                Value::maybe(job.stored_ms),
                job.interests.clone().into(),
            ],
        )?;
        self.seen.borrow_mut().add(&job.digest);
        Ok(())
    }

    /// The digests of up to `most` jobs.
    fn digests(&self, most: usize) -> Result<Vec<Digest>> {
        let rows = self.sql.plain("SELECT digest FROM jobs LIMIT ?", vec![Value::whole(most as u64)])?;
        rows.into_iter().map(|mut row| row.needed(|digest| digest.parse().ok())).collect()
    }

    /// Writes what may change in a job. The sent time is the outbox's to write. The row of one that has ended is as short
    /// as what is told of it: most rows are such.
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
            "UPDATE jobs SET not_before_ms = ?, deadline_ms = ?, retry_of = ?, waited_ms = ? WHERE id = ?",
            vec![
                Value::maybe(job.not_before_ms),
                Value::maybe(job.deadline_ms),
                job.retry_of.map(|id| id.to_string()).into(),
                Value::maybe(job.waited_ms),
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

    /// Adds to what was used.
    pub fn use_up(&self, row: &UsageRow) -> Result<()> {
        let count = Value::Integer;
        self.sql.exec(
            "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, model) DO UPDATE SET
             succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,
             canceled = canceled + excluded.canceled, expired = expired + excluded.expired,
             cached = cached + excluded.cached, degraded = degraded + excluded.degraded,
             device_ms = device_ms + excluded.device_ms",
            vec![
                row.day.as_str().into(),
                row.model.as_str().into(),
                count(row.succeeded),
                count(row.failed),
                count(row.canceled),
                count(row.expired),
                count(row.cached),
                count(row.degraded),
                row.device_ms.into(),
            ],
        )?;
        Ok(())
    }

    /// What was used on these days, both included.
    pub fn usage(&self, from: &str, to: &str) -> Result<Vec<UsageRow>> {
        let sql = "SELECT * FROM usage WHERE day BETWEEN ? AND ? ORDER BY day, model";
        self.sql.rows(sql, vec![from.into(), to.into()])
    }

    /// Forgets what was used before a day.
    pub fn delete_usage(&self, before: &str) -> Result<()> {
        self.sql.exec("DELETE FROM usage WHERE day < ?", vec![before.into()])?;
        Ok(())
    }

    /// Deletes up to `most` ended jobs older than `before`, and the messages that were kept for them.
    pub fn delete_ended(&self, before: &JobId, most: u32) -> Result<()> {
        self.sql.exec(
            "DELETE FROM outbox WHERE (seq, job_id) IN (SELECT message_seq, id FROM jobs
             WHERE id < ? AND check_ms IS NULL ORDER BY id LIMIT ?)",
            vec![before.to_string().into(), Value::whole(most)],
        )?;
        self.sql.exec(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE id < ? AND check_ms IS NULL ORDER BY id LIMIT ?)",
            vec![before.to_string().into(), Value::whole(most)],
        )?;
        Ok(())
    }

    /// The oldest messages of a lane that wait, `most` at most, in order.
    pub fn next_messages(&self, lane: Lane, most: usize) -> Result<Vec<Message>> {
        let sql = "SELECT seq, job_id, message FROM outbox WHERE sent = 0 AND lane = ? ORDER BY seq LIMIT ?";
        let rows = self.sql.plain(sql, vec![lane.name().into(), Value::whole(most as u64)])?;
        let message = |mut row: Columns| {
            let (seq, job_id) = (row.number().unwrap_or(0), row.needed(|id| id.parse().ok())?);
            Ok(Message { seq, job_id, lane, text: row.needed(Some)? })
        };
        rows.into_iter().map(message).collect()
    }

    /// Marks messages that their queue has; their jobs remember when, and where the message is.
    pub fn messages_sent(&self, sent: &[Sent]) -> Result<()> {
        let list: Vec<_> = sent.iter().map(|sent| (sent.seq, sent.job_id, sent.at_ms)).collect();
        let list = serde_json::to_string(&list)?;
        // One text for any number of rows: statements are cached by their text.
        self.sql.exec(
            "UPDATE jobs SET sent_ms = sent.value ->> 2, message_seq = sent.value ->> 0
             FROM json_each(?) AS sent WHERE jobs.id = sent.value ->> 1",
            vec![list.as_str().into()],
        )?;
        self.sql.exec(
            "UPDATE outbox SET sent = 1 WHERE seq IN (SELECT value ->> 0 FROM json_each(?))",
            vec![list.as_str().into()],
        )?;
        Ok(())
    }

    /// The place of the newest message; 0 when there is none.
    pub fn last_seq(&self) -> Result<u64> {
        Ok(self.sql.number("SELECT max(seq) AS n FROM outbox", Vec::new())?.unwrap_or(0))
    }

    /// Takes a job's message back, if its queue does not have it yet: it is kept, and not sent.
    pub fn hold_message(&self, job: &Job, now_ms: u64) -> Result<()> {
        let id = job.id.to_string();
        let sql = "SELECT seq AS n FROM outbox WHERE sent = 0 AND job_id = ?";
        let waiting = self.sql.number(sql, vec![id.as_str().into()])?;
        if let Some(seq) = waiting.or(job.message_seq) {
            self.sql.exec(
                "UPDATE outbox SET sent = 1 WHERE seq = ? AND job_id = ?",
                vec![Value::whole(seq), id.as_str().into()],
            )?;
            let sql = "UPDATE jobs SET message_seq = ? WHERE id = ?";
            self.sql.exec(sql, vec![Value::whole(seq), id.as_str().into()])?;
            if job.state.is_final() {
                self.keep_message(job, now_ms)?;
            }
        }
        Ok(())
    }

    /// The message that a job was sent with waits for its queue again.
    pub fn send_again(&self, job: &Job) -> Result<()> {
        let sql = "UPDATE outbox SET sent = 0 WHERE seq = ? AND job_id = ? AND sent = 1";
        self.sql.exec(sql, vec![Value::maybe(job.message_seq), job.id.to_string().into()])
    }

    /// Keeps a message back until `due_ms`.
    pub fn delay_message(&self, job: &JobId, seq: u64, due_ms: u64) -> Result<()> {
        let sql = "UPDATE outbox SET sent = 2, due_ms = ? WHERE seq = ?";
        self.sql.exec(sql, vec![Value::whole(due_ms), Value::whole(seq)])?;
        let sql = "UPDATE jobs SET message_seq = ? WHERE id = ?";
        self.sql.exec(sql, vec![Value::whole(seq), job.to_string().into()])?;
        Ok(())
    }

    /// Lets those messages go whose time has come.
    pub fn release_messages(&self, now_ms: u64) -> Result<()> {
        self.sql.exec("UPDATE outbox SET sent = 0 WHERE sent = 2 AND due_ms <= ?", vec![Value::whole(now_ms)])?;
        Ok(())
    }

    /// When the next message's time comes.
    pub fn next_release_ms(&self) -> Result<Option<u64>> {
        self.sql.number("SELECT min(due_ms) AS n FROM outbox WHERE sent = 2", Vec::new())
    }

    /// How many messages wait for their time.
    pub fn delayed_jobs(&self) -> Result<usize> {
        Ok(self.sql.number("SELECT count(*) AS n FROM outbox WHERE sent = 2", Vec::new())?.unwrap_or(0) as usize)
    }

    /// The message that a job was sent with, as long as it is kept.
    pub fn message(&self, job: &Job) -> Result<Option<String>> {
        let Some(seq) = job.message_seq else { return Ok(None) };
        // A number may have been given anew after its message was gone.
        let sql = "SELECT message FROM outbox WHERE seq = ? AND job_id = ?";
        let row = self.sql.plain(sql, vec![Value::whole(seq), job.id.to_string().into()])?.pop();
        Ok(row.and_then(|mut row| row.text()))
    }

    /// Forgets the message of a job that has a result.
    pub fn drop_message(&self, job: &Job) -> Result<()> {
        if let Some(seq) = job.message_seq {
            let sql = "DELETE FROM outbox WHERE seq = ? AND job_id = ?";
            self.sql.exec(sql, vec![Value::whole(seq), job.id.to_string().into()])?;
        }
        Ok(())
    }

    /// The job has ended without a result: its message is kept for another try, for as long as there is room.
    pub fn keep_message(&self, job: &Job, now_ms: u64) -> Result<()> {
        // The table knows where the message is, even where this turn has found it out.
        let id = job.id.to_string();
        let sql = "UPDATE outbox SET ended_ms = ?, kept_to = length(CAST(message AS BLOB)) +
             coalesce((SELECT max(kept_to) FROM outbox WHERE kept_to IS NOT NULL), 0)
             WHERE seq = (SELECT message_seq FROM jobs WHERE id = ?) AND job_id = ? AND kept_to IS NULL";
        self.sql.exec(sql, vec![Value::whole(now_ms), id.as_str().into(), id.as_str().into()])
    }

    /// Forgets messages of ended jobs that are older than `before_ms`, or have more than `bytes` of newer ones behind them:
    /// of the `most` that are the oldest.
    pub fn forget_messages(&self, before_ms: u64, bytes: u64, most: u32) -> Result<()> {
        let sql = "DELETE FROM outbox WHERE seq IN (
             SELECT seq FROM (SELECT seq, ended_ms, kept_to FROM outbox WHERE kept_to IS NOT NULL ORDER BY kept_to LIMIT ?)
             WHERE ended_ms < ? OR kept_to <= (SELECT max(kept_to) FROM outbox WHERE kept_to IS NOT NULL) - ?)";
        self.sql.exec(sql, vec![Value::whole(most), Value::whole(before_ms), Value::whole(bytes)])
    }

    /// When the job of the oldest kept message ended.
    pub fn oldest_kept_ms(&self) -> Result<Option<u64>> {
        let sql = "SELECT ended_ms AS n FROM outbox WHERE kept_to IS NOT NULL ORDER BY kept_to LIMIT 1";
        self.sql.number(sql, Vec::new())
    }

    /// How many messages wait, by lane.
    pub fn outbox_jobs(&self) -> Result<BTreeMap<Lane, usize>> {
        let rows = self.sql.plain("SELECT lane, count(*) FROM outbox WHERE sent = 0 GROUP BY lane", Vec::new())?;
        let lane = |mut row: Columns| Some((row.text()?.parse().ok()?, row.number()? as usize));
        Ok(ordered::map(rows.into_iter().filter_map(lane)))
    }

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

    /// What the object's memory of open jobs begins with.
    pub fn load(&self, now_ms: u64) -> Result<Stored> {
        let (open, delayed) = (self.open_jobs(now_ms)?, self.jobs_to_start(now_ms)?);
        Ok(Stored { open, delayed, kept: self.kept()? })
    }

    /// Keeps where open jobs stand.
    pub fn keep(&self, kept: &BTreeMap<JobId, Kept>) -> Result<()> {
        let sql = "UPDATE jobs SET kept = it.value FROM json_each(?) AS it WHERE jobs.id = it.key";
        self.sql.exec(sql, vec![serde_json::to_string(kept)?.into()])?;
        Ok(())
    }

    fn kept(&self) -> Result<Vec<(JobId, Kept)>> {
        let sql = "SELECT id, kept FROM jobs WHERE check_ms IS NOT NULL AND kept IS NOT NULL";
        // What another build wrote and this one cannot read is an estimate the worse.
        let kept = |mut row: Columns| Some((row.text()?.parse().ok()?, serde_json::from_str(&row.text()?).ok()?));
        Ok(self.sql.plain(sql, Vec::new())?.into_iter().filter_map(kept).collect())
    }

    /// Open jobs that may start, and their cost, by lane.
    fn open_jobs(&self, now_ms: u64) -> Result<Vec<OpenRow>> {
        let sql = "SELECT lane, count(*) AS jobs, sum(cost_ms) AS cost_ms, sum(state = 'queued') AS queued FROM jobs
             WHERE check_ms IS NOT NULL AND (not_before_ms IS NULL OR not_before_ms <= ?) GROUP BY lane";
        self.sql.rows(sql, vec![Value::whole(now_ms)])
    }

    /// Open jobs that may not start yet.
    fn jobs_to_start(&self, now_ms: u64) -> Result<Vec<Job>> {
        let sql = "SELECT * FROM jobs WHERE check_ms IS NOT NULL AND not_before_ms > ?";
        self.sql.rows(sql, vec![Value::whole(now_ms)])
    }
}

/// Buckets as rows; the memory is a text within the text, since its numbers have more digits than a double.
fn rows(buckets: &Buckets) -> Result<String> {
    let mut rows = BTreeMap::new();
    for (name, bucket) in buckets {
        rows.insert(name, json!({ "memory": serde_json::to_string(&bucket.memory)?, "until_ms": bucket.until_ms }));
    }
    Ok(serde_json::to_string(&rows)?)
}

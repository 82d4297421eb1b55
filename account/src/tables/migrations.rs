//! What each version of the object adds to its tables.

use crate::webhook;

/// Each entry is what one version of the object adds; they run in order, once.
///
/// Ids sort by time, so rows without a rowid are appended; `check_ms` is indexed where there is something to check,
/// which is also where a job is open. A submission is one statement on a view: its trigger writes job, message, limits
/// and key, and SQLite makes one statement all or nothing. It is also a third of the calls that three statements would be.
pub(super) const MIGRATIONS: [&str; 8] = [
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
    ERASURES,
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

/// What was erased, and what the bucket is to be asked about it; where an input lies that goes with its job, and whose
/// result a job has.
const ERASURES: &str = "
ALTER TABLE jobs ADD COLUMN input_key TEXT;
ALTER TABLE jobs ADD COLUMN shared INTEGER;
ALTER TABLE jobs ADD COLUMN erased_ms INTEGER;
ALTER TABLE jobs ADD COLUMN retention TEXT;
ALTER TABLE jobs ADD COLUMN ends_ms INTEGER;
CREATE INDEX jobs_to_end ON jobs(ends_ms) WHERE ends_ms IS NOT NULL;
CREATE TABLE erasures (job_id TEXT PRIMARY KEY, digest TEXT, next_ms INTEGER, record TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX erasures_due ON erasures(next_ms) WHERE next_ms IS NOT NULL;
CREATE INDEX erasures_by_digest ON erasures(digest) WHERE digest IS NOT NULL;
CREATE TABLE account_erasure (one INTEGER PRIMARY KEY CHECK (one = 1), next_ms INTEGER, record TEXT NOT NULL);
";

//! The object's SQLite tables. Statements only: what is written was decided elsewhere.

use std::collections::BTreeMap;

use forebay_contract::ordered;
use forebay_limits::lending::ledger::{Changes, Kept, Lent};
use serde::{Deserialize, de::DeserializeOwned};

use crate::platform::{Columns, Result, Sql, Value};
use forebay_admission::lane::backlog::{Memory, OpenJobs, SILENT_MS};

/// What is read back whole and never asked about by column is JSON text.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS shards (shard TEXT PRIMARY KEY, open_ms REAL NOT NULL, open_jobs INTEGER NOT NULL,
                                   heard_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory (id INTEGER PRIMARY KEY, kept TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS limits (id TEXT PRIMARY KEY, kept TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (id INTEGER PRIMARY KEY, lent TEXT NOT NULL);
";

/// Rows of `memory`: what the lane is like, and when a worker was last heard of.
const LANE: u64 = 1;
const HEARD: u64 = 2;

/// The tables of one Lane object.
pub(super) struct Tables {
    sql: Sql,
}

impl Tables {
    /// Opens the tables, making them when the object is new.
    pub(super) fn open(sql: Sql) -> Result<Self> {
        sql.exec(SCHEMA, Vec::new())?;
        Ok(Self { sql })
    }

    /// Every shard with open jobs.
    pub(super) fn shards(&self) -> Result<Vec<(String, OpenJobs)>> {
        #[derive(Deserialize)]
        struct Row {
            shard: String,
            open_ms: f64,
            open_jobs: u64,
            heard_ms: u64,
        }
        let rows: Vec<Row> = self.sql.rows("SELECT * FROM shards", Vec::new())?;
        let open = |row: Row| {
            // How many of them wait is told with the next tally; until then all may.
            let (open_ms, open_jobs) = (row.open_ms, row.open_jobs);
            (row.shard, OpenJobs { open_ms, open_jobs, queued_jobs: open_jobs, heard_ms: row.heard_ms })
        };
        Ok(rows.into_iter().map(open).collect())
    }

    /// Writes what a shard has open; `None` deletes it.
    pub(super) fn put_shard(&self, shard: &str, open: Option<OpenJobs>) -> Result<()> {
        let Some(open) = open else {
            self.sql.exec("DELETE FROM shards WHERE shard = ?", vec![shard.into()])?;
            return Ok(());
        };
        let values = vec![shard.into(), open.open_ms.into(), Value::whole(open.open_jobs), Value::whole(open.heard_ms)];
        self.sql.exec("INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?)", values)?;
        Ok(())
    }

    /// What the lane was last known to be like; `None` for a new one, or what another build wrote.
    pub(super) fn memory(&self) -> Result<Option<Memory>> {
        Ok(self.kept(LANE)?.and_then(|kept| serde_json::from_str(&kept).ok()))
    }

    /// Keeps what the lane is like.
    pub(super) fn put_memory(&self, memory: &Memory) -> Result<()> {
        self.keep(LANE, serde_json::to_string(memory)?)
    }

    /// When a worker was last heard of, in milliseconds since the epoch.
    pub(super) fn heard(&self) -> Result<Option<u64>> {
        Ok(self.kept(HEARD)?.and_then(|kept| kept.parse().ok()))
    }

    /// Keeps when a worker was last heard of.
    pub(super) fn put_heard(&self, now_ms: u64) -> Result<()> {
        self.keep(HEARD, now_ms.to_string())
    }

    fn kept(&self, id: u64) -> Result<Option<String>> {
        let rows = self.sql.plain("SELECT kept FROM memory WHERE id = ?", vec![Value::whole(id)])?;
        Ok(rows.into_iter().next().and_then(|mut row| row.text()))
    }

    fn keep(&self, id: u64, kept: String) -> Result<()> {
        self.sql.exec("INSERT OR REPLACE INTO memory VALUES (?, ?)", vec![Value::whole(id), kept.into()])?;
        Ok(())
    }

    /// Deletes the shards that fell silent.
    pub(super) fn delete_silent(&self, now_ms: u64) -> Result<()> {
        let before = Value::whole(now_ms.saturating_sub(SILENT_MS));
        self.sql.exec("DELETE FROM shards WHERE heard_ms < ?", vec![before])?;
        Ok(())
    }

    /// Every limit by id.
    pub(super) fn limits(&self) -> Result<BTreeMap<String, Kept>> {
        let rows = self.sql.plain("SELECT id, kept FROM limits", Vec::new())?;
        let limit = |mut row: Columns| Ok((row.needed(Some)?, read(&row.needed(Some)?)?));
        ordered::try_map(rows.into_iter().map(limit))
    }

    /// Every lease that can be settled.
    pub(super) fn leases(&self) -> Result<Vec<Lent>> {
        let rows = self.sql.plain("SELECT lent FROM leases", Vec::new())?;
        rows.into_iter().map(|mut row| read(&row.needed(Some)?)).collect()
    }

    /// Writes what the ledger changed. Lists travel as one JSON text: statements are cached by theirs.
    pub(super) fn write(&self, changes: &Changes) -> Result<()> {
        if !changes.forgotten.is_empty() {
            let sql = "DELETE FROM limits WHERE id IN (SELECT value FROM json_each(?))";
            self.sql.exec(sql, vec![serde_json::to_string(&changes.forgotten)?.into()])?;
        }
        if !changes.kept.is_empty() {
            // The values become texts by themselves: `json_each` gives back an object's text.
            let sql = "INSERT OR REPLACE INTO limits SELECT key, value FROM json_each(?)";
            self.sql.exec(sql, vec![serde_json::to_string(&changes.kept)?.into()])?;
        }
        if !changes.lent.is_empty() {
            let sql = "INSERT OR REPLACE INTO leases SELECT value ->> 'id', value FROM json_each(?)";
            self.sql.exec(sql, vec![serde_json::to_string(&changes.lent)?.into()])?;
        }
        if !changes.closed.is_empty() {
            let sql = "DELETE FROM leases WHERE id IN (SELECT value FROM json_each(?))";
            self.sql.exec(sql, vec![serde_json::to_string(&changes.closed)?.into()])?;
        }
        Ok(())
    }
}

fn read<Row: DeserializeOwned>(text: &str) -> Result<Row> {
    Ok(serde_json::from_str(text)?)
}

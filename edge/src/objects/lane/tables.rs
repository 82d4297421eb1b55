//! The object's SQLite tables. Statements only: what is written was decided elsewhere.

use std::collections::BTreeMap;

use forebay_contract::ordered;
use serde::{Deserialize, de::DeserializeOwned};
use worker::{Result, SqlStorage, SqlStorageValue};

use crate::admission::lane::{
    backlog::{Memory, OpenJobs, SILENT_MS},
    ledger::{Changes, Kept, Lent},
};

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
pub struct Tables {
    sql: SqlStorage,
}

impl Tables {
    /// Opens the tables, making them when the object is new.
    pub fn open(sql: SqlStorage) -> Result<Self> {
        sql.exec(SCHEMA, None)?;
        Ok(Self { sql })
    }

    /// Every shard with open jobs.
    pub fn shards(&self) -> Result<Vec<(String, OpenJobs)>> {
        #[derive(Deserialize)]
        struct Row {
            shard: String,
            open_ms: f64,
            open_jobs: u64,
            heard_ms: u64,
        }
        let rows: Vec<Row> = self.sql.exec("SELECT * FROM shards", None)?.to_array()?;
        let open = |row: Row| {
            // How many of them wait is told with the next tally; until then all may.
            let (open_ms, open_jobs) = (row.open_ms, row.open_jobs);
            (row.shard, OpenJobs { open_ms, open_jobs, queued_jobs: open_jobs, heard_ms: row.heard_ms })
        };
        Ok(rows.into_iter().map(open).collect())
    }

    /// Writes what a shard has open; `None` deletes it.
    pub fn put_shard(&self, shard: &str, open: Option<OpenJobs>) -> Result<()> {
        let Some(open) = open else {
            self.sql.exec("DELETE FROM shards WHERE shard = ?", vec![shard.into()])?;
            return Ok(());
        };
        let values = vec![shard.into(), open.open_ms.into(), integer(open.open_jobs), integer(open.heard_ms)];
        self.sql.exec("INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?)", values)?;
        Ok(())
    }

    /// What the lane was last known to be like; `None` for a new one, or what another build wrote.
    pub fn memory(&self) -> Result<Option<Memory>> {
        Ok(self.kept(LANE)?.and_then(|kept| serde_json::from_str(&kept).ok()))
    }

    /// Keeps what the lane is like.
    pub fn put_memory(&self, memory: &Memory) -> Result<()> {
        self.keep(LANE, serde_json::to_string(memory)?)
    }

    /// When a worker was last heard of, in milliseconds since the epoch.
    pub fn heard(&self) -> Result<Option<u64>> {
        Ok(self.kept(HEARD)?.and_then(|kept| kept.parse().ok()))
    }

    /// Keeps when a worker was last heard of.
    pub fn put_heard(&self, now_ms: u64) -> Result<()> {
        self.keep(HEARD, now_ms.to_string())
    }

    fn kept(&self, id: u64) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Row {
            kept: String,
        }
        let rows: Vec<Row> = self.sql.exec("SELECT kept FROM memory WHERE id = ?", vec![integer(id)])?.to_array()?;
        Ok(rows.into_iter().next().map(|row| row.kept))
    }

    fn keep(&self, id: u64, kept: String) -> Result<()> {
        self.sql.exec("INSERT OR REPLACE INTO memory VALUES (?, ?)", vec![integer(id), kept.into()])?;
        Ok(())
    }

    /// Deletes the shards that fell silent.
    pub fn delete_silent(&self, now_ms: u64) -> Result<()> {
        let before = integer(now_ms.saturating_sub(SILENT_MS));
        self.sql.exec("DELETE FROM shards WHERE heard_ms < ?", vec![before])?;
        Ok(())
    }

    /// Every limit by id.
    pub fn limits(&self) -> Result<BTreeMap<String, Kept>> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
            kept: String,
        }
        let rows: Vec<Row> = self.sql.exec("SELECT * FROM limits", None)?.to_array()?;
        ordered::try_map(rows.into_iter().map(|row| Ok((row.id, read(&row.kept)?))))
    }

    /// Every lease that can be settled.
    pub fn leases(&self) -> Result<Vec<Lent>> {
        #[derive(Deserialize)]
        struct Row {
            lent: String,
        }
        let rows: Vec<Row> = self.sql.exec("SELECT lent FROM leases", None)?.to_array()?;
        rows.into_iter().map(|row| read(&row.lent)).collect()
    }

    /// Writes what the ledger changed. Lists travel as one JSON text: statements are cached by theirs.
    pub fn write(&self, changes: &Changes) -> Result<()> {
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

/// Numbers below 2⁵³ cross into JavaScript unharmed; times and counts are.
fn integer(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

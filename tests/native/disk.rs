//! What of an object outlives it: its SQLite and its alarm.

use std::cell::Cell;

use forebay_account::platform::{Error, Result, Rows, Value};
use rusqlite::{Batch, Connection, ErrorCode, fallible_iterator::FallibleIterator as _};

use super::rows;

/// Statements that need room. Deletes work in a full object.
const WRITES: [&str; 6] = ["INSERT", "UPDATE", "REPLACE", "CREATE", "ALTER", "DROP"];
/// <https://developers.cloudflare.com/durable-objects/platform/limits/>
const MOST_BYTES: u64 = 10_000_000_000;
/// As many statements as an object has.
const CACHED_STATEMENTS: usize = 128;

pub(crate) struct Disk {
    sqlite: Connection,
    in_turn: Cell<bool>,
    /// Whether this turn has begun a transaction.
    begun: Cell<bool>,
    alarm_ms: Cell<Option<u64>>,
    /// Set in this turn, or taken away.
    new_alarm_ms: Cell<Option<Option<u64>>>,
    stored_bytes: Cell<Option<u64>>,
    most_bytes: Cell<u64>,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let sqlite = Connection::open_in_memory().expect("SQLite opens in memory");
        sqlite.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        Self {
            sqlite,
            in_turn: Cell::new(false),
            begun: Cell::new(false),
            alarm_ms: Cell::new(None),
            new_alarm_ms: Cell::new(None),
            stored_bytes: Cell::new(None),
            most_bytes: Cell::new(MOST_BYTES),
        }
    }

    /// Runs a statement, or several without values, as part of the turn if one is under way.
    pub(crate) fn sql(&self, statement: &str, values: Vec<Value>, form: Rows) -> Result<String> {
        self.may_write(statement)?;
        if self.in_turn.get() && !self.begun.replace(true) {
            self.sqlite.execute_batch("BEGIN").map_err(error)?;
        }
        if values.is_empty() && statement.trim_end().trim_end_matches(';').contains(';') {
            return self.all_or_nothing(statement, form);
        }
        rows::all(&mut *self.sqlite.prepare_cached(statement).map_err(error)?, values, form)
    }

    /// Several statements: `transactionSync`, <https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/>.
    fn all_or_nothing(&self, statements: &str, form: Rows) -> Result<String> {
        self.sqlite.execute_batch("SAVEPOINT several").map_err(error)?;
        let run = || {
            let mut batch = Batch::new(&self.sqlite, statements);
            while let Some(mut one) = batch.next().map_err(error)? {
                rows::all(&mut one, Vec::new(), form)?;
            }
            Ok("[]".to_owned())
        };
        let done = run();
        let end = if done.is_ok() { "RELEASE several" } else { "ROLLBACK TO several; RELEASE several" };
        self.sqlite.execute_batch(end).map_err(error)?;
        done
    }

    fn may_write(&self, statement: &str) -> Result<()> {
        // One that is there is not made again, and nothing is written.
        if statement.starts_with("CREATE TABLE IF NOT EXISTS migrations") && self.has_migrations() {
            return Ok(());
        }
        let first = statement.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        if self.is_full() && WRITES.contains(&first.as_str()) {
            return Err(Error::Full("database or disk is full: SQLITE_FULL".to_owned()));
        }
        Ok(())
    }

    fn has_migrations(&self) -> bool {
        let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'migrations'";
        self.sqlite.query_row(sql, [], |row| row.get::<_, i64>(0)).is_ok_and(|count| count > 0)
    }

    fn is_full(&self) -> bool {
        self.most_bytes.get() != MOST_BYTES && self.stored_bytes() >= self.most_bytes.get()
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        let count = |pragma: &str| self.sqlite.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap_or(0) as u64;
        // As the runtime counts: a page that was emptied is not stored.
        let pages = || count("PRAGMA page_count").saturating_sub(count("PRAGMA freelist_count"));
        self.stored_bytes.get().unwrap_or_else(|| pages() * count("PRAGMA page_size"))
    }

    /// What the object is told that it stores, whatever it does.
    pub(crate) fn pretend_bytes(&self, bytes: Option<u64>) {
        self.stored_bytes.set(bytes);
    }

    /// From how many bytes on it is full; `None` for what Cloudflare gives.
    pub(crate) fn limit_bytes(&self, most: Option<u64>) {
        self.most_bytes.set(most.unwrap_or(MOST_BYTES));
    }

    /// With the turn. The alarm is a row too: a full object cannot set one.
    pub(crate) fn set_alarm(&self, at_ms: Option<u64>) -> Result<()> {
        self.may_write(if at_ms.is_some() { "INSERT" } else { "DELETE" })?;
        self.new_alarm_ms.set(Some(at_ms));
        Ok(())
    }

    /// The alarm that is set and not ringing.
    pub(crate) fn alarm_ms(&self) -> Option<u64> {
        self.alarm_ms.get()
    }

    /// From here on no alarm is set, until the object sets one.
    pub(crate) fn take_alarm(&self) -> Option<u64> {
        self.alarm_ms.take()
    }

    pub(crate) fn begin(&self) {
        self.in_turn.set(true);
    }

    /// Whether the alarm was changed.
    pub(crate) fn commit(&self) -> bool {
        if self.end_turn() {
            self.sqlite.execute_batch("COMMIT").expect("a commit in memory goes well");
        }
        let Some(alarm_ms) = self.new_alarm_ms.take() else { return false };
        self.alarm_ms.set(alarm_ms);
        true
    }

    pub(crate) fn roll_back(&self) {
        if self.end_turn() {
            self.sqlite.execute_batch("ROLLBACK").expect("a rollback in memory goes well");
        }
        self.new_alarm_ms.set(None);
    }

    fn end_turn(&self) -> bool {
        self.in_turn.set(false);
        self.begun.replace(false)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn error(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full(error.to_string()),
        _ => Error::Storage(error.to_string()),
    }
}

//! The object's SQLite tables. Statements only: what is written was decided elsewhere.

mod erasures;
mod jobs;
mod known_digests;
mod limits;
mod load;
mod messages;
mod migrations;
mod submission;
mod usage;

use std::cell::RefCell;

use self::{known_digests::KnownDigests, migrations::MIGRATIONS};
use crate::platform::{Error, Result, Sql};

/// The tables of one object.
pub struct Tables {
    sql: Sql,
    known: RefCell<KnownDigests>,
}

impl Tables {
    /// Opens the tables, making them when the object is new.
    pub fn open(sql: Sql) -> Result<Self> {
        sql.exec("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) WITHOUT ROWID", Vec::new())?;
        let tables = Self { sql, known: RefCell::new(KnownDigests::new(&[])) };
        let done = tables.sql.number("SELECT max(version) AS n FROM migrations", Vec::new())?.unwrap_or(0);
        let newest = MIGRATIONS.len() as u64;
        if done > newest {
            // What that version writes this one would not see, and might undo.
            return Err(Error::Broken(format!(
                "these tables are of version {done} and this program knows {newest}: deploy the version that made them, \
                 or a later one"
            )));
        }
        for (version, statements) in (1u64..).zip(MIGRATIONS).filter(|(version, _)| *version > done) {
            // Together: one that was made by half could be made neither whole nor again.
            let noted = format!("{statements}; INSERT INTO migrations (version) VALUES ({version});");
            tables.sql.exec(&noted, Vec::new())?;
        }
        tables.known.replace(KnownDigests::new(&tables.digests(known_digests::MOST_READ)?));
        Ok(tables)
    }
}

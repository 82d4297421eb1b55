use std::rc::Rc;

use serde::de::DeserializeOwned;

use super::{Columns, Platform, Result, Rows, Value};

/// The object's SQLite, as its tables use it.
#[derive(Clone)]
pub struct Sql(Rc<dyn Platform>);

impl Sql {
    /// Of this object.
    pub fn new(platform: Rc<dyn Platform>) -> Self {
        Self(platform)
    }

    /// Runs a statement for what it does.
    pub fn exec(&self, statement: &str, values: Vec<Value>) -> Result<()> {
        self.0.sql(statement, values, Rows::Plain).map(drop)
    }

    /// The rows of a statement, by their columns' names.
    pub fn rows<Row: DeserializeOwned>(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        Ok(serde_json::from_str(&self.0.sql(statement, values, Rows::Named)?)?)
    }

    /// The last row of a statement that gives one at most, by its columns' names.
    pub fn one<Row: DeserializeOwned>(&self, statement: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(statement, values)?.pop())
    }

    /// The rows of a statement, each its columns in order: a fraction of the code that names take.
    pub fn plain(&self, statement: &str, values: Vec<Value>) -> Result<Vec<Columns>> {
        let rows: Vec<Vec<Value>> = serde_json::from_str(&self.0.sql(statement, values, Rows::Plain)?)?;
        Ok(rows.into_iter().map(Columns::of).collect())
    }

    /// The only column of a statement that gives one number at most.
    pub fn number(&self, statement: &str, values: Vec<Value>) -> Result<Option<u64>> {
        Ok(self.plain(statement, values)?.pop().and_then(|mut row| row.number()))
    }
}

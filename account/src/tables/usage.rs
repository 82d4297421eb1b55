//! Rows of `usage`.

use super::Tables;
use crate::{
    platform::{Result, Value},
    usage::UsageRow,
};

impl Tables {
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
}

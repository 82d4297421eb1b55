//! The tables of webhooks. Statements only: what is written was decided elsewhere.

use super::{delivery::Delivery, endpoint::Endpoint, row};
use crate::platform::{Error, Platform, Result, Sql, Value};
use forebay_admission::webhook::{DeliveryId, DeliveryQuery, Event, WebhookId};

/// What the object's third version adds; `row` knows the order of the columns. Deliveries lie by webhook and time, as
/// they are listed; a delivery is pending where it has a next try.
pub(crate) const SCHEMA: &str = "
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, description TEXT, origin TEXT NOT NULL, disabled TEXT,
  created_ms INTEGER NOT NULL, rotated_ms INTEGER, succeeded_ms INTEGER, secret TEXT NOT NULL,
  signing_key TEXT NOT NULL, public_key TEXT NOT NULL, old_secret TEXT, old_signing_key TEXT
) WITHOUT ROWID;
CREATE TABLE deliveries (
  webhook TEXT NOT NULL, id TEXT NOT NULL, event TEXT NOT NULL, job_id TEXT, payload TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL, tries INTEGER NOT NULL, created_ms INTEGER NOT NULL, began_ms INTEGER NOT NULL,
  next_ms INTEGER, last_ms INTEGER, status INTEGER, error TEXT, took_ms INTEGER, PRIMARY KEY (webhook, id)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries(webhook, next_ms) WHERE next_ms IS NOT NULL;
ALTER TABLE jobs ADD COLUMN told_ms INTEGER;
";

/// The most rows that one statement changes of a line that has no bound.
const PIECE: u32 = 2_000;

/// The tables of one object.
pub struct WebhookTables {
    sql: Sql,
}

impl WebhookTables {
    /// Of an object whose tables are made.
    pub fn new(sql: Sql) -> Self {
        Self { sql }
    }

    /// Every webhook, oldest first.
    pub fn endpoints(&self, platform: &dyn Platform) -> Result<Vec<Endpoint>> {
        let rows = self.sql.plain("SELECT * FROM webhooks ORDER BY created_ms, id", Vec::new())?;
        // One that cannot be read is no reason to keep the account's jobs from it.
        let complain = |error: &Error| platform.log("webhook-unreadable", &error.to_string());
        Ok(rows.into_iter().filter_map(|row| row::to_endpoint(row).inspect_err(complain).ok()).collect())
    }

    /// Writes a webhook, new or changed.
    pub fn put_endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.sql.exec(sql, row::of_endpoint(endpoint))?;
        Ok(())
    }

    /// Deletes a webhook. Its deliveries go by pieces: see `delete_orphans`.
    pub fn delete_endpoint(&self, id: &WebhookId) -> Result<()> {
        self.sql.exec("DELETE FROM webhooks WHERE id = ?", vec![id.as_str().into()])?;
        self.delete_some(id.as_str())
    }

    /// Deletes some deliveries of a webhook that is gone; whether there may be more.
    ///
    /// Rows lie by webhook, so whose there are is found by as many steps as there are webhooks.
    pub fn delete_orphans(&self) -> Result<bool> {
        let sql = "SELECT webhook, webhook IN (SELECT id FROM webhooks) FROM deliveries WHERE webhook > ?
             ORDER BY webhook LIMIT 1";
        let mut after = String::new();
        while let Some(mut row) = self.sql.plain(sql, vec![after.as_str().into()])?.pop() {
            after = row.needed(Some)?;
            if row.number() == Some(0) {
                self.delete_some(&after)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn delete_some(&self, webhook: &str) -> Result<()> {
        let sql = "DELETE FROM deliveries WHERE (webhook, id) IN
             (SELECT webhook, id FROM deliveries WHERE webhook = ? LIMIT ?)";
        self.sql.exec(sql, vec![webhook.into(), Value::whole(PIECE)])
    }

    /// Writes a delivery, new or changed.
    pub fn put_delivery(&self, delivery: &Delivery) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.sql.exec(sql, row::of_delivery(delivery))?;
        Ok(())
    }

    /// A delivery.
    pub fn delivery(&self, webhook: &WebhookId, id: &DeliveryId) -> Result<Option<Delivery>> {
        let sql = "SELECT * FROM deliveries WHERE webhook = ? AND id = ?";
        self.one(sql, vec![webhook.as_str().into(), id.as_str().into()])
    }

    /// The two deliveries of a webhook that are due first, but for those that are under way.
    pub fn next_two(&self, webhook: &WebhookId, under_way: &[DeliveryId]) -> Result<Vec<Delivery>> {
        let sql = "SELECT * FROM deliveries WHERE webhook = ? AND next_ms IS NOT NULL
             AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY next_ms LIMIT 2";
        let values = vec![webhook.as_str().into(), serde_json::to_string(under_way)?.into()];
        self.sql.plain(sql, values)?.into_iter().map(row::to_delivery).collect()
    }

    /// A test of a webhook that is not over.
    pub fn pending_test(&self, webhook: &WebhookId) -> Result<Option<Delivery>> {
        let sql = "SELECT * FROM deliveries WHERE webhook = ? AND next_ms IS NOT NULL AND event = ? LIMIT 1";
        self.one(sql, vec![webhook.as_str().into(), Event::WebhookTest.name().into()])
    }

    /// When a webhook's next delivery is due.
    pub fn due_ms(&self, webhook: &WebhookId) -> Result<Option<u64>> {
        let sql = "SELECT min(next_ms) AS n FROM deliveries WHERE webhook = ? AND next_ms IS NOT NULL";
        self.number(sql, webhook)
    }

    /// Deliveries of a webhook, newest first.
    pub fn list(&self, webhook: &WebhookId, query: &DeliveryQuery) -> Result<Vec<Delivery>> {
        let mut values: Vec<Value> = vec![webhook.as_str().into()];
        let mut sql = "SELECT * FROM deliveries WHERE webhook = ?".to_owned();
        if let Some(cursor) = &query.cursor {
            sql.push_str(" AND id < ?");
            values.push(cursor.as_str().into());
        }
        sql.push_str(" ORDER BY id DESC LIMIT ?");
        values.push(Value::whole(query.limit));
        self.sql.plain(&sql, values)?.into_iter().map(row::to_delivery).collect()
    }

    /// Some of what is pending of a webhook, the longest due first, is not tried any more.
    pub fn give_up_some(&self, webhook: &WebhookId) -> Result<()> {
        let sql = "UPDATE deliveries SET state = 'failed', next_ms = NULL WHERE (webhook, id) IN
             (SELECT webhook, id FROM deliveries WHERE webhook = ? AND next_ms IS NOT NULL ORDER BY next_ms LIMIT ?)";
        self.sql.exec(sql, vec![webhook.as_str().into(), Value::whole(PIECE)])
    }

    /// Keeps the newest `most` of a webhook's deliveries that are over.
    pub fn trim(&self, webhook: &WebhookId, most: u32) -> Result<()> {
        self.sql.exec(
            "DELETE FROM deliveries WHERE webhook = ? AND next_ms IS NULL AND id <= (SELECT id FROM deliveries
             WHERE webhook = ? AND next_ms IS NULL ORDER BY id DESC LIMIT 1 OFFSET ?)",
            vec![webhook.as_str().into(), webhook.as_str().into(), Value::whole(most)],
        )?;
        Ok(())
    }

    /// Deletes deliveries of a webhook that are over and older than `before`.
    pub fn forget(&self, webhook: &WebhookId, before: &DeliveryId) -> Result<()> {
        let sql = "DELETE FROM deliveries WHERE webhook = ? AND id < ? AND next_ms IS NULL";
        self.sql.exec(sql, vec![webhook.as_str().into(), before.as_str().into()])?;
        Ok(())
    }

    /// When the oldest delivery of a webhook that is over was made.
    pub fn oldest_ended_ms(&self, webhook: &WebhookId) -> Result<Option<u64>> {
        let sql = "SELECT created_ms AS n FROM deliveries WHERE webhook = ? AND next_ms IS NULL ORDER BY id LIMIT 1";
        self.number(sql, webhook)
    }

    /// Remembers when somebody was told of a job's end, the first time.
    pub fn job_told(&self, job_id: &str, at_ms: u64) -> Result<()> {
        let sql = "UPDATE jobs SET told_ms = ? WHERE id = ? AND told_ms IS NULL";
        self.sql.exec(sql, vec![Value::whole(at_ms), job_id.into()])?;
        Ok(())
    }

    fn one(&self, sql: &str, values: Vec<Value>) -> Result<Option<Delivery>> {
        self.sql.plain(sql, values)?.pop().map(row::to_delivery).transpose()
    }

    fn number(&self, sql: &str, webhook: &WebhookId) -> Result<Option<u64>> {
        self.sql.number(sql, vec![webhook.as_str().into()])
    }
}

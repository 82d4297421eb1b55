//! Rows of `outbox`: messages that wait for their queue or their time, that are sent, and that are kept for another try.

use std::collections::BTreeMap;

use forebay_contract::{JobId, Lane, ordered};

use super::Tables;
use crate::{
    job::Job,
    outbox::{Message, Sent},
    platform::{Columns, Result, Value},
};

impl Tables {
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

    /// Marks messages that their queue has; their jobs remember when, and which message it is.
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

    /// The number of the newest message; 0 when there is none.
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
}

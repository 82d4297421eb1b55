//! What memory has of open jobs begins with these rows, and a part of it is kept in them.

use std::collections::BTreeMap;

use forebay_contract::JobId;

use super::Tables;
use crate::{
    job::Job,
    load::{KeptEstimate, OpenRow, Stored},
    platform::{Columns, Result, Value},
};

impl Tables {
    /// What the object's memory of open jobs begins with.
    pub fn load(&self, now_ms: u64) -> Result<Stored> {
        let (open, delayed) = (self.open_jobs(now_ms)?, self.jobs_to_start(now_ms)?);
        Ok(Stored { open, delayed, kept: self.kept()? })
    }

    /// Keeps where open jobs stand.
    pub fn keep(&self, kept: &BTreeMap<JobId, KeptEstimate>) -> Result<()> {
        let sql = "UPDATE jobs SET kept = it.value FROM json_each(?) AS it WHERE jobs.id = it.key";
        self.sql.exec(sql, vec![serde_json::to_string(kept)?.into()])?;
        Ok(())
    }

    fn kept(&self) -> Result<Vec<(JobId, KeptEstimate)>> {
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

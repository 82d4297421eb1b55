//! Waiting for one job: the service holds its answers back, and is asked again until the job has ended.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Call, Client, answer::Answer, error::Error, id::JobId, job::Job};

/// The longest that the service holds one answer back.
const LONGEST_HOLD: Duration = Duration::from_secs(30);
/// The least time between two questions: a service that answers at once is not asked without end.
const BETWEEN: Duration = Duration::from_millis(500);
/// More patience than anybody has; a clock cannot say when longer ones end.
const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// How to wait for a job.
#[derive(Debug, Clone, Copy)]
pub struct LongPoll {
    /// How long the service holds one answer back, half a minute at most: how often one sees how the job stands meanwhile.
    pub hold: Duration,
    /// When the caller gives up waiting.
    pub until: Instant,
}

impl LongPoll {
    /// For so long from now, with answers held back for as long as the service does.
    pub fn up_to(patience: Duration) -> Self {
        Self { hold: LONGEST_HOLD, until: Instant::now() + patience.min(LONGEST_PATIENCE) }
    }
}

impl Client {
    /// A job once it ended, or as it stands after `hold`, at most half a minute.
    pub async fn job_within(&self, id: &JobId, hold: Duration) -> Result<Answer<Job>, Error> {
        let hold_s = hold.min(LONGEST_HOLD).as_secs();
        let query = if hold_s == 0 { String::new() } else { format!("?wait={hold_s}") };
        let held = Duration::from_secs(hold_s);
        self.answer(Call { held, ..Call::get(format!("/v1/jobs/{id}{query}")) }).await
    }

    /// A job once it ended; [`Error::TimedOut`] when it goes on after `patience`.
    pub async fn wait(&self, id: &JobId, patience: Duration) -> Result<Answer<Job>, Error> {
        self.wait_watched(id, LongPoll::up_to(patience), |_| ()).await
    }

    /// The same, and `watch` sees with each answer how the job stands.
    pub async fn wait_watched(
        &self,
        id: &JobId,
        LongPoll { hold, until }: LongPoll,
        mut watch: impl FnMut(&Job),
    ) -> Result<Answer<Job>, Error> {
        loop {
            let asked = Instant::now();
            let left = until.saturating_duration_since(asked);
            let job = self.job_within(id, hold.min(left)).await?;
            watch(&job);
            if job.status.is_final() {
                return Ok(job);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::TimedOut(Box::new(job)));
            }
            sleep(BETWEEN.saturating_sub(asked.elapsed()).min(left)).await;
        }
    }
}

//! Waiting for one job.

use std::time::{Duration, Instant};

use forebay::{Client, Error, Job, JobId, Told};

use crate::show::Show;

/// How to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// How long the service holds one answer back: how often the job is told of meanwhile.
    pub(crate) hold: Duration,
    /// When patience ends.
    pub(crate) until: Instant,
}

/// The longest that the service holds an answer back is no longer.
const LONG: Duration = Duration::from_secs(30);
/// Between two answers of a service that does not hold them back.
const BETWEEN: Duration = Duration::from_millis(500);

impl Waiting {
    /// The same with a look each two seconds, where somebody looks on.
    pub(crate) fn watched_by(self, show: &Show) -> Self {
        let hold = if show.is_live() { Duration::from_secs(2) } else { self.hold };
        Self { hold, ..self }
    }

    /// For so long from now.
    pub(crate) fn up_to(timeout_s: u64) -> Self {
        Self { hold: LONG, until: Instant::now() + Duration::from_secs(timeout_s.min(7 * 86_400)) }
    }
}

/// The job once it ended, or [`Error::TimedOut`]; `tell` is told how it stands meanwhile.
pub(crate) async fn until_ended(
    client: &Client,
    id: &JobId,
    waiting: Waiting,
    mut tell: impl FnMut(&Job),
) -> Result<Told<Job>, Error> {
    loop {
        let asked = Instant::now();
        let left = waiting.until.saturating_duration_since(asked);
        let job = client.job_within(id, waiting.hold.min(left)).await?;
        tell(&job);
        if job.status.is_final() {
            return Ok(job);
        }
        let left = waiting.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::TimedOut(Box::new(job)));
        }
        tokio::time::sleep(BETWEEN.saturating_sub(asked.elapsed()).min(left)).await;
    }
}

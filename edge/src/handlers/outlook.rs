//! How long a job still takes, for the answers that say so.

use std::rc::Rc;

use forebay_contract::{JobState, Lane, catalog::LaneSpec};

use crate::{cx::Cx, http::Stop, isolate::catalog, objects::lanes};
use forebay_account::{Job, JobBody, waiting};
use forebay_admission::{
    lane::{
        LaneStatus,
        position::{Estimate, Eta, QueuePosition, look_again_ms},
    },
    rate_fields::retry_after,
};

/// By then every lane has counted a job that was accepted, in milliseconds.
const COUNTED_MS: u64 = 2_000;

/// How one lane stands.
pub struct Outlook {
    status: Rc<LaneStatus>,
    spec: LaneSpec,
    now_ms: u64,
    /// Whether the status counts every job that it is asked about.
    counted: bool,
}

impl Outlook {
    /// As far as this isolate knows.
    pub async fn of(cx: &Cx, lane: Lane) -> Result<Self, Stop> {
        let spec = catalog::current(cx).await?.lane(lane);
        Ok(Self::new(lanes::status(cx, lane).await, spec, cx.now_ms))
    }

    /// With a status that is at hand.
    pub fn new(status: Rc<LaneStatus>, spec: LaneSpec, now_ms: u64) -> Self {
        Self { status, spec, now_ms, counted: false }
    }

    /// The status counts a job that was just admitted.
    pub fn counting(self) -> Self {
        Self { counted: true, ..self }
    }

    /// The job's position in the queue; `None` once it has left it.
    pub fn queue(&self, job: &Job) -> Option<QueuePosition> {
        let age_ms = self.now_ms.saturating_sub(job.accepted_ms);
        let lined = Estimate { status: &self.status, spec: &self.spec };
        (job.state == JobState::Queued)
            .then(|| lined.queue(waiting(job, self.counted || age_ms > COUNTED_MS, self.now_ms)))
    }

    /// When to look again; `None` once it has ended.
    pub fn look_again(&self, job: &Job) -> Option<(&'static str, String)> {
        let eta = match job.state {
            JobState::Queued => self.queue(job)?.eta_ms,
            JobState::Running => {
                let (p50, p90) = self.status.spread.apply(left_ms(job));
                Eta { p50: p50.ceil() as u64, p90: p90.ceil() as u64 }
            }
            _ => return None,
        };
        let waited_ms = self.now_ms.saturating_sub(job.accepted_ms.max(job.not_before_ms.unwrap_or(0)));
        Some(("retry-after", retry_after(look_again_ms(eta, waited_ms))))
    }

    /// The body of the job, and the header fields that go with it.
    pub fn describe<'a>(&self, job: &'a Job, origin: &str) -> Result<(JobBody<'a>, Fields), Stop> {
        let mut body = JobBody::new(job, origin)?;
        body.stands(self.queue(job));
        Ok((body, self.look_again(job).into_iter().chain([timing(job)]).collect()))
    }
}

/// Header fields of an answer: names and values.
pub type Fields = Vec<(&'static str, String)>;

/// The stages of a job.
pub fn timing(job: &Job) -> (&'static str, String) {
    ("server-timing", forebay_account::server_timing(job))
}

/// What is left of a job that runs, in device milliseconds.
fn left_ms(job: &Job) -> f64 {
    let done = job.done.zip(job.total).map_or(0.0, |(done, total)| f64::from(done) / f64::from(total.max(1)));
    job.cost_ms as f64 * (1.0 - done.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_account::example::{START_MS, queued};

    fn outlook(now_ms: u64) -> Outlook {
        Outlook::new(Rc::new(LaneStatus::unknown(now_ms)), LaneSpec::default(), now_ms)
    }

    #[test]
    fn a_job_stands_in_the_queue_until_it_starts_and_is_looked_at_again_until_it_ends() {
        let mut job = queued();
        let queue = outlook(START_MS).queue(&job).unwrap();
        assert_eq!(queue.position, 1);
        assert!(outlook(START_MS).look_again(&job).is_some());
        (job.state, job.done, job.total, job.cost_ms) = (JobState::Running, Some(3), Some(4), 40_000);
        assert_eq!(outlook(START_MS).queue(&job), None);
        // A quarter of forty seconds is left, and may take twice that.
        assert_eq!(outlook(START_MS).look_again(&job), Some(("retry-after", "21".to_owned())));
        job.state = JobState::Succeeded;
        assert_eq!(outlook(START_MS).look_again(&job), None);
    }

    #[test]
    fn a_delayed_job_is_looked_at_after_its_start() {
        let job = Job { not_before_ms: Some(START_MS + 30_000), ..queued() };
        let queue = outlook(START_MS).queue(&job).unwrap();
        assert!(queue.eta_ms.p50 >= 30_000);
        assert_eq!(outlook(START_MS).look_again(&job), Some(("retry-after", "31".to_owned())));
    }
}

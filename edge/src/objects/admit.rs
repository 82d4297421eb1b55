//! Whether a submission becomes a job, joins one, or must come back later.

use forebay_contract::catalog::LimitSpec;

use super::{Job, SubmitCall};
use crate::admission::limit::{Buckets, Decision, Standing, take};
use forebay_contract::JobState;

/// What the object knows when a submission comes.
pub struct Present<'a> {
    /// The caller's buckets.
    pub buckets: &'a Buckets,
    /// A job of the same digest that may answer for it.
    pub twin: Option<Job>,
    /// How many jobs wait for the queue.
    pub outbox_jobs: usize,
    /// How many may.
    pub outbox_max_jobs: usize,
    /// The time.
    pub now_ms: u64,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Admission {
    /// Store the buckets; the twin answers.
    Join { job: Box<Job>, buckets: Buckets, standings: Vec<Standing> },
    /// Store the buckets and the new job.
    Accept { buckets: Buckets, standings: Vec<Standing> },
    /// Store nothing.
    Deny { standings: Vec<Standing> },
    /// Store nothing: the queue is out of reach.
    Full,
}

/// Decides. A submission counts against its limits whether it joins or not; one that the outbox has no room for
/// does not.
pub fn admit(limits: &[LimitSpec], needs_queue: bool, present: Present<'_>) -> Admission {
    let (buckets, standings) = match take(limits, present.buckets, present.now_ms) {
        Decision::Admitted { buckets, standings } => (buckets, standings),
        Decision::Denied { standings } => return Admission::Deny { standings },
    };
    match present.twin {
        Some(job) => Admission::Join { job: Box::new(job), buckets, standings },
        None if needs_queue && present.outbox_jobs >= present.outbox_max_jobs => Admission::Full,
        None => Admission::Accept { buckets, standings },
    }
}

/// The new job of `call`.
pub fn new_job(call: SubmitCall, now_ms: u64, reconcile_after_ms: u64) -> Job {
    let mut job = Job {
        id: call.id,
        digest: call.digest,
        model: call.model,
        version: call.version,
        parameters: call.parameters,
        lane: call.lane,
        state: JobState::Queued,
        attempt: 0,
        cached: 0,
        accepted_ms: now_ms,
        sent_ms: None,
        received_ms: None,
        started_ms: None,
        finished_ms: None,
        batch_size: None,
        device_ms: None,
        worker: None,
        media_type: None,
        bytes: None,
        failure_code: None,
        failure_detail: None,
        check_ms: Some(now_ms.saturating_add(reconcile_after_ms)),
        checks: 0,
    };
    if let Some(known) = call.known {
        job.state = JobState::Succeeded;
        job.cached = 1;
        job.finished_ms = Some(now_ms);
        job.media_type = known.media_type;
        job.bytes = known.bytes;
        job.check_ms = None;
    }
    job
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::{Algorithm, Beyond, Dimension, Unit, Window};

    use super::*;
    use crate::objects::KnownResult;
    use crate::objects::job::tests::{START_MS, queued};

    fn check(twin: Option<Job>, outbox_jobs: usize, spent: bool) -> Admission {
        let limit = LimitSpec {
            name: "submit".to_owned(),
            dimension: Dimension::Account,
            algorithm: Algorithm::TokenBucket,
            quantity: 1,
            window: Some(Window::Seconds(60)),
            unit: Unit::Requests,
            beyond: Beyond::Reject,
        };
        let buckets = if spent { Buckets::from([("submit".to_owned(), u64::MAX)]) } else { Buckets::new() };
        let present = Present { buckets: &buckets, twin, outbox_jobs, outbox_max_jobs: 2, now_ms: START_MS };
        admit(&[limit], true, present)
    }

    #[test]
    fn limits_come_first_then_twins_then_room() {
        assert!(matches!(check(Some(queued()), 0, true), Admission::Deny { .. }));
        assert!(matches!(check(Some(queued()), 2, false), Admission::Join { .. }));
        assert_eq!(check(None, 2, false), Admission::Full);
        let Admission::Accept { buckets, standings } = check(None, 1, false) else { panic!("not accepted") };
        assert_eq!(buckets.len(), 1);
        assert_eq!(standings[0].remaining, 0);
    }

    #[test]
    fn a_job_whose_result_is_known_is_born_finished() {
        let twin = queued();
        let call = |known| SubmitCall {
            id: twin.id,
            digest: twin.digest,
            model: "m".to_owned(),
            version: "1".to_owned(),
            parameters: "{}".to_owned(),
            lane: twin.lane,
            limits: Vec::new(),
            join: true,
            known,
            wait_ms: 0,
        };
        assert_eq!(new_job(call(None), START_MS, 30_000), twin);
        let known = KnownResult { media_type: Some("image/png".to_owned()), bytes: Some(9) };
        let job = new_job(call(Some(known)), START_MS, 30_000);
        assert_eq!((job.state, job.cached, job.check_ms), (JobState::Succeeded, 1, None));
        assert_eq!((job.bytes, job.finished_ms), (Some(9), Some(START_MS)));
    }
}

//! Jobs that a path names: only one of the caller's own is found.

use forebay_contract::{JobId, ProblemCode};

use super::caller::shard;
use crate::cx::Cx;
use forebay_account::Job;
use forebay_admission::{Refusal, caller::Caller};

/// The id in a path, if it can be one of this caller's. Somebody else's id is answered like one that never was.
pub(super) fn own_job_id(caller: &Caller, text: &str) -> Result<JobId, Refusal> {
    let id: JobId = text.parse().map_err(|error: forebay_contract::JobIdParseError| {
        Refusal::new(ProblemCode::MalformedJobId, error.to_string())
    })?;
    if id.shard() == shard(caller) { Ok(id) } else { Err(Refusal::no_such_job()) }
}

/// The job, or why there is none: ids have their age in them.
pub(super) fn found(cx: &Cx, id: &JobId, job: Option<Job>) -> Result<Job, Refusal> {
    match job {
        Some(job) => Ok(job),
        None if cx.now_ms.saturating_sub(id.made_at_ms()) > cx.config.account.retention_ms => Err(expired()),
        None => Err(Refusal::no_such_job()),
    }
}

pub(super) fn expired() -> Refusal {
    Refusal::new(ProblemCode::JobExpired, "results are kept for a limited time: submit the job again")
}

/// Of a job that has numbers alone.
pub(super) fn erased() -> Refusal {
    Refusal::new(
        ProblemCode::JobErased,
        "this job's data is erased, by your wish or as your plan keeps it: submit the input again for a new result",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_accounts_jobs_are_unknown() {
        let caller = |account: &str| Caller {
            account: account.to_owned(),
            plan: "free".to_owned(),
            groups: Vec::new(),
            key: None,
            ip: String::new(),
            until_ms: None,
        };
        let id = JobId::new(1, [0; 10], shard(&caller("a")));
        assert_eq!(own_job_id(&caller("a"), &id.to_string()), Ok(id));
        assert_eq!(own_job_id(&caller("b"), &id.to_string()).unwrap_err().code, ProblemCode::JobNotFound);
        assert_eq!(own_job_id(&caller("a"), "job_x").unwrap_err().code, ProblemCode::MalformedJobId);
    }
}

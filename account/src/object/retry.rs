//! A job's input once more: the message is still in the outbox when the job has no result.

use std::rc::Rc;

use forebay_contract::{JobId, JobMessage, JobState};

use super::{
    core::Core,
    flush,
    submit::{Messages, submit},
};
use crate::{
    call::{RetryAnswer, SubmitCall},
    platform::Result,
};

/// Submits the input of job `id` as `call` says, if the job ended without a result and its input is kept.
pub(crate) async fn retry(core: &Rc<Core>, id: JobId, mut call: SubmitCall) -> Result<RetryAnswer> {
    flush::mark_sent(core)?;
    let Some(job) = core.tables.job(&id)? else { return Ok(RetryAnswer::Unknown) };
    let ended = matches!(job.state, JobState::Failed | JobState::Canceled | JobState::Expired);
    if !ended || job.erased_ms.is_some() {
        return Ok(RetryAnswer::Refused { job: Box::new(job) });
    }
    let Some(message) = core.tables.message(&job)? else { return Ok(RetryAnswer::NotKept) };
    // A message that this build cannot read is as good as gone.
    let Some(first) = renamed(&message, call.id, core.now_ms()) else { return Ok(RetryAnswer::NotKept) };
    // It runs on the same object of the bucket.
    call.input_key.clone_from(&job.input_key);
    let answer = submit(core, &call, Messages { first: &first, lighter: "" }).await?;
    Ok(RetryAnswer::Submitted(Box::new(answer)))
}

/// The same message for another job, which has no deadline: the first one may be over.
fn renamed(message: &str, id: JobId, now_ms: u64) -> Option<String> {
    let message = JobMessage::from_json(message).ok()?;
    JobMessage { job_id: id, accepted_ms: now_ms, deadline_ms: None, ..message }.to_json().ok()
}

#[cfg(test)]
mod tests {
    use forebay_contract::{InputRef, MediaType, Parameters};

    use super::*;
    use crate::job::example::{START_MS, queued};

    #[test]
    fn a_message_changes_its_job_and_nothing_else() {
        let job = queued();
        let message = JobMessage {
            job_id: job.id,
            account: "acme".to_owned(),
            model: job.model,
            version: job.version,
            parameters: Parameters::new(),
            input: InputRef::Inline { media_type: MediaType::PlainText, data: b"hi".to_vec() },
            digest: job.digest,
            cost_ms: 7.0,
            accepted_ms: START_MS,
            deadline_ms: Some(START_MS + 1),
            traceparent: None,
        };
        let id = JobId::new(START_MS + 5, [9; 10], job.id.shard());
        let text = renamed(&message.to_json().unwrap(), id, START_MS + 5).unwrap();
        let expect = JobMessage { job_id: id, accepted_ms: START_MS + 5, deadline_ms: None, ..message };
        assert_eq!(JobMessage::from_json(&text).unwrap(), expect);
        assert_eq!(renamed("{}", id, 0), None);
    }
}

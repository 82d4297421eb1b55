//! What a submission writes: one statement on a view, whose trigger writes job, message, limits and key.

use forebay_admission::idempotency::Idempotency;
use forebay_limits::policy::Buckets;

use super::{Tables, limits::rows};
use crate::{
    job::{Degraded, Job},
    outbox::Message,
    platform::{Result, Value},
};

impl Tables {
    /// Writes everything a submission does: the job, its message unless nothing is queued, what its limits remember,
    /// and its key if it has one.
    pub fn submit(
        &self,
        job: &Job,
        message: Option<&Message>,
        buckets: &Buckets,
        idempotency: Option<&Idempotency>,
    ) -> Result<()> {
        self.sql.exec(
            "INSERT INTO submissions (id, digest, model, version, parameters, lane, cost_ms, degraded, no_store, state,
             cached, accepted_ms, finished_ms, media_type, bytes, check_ms, seq, message, limits, key, fingerprint,
             stored_ms, interests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                job.id.to_string().into(),
                job.digest.to_hex().into(),
                job.model.as_str().into(),
                job.version.as_str().into(),
                job.parameters.as_str().into(),
                job.lane.name().into(),
                Value::whole(job.cost_ms),
                job.degraded.map(Degraded::name).into(),
                Value::whole(job.no_store),
                job.state.name().into(),
                Value::whole(job.cached),
                Value::whole(job.accepted_ms),
                Value::maybe(job.finished_ms),
                job.media_type.clone().into(),
                Value::maybe(job.bytes),
                Value::maybe(job.check_ms),
                Value::maybe(message.map(|message| message.seq)),
                message.map(|message| message.text.as_str()).into(),
                rows(buckets)?.into(),
                idempotency.map(|idempotency| idempotency.key.as_str()).into(),
                idempotency.map(|idempotency| idempotency.fingerprint.as_str()).into(),
                Value::maybe(job.stored_ms),
                job.interests.clone().into(),
            ],
        )?;
        self.known.borrow_mut().add(&job.digest);
        Ok(())
    }
}

//! Where a job's model and its payload come from.

use std::sync::Arc;

use bytes::Bytes;
use forebay_contract::{FailureCode, InputRef};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use super::{Decode, NotDecoded};
use crate::{
    failure::Failure,
    model::Model,
    retry,
    stages::{job::Job, room::Reservation},
    store::StoreError,
};

impl Decode {
    /// The job's model. That it cannot be had says nothing of the job: another worker may have it.
    pub(super) async fn model(&self, job: &Job) -> Result<Arc<Model>, NotDecoded> {
        let (registry, health) = (&self.registry, &self.vitals.health);
        if let Some(model) = registry.opened(&job.model) {
            return Ok(model);
        }
        // Its files may take minutes to come, and others of the lane wait for none.
        let _parked = job.reservation.as_ref().filter(|_| registry.is_fetched(&job.model)).map(Reservation::park);
        let why = match registry.open(&job.model).await {
            Some(Ok(model)) => {
                health.has(&job.model);
                return Ok(model);
            }
            Some(Err(error)) if error.is_awaited() => return Err(NotDecoded::Later),
            Some(Err(error)) => {
                if !error.is_repeated() {
                    self.vitals.metrics.model_not_loaded(&job.model, error.cause());
                }
                error.whole()
            }
            None => "it is not in models-dir".to_owned(),
        };
        warn!(job = %job.id, model = job.model, why, "handed back: the model cannot be had here");
        health.lacks(&job.model, why);
        Err(NotDecoded::Unable)
    }

    /// What was sent, from the message or from the store.
    pub(super) async fn payload(&self, model: &Model, input: InputRef) -> Result<Bytes, NotDecoded> {
        let missing = |detail: &str| Err(Failure::new(FailureCode::InputMissing, detail).into());
        let (key, bytes, sha256) = match input {
            InputRef::Inline { data, .. } => return Ok(data.into()),
            InputRef::Stored { key, bytes, sha256, .. } => (key, bytes, sha256),
        };
        // The edge refused more; a message that says otherwise does not make the worker reserve it.
        let bound = bytes.min(model.manifest.spec.input.max_bytes);
        let store = &self.store;
        match retry::while_unavailable(&self.stop, || store.get(&key, bound)).await {
            None => Err(NotDecoded::Stopped),
            Some(Ok(body)) if hex::encode(Sha256::digest(&body)) == sha256 => Ok(body),
            Some(Ok(_) | Err(StoreError::TooLarge { .. })) => missing("the stored input is not what was accepted"),
            Some(Err(_)) => missing("the stored input is gone: send it again"),
        }
    }
}

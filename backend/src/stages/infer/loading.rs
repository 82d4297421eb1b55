//! Models come onto a device when they are first needed, and go to make room.

use tokio::time::Instant;
use tracing::{error, info};

use super::{device::DeviceThread, refusals::Verdict};
use crate::{
    batch::Arrival,
    model::{Model, ModelError, Stamp},
};

/// Whether a model can run.
pub(super) enum Readiness {
    /// It is loaded on this device.
    Ready,
    /// No worker can run it.
    Never,
    /// Not here, and not now.
    NotYet,
    /// Nothing can run here any more.
    DeviceLost(String),
}

impl DeviceThread {
    /// Whether the model can run: it is loaded if it was not.
    pub(super) fn make_ready(&mut self, model: &Model) -> Readiness {
        if self.residents.touch(&model.id) {
            return Readiness::Ready;
        }
        if let Some(verdict) = self.refusals.of(&model.id, Instant::now()) {
            return verdict.into();
        }
        let bytes = self.engine.footprint(model);
        let gone = self.residents.evict_until_fits(bytes);
        let budget = self.residents.budget();
        self.around.load.arrives(&self.engine.device(), Arrival { model: &model.id, bytes, gone: &gone, budget });
        gone.iter().for_each(|id| self.unload(id));
        let started = Instant::now();
        match self.bring(model) {
            Ok(()) => {
                self.residents.insert(&model.id, bytes);
                self.refusals.forget(&model.id);
                self.around.vitals.health.has(&model.id);
                self.around.vitals.metrics.model_loaded(&model.id, &self.engine.device(), bytes);
                let took = started.elapsed();
                self.around.load.loaded(&self.engine.device(), &model.id, took);
                let (load_ms, held_bytes) = (took.as_millis(), self.residents.bytes());
                info!(model = model.id, device = self.engine.device(), load_ms, bytes, held_bytes, "model loaded");
                self.measure_memory();
                Readiness::Ready
            }
            Err(error) => {
                self.around.load.leaves(&self.engine.device(), &model.id);
                self.not_loaded(model, &error)
            }
        }
    }

    /// Others may have to go: how much a device holds is not always known before.
    fn bring(&mut self, model: &Model) -> Result<(), ModelError> {
        loop {
            let under_way =
                self.pulse.begin("load", &model.id, self.around.patience.limit(0.0).max(self.around.patience.load));
            let loaded = self.engine.load(model);
            drop(under_way);
            match loaded {
                Err(error) if error.is_out_of_memory() => match self.residents.evict() {
                    Some(id) => self.unload(&id),
                    None => return Err(error),
                },
                loaded => return loaded,
            }
        }
    }

    fn not_loaded(&mut self, model: &Model, error: &ModelError) -> Readiness {
        let device = self.engine.device();
        error!(model = model.id, device, cause = error.cause(), error = error.whole(), "model not loaded");
        self.around.vitals.metrics.model_not_loaded(&model.id, error.cause());
        if error.is_device_lost() {
            return Readiness::DeviceLost(error.to_string());
        }
        let file = Stamp::of_file(&model.manifest.weights);
        let verdict = self.refusals.note(&model.id, Instant::now(), error, file);
        match verdict {
            Verdict::OwnFault => self.around.vitals.health.lacks(&model.id, error.to_string()),
            // Nobody has it: this worker is as good as any other.
            Verdict::ModelsOwn => self.around.vitals.health.has(&model.id),
        }
        verdict.into()
    }

    /// Frees a model's memory.
    pub(super) fn unload(&mut self, id: &str) {
        info!(model = id, device = self.engine.device(), "model unloaded to make room");
        self.engine.unload(id);
        self.around.load.leaves(&self.engine.device(), id);
        self.around.vitals.metrics.model_evicted(id, &self.engine.device());
    }
}

impl From<Verdict> for Readiness {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::ModelsOwn => Self::Never,
            Verdict::OwnFault => Self::NotYet,
        }
    }
}

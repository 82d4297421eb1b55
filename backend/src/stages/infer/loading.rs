//! Models come onto a device when they are first needed, and go to make room.

use tokio::time::Instant;
use tracing::{error, info};

use super::device::DeviceThread;
use crate::model::{AGAIN_AFTER, Model};

impl DeviceThread {
    /// Whether the model can run: it is loaded if it was not.
    pub(super) fn is_loaded(&mut self, model: &Model) -> bool {
        if self.residents.touch(&model.id) {
            return true;
        }
        if self.failed.get(&model.id).is_some_and(|failed| failed.elapsed() < AGAIN_AFTER) {
            return false;
        }
        let bytes = self.engine.footprint(model);
        for id in self.residents.make_room(bytes) {
            self.unload(&id);
        }
        let started = Instant::now();
        let loaded = loop {
            let under_way = self.pulse.begin("load", &model.id, self.patience.limit(0.0).max(self.patience.load));
            let loaded = self.engine.load(model);
            drop(under_way);
            match loaded {
                // Others may have to go: how much a device holds is not always known before.
                Err(error) if error.is_out_of_memory() => match self.residents.evict() {
                    Some(id) => self.unload(&id),
                    None => break Err(error),
                },
                loaded => break loaded,
            }
        };
        match loaded {
            Ok(()) => {
                self.residents.insert(&model.id, bytes);
                self.failed.remove(&model.id);
                self.vitals.metrics.model_loaded(&model.id, &self.engine.device(), bytes);
                let (load_ms, held_bytes) = (started.elapsed().as_millis(), self.residents.bytes());
                info!(model = model.id, device = self.engine.device(), load_ms, bytes, held_bytes, "model loaded");
                true
            }
            Err(error) => {
                error!(model = model.id, device = self.engine.device(), %error, "model not loaded");
                self.failed.insert(model.id.clone(), Instant::now());
                false
            }
        }
    }

    /// Frees a model's memory.
    pub(super) fn unload(&mut self, id: &str) {
        info!(model = id, device = self.engine.device(), "model unloaded to make room");
        self.engine.unload(id);
        self.vitals.metrics.model_evicted(id, &self.engine.device());
    }
}

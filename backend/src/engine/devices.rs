use std::time::Duration;

use super::Engine;

/// What the models run on: one thread is started for each device.
pub struct Devices {
    /// One engine a device; at least one.
    pub engines: Vec<Box<dyn Engine>>,
    /// When a device counts as hung.
    pub patience: Patience,
    /// The most bytes of weights that one device holds at once; without it the engine's own bound.
    pub model_memory: Option<u64>,
}

impl Devices {
    /// One device with the usual patience.
    pub fn one(engine: impl Engine + 'static) -> Self {
        Self { engines: vec![Box::new(engine)], patience: Patience::default(), model_memory: None }
    }
}

/// How long a device's call may take before the device counts as hung: no call can be broken off, so the process ends
/// and its supervisor starts it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// However short the prediction is.
    pub floor: Duration,
    /// How many times the predicted duration.
    pub factor: u32,
    /// For loading a model, warm-up included.
    pub load: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { floor: Duration::from_secs(60), factor: 20, load: Duration::from_secs(600) }
    }
}

impl Patience {
    /// The limit of a call that is predicted to take so many milliseconds.
    pub fn limit(&self, predicted_ms: f64) -> Duration {
        let predicted = Duration::try_from_secs_f64(predicted_ms / 1000.0).unwrap_or_default();
        predicted.saturating_mul(self.factor).max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_calls_may_take_longer() {
        let patience = Patience { floor: Duration::from_secs(10), factor: 20, load: Duration::ZERO };
        for (predicted_ms, expect_s) in [(0.0, 10), (1.0, 10), (500.0, 10), (1000.0, 20), (f64::NAN, 10), (-5.0, 10)] {
            assert_eq!(patience.limit(predicted_ms), Duration::from_secs(expect_s), "{predicted_ms}");
        }
        assert_eq!(patience.limit(f64::INFINITY), Duration::from_secs(10));
    }
}

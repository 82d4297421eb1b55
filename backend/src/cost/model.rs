use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Learner, Measurement, Price};

/// What every model's batches cost here, shared between those who run, plan, receive and measure.
#[derive(Debug, Default)]
pub struct CostModel {
    learners: Mutex<BTreeMap<String, Learner>>,
}

impl CostModel {
    /// The price of `model`'s batches; it begins with the manifest's `cost_ms`.
    pub fn price(&self, model: &str, cost_ms: f64) -> Price {
        let mut learners = self.learners();
        match learners.get(model) {
            Some(learner) => learner.price(),
            None => learners.entry(model.to_owned()).or_insert_with(|| Learner::new(cost_ms)).price(),
        }
    }

    /// A batch of `model` ran; models whose price nobody asked for are not learned.
    pub fn learn(&self, model: &str, run: Measurement) {
        if let Some(learner) = self.learners().get_mut(model) {
            learner.learn(run);
        }
    }

    /// How much more a job of `model` costs here than its manifest says; 1 for a model that has not run.
    pub fn ratio(&self, model: &str) -> f64 {
        self.learners().get(model).map_or(1.0, Learner::ratio)
    }

    /// For each model that ran, the median of |predicted − measured| / measured over its last batches.
    pub fn relative_errors(&self) -> Vec<(String, f64)> {
        let learners = self.learners();
        let known = learners.iter().filter_map(|(model, learner)| Some((model.clone(), learner.relative_error()?)));
        known.collect()
    }

    fn learners(&self) -> MutexGuard<'_, BTreeMap<String, Learner>> {
        // Nothing panics under this lock.
        self.learners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_is_learned_by_model() {
        let costs = CostModel::default();
        assert_eq!(costs.price("m@1", 2.0), Price::seed(2.0));
        for _ in 0..4 {
            costs.learn("m@1", Measurement { rows: 1.0, row_cells: 10.0, us: 500.0 });
            costs.learn("stranger@1", Measurement { rows: 1.0, row_cells: 10.0, us: 500.0 });
        }
        let learned = costs.price("m@1", 2.0).batch_us(1, 10);
        assert!((480..=520).contains(&learned), "{learned}");
        assert!((costs.ratio("m@1") - 0.25).abs() < 0.01 && costs.ratio("stranger@1") == 1.0);
        let errors = costs.relative_errors();
        assert_eq!(errors.iter().map(|(model, _)| model.as_str()).collect::<Vec<_>>(), ["m@1"]);
    }
}

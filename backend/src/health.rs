//! Whether a worker is alive, and whether it can take jobs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use forebay_contract::Lane;
use tokio::time::Instant;

/// What is known of the worker's state. A worker of which nothing was heard is alive and not ready.
#[derive(Debug, Default)]
pub struct Health {
    state: Mutex<State>,
}

/// Names of models come with messages: no more of them are kept.
const MOST_LACKING: usize = 64;

/// So long a model is named that nobody asks for any more: longer than a job stays away between two workers that lack it.
const REMEMBERED: Duration = Duration::from_secs(20 * 60);

#[derive(Debug, Default)]
struct State {
    /// Whether each lane answered its last poll; `None` before the first.
    lanes: BTreeMap<Lane, Option<bool>>,
    store_is_away: bool,
    /// The models, `name@version`, that jobs asked for and this worker cannot run, and why.
    lacking: BTreeMap<String, (Instant, String)>,
    draining: bool,
    broken: Option<String>,
}

impl Health {
    /// These lanes are polled from now on: the worker is ready when each has answered.
    pub fn serves(&self, lanes: impl IntoIterator<Item = Lane>) {
        let mut state = self.state();
        for lane in lanes {
            state.lanes.entry(lane).or_insert(None);
        }
    }

    /// A lane answered a poll, or did not.
    pub fn polled(&self, lane: Lane, well: bool) {
        self.state().lanes.insert(lane, Some(well));
    }

    /// The store answered, or did not.
    pub fn store_answers(&self, well: bool) {
        self.state().store_is_away = !well;
    }

    /// This worker cannot run a model that others may: it cannot get its files, or cannot load them. `why` is for
    /// operators.
    pub fn lacks(&self, model: &str, why: impl Into<String>) {
        let mut state = self.state();
        state.lacking.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
        if state.lacking.len() < MOST_LACKING || state.lacking.contains_key(model) {
            state.lacking.insert(model.to_owned(), (Instant::now(), why.into()));
        }
    }

    /// The model runs here.
    pub fn has(&self, model: &str) {
        self.state().lacking.remove(model);
    }

    /// No more jobs are taken: what runs is finished, the rest handed back.
    pub fn drains(&self) {
        self.state().draining = true;
    }

    /// Only starting the process again helps: a supervisor should do so.
    pub fn broke(&self, why: impl Into<String>) {
        self.state().broken = Some(why.into());
    }

    /// Why the process should be started again; nothing while it lives.
    pub fn ills(&self) -> Vec<String> {
        self.state().broken.iter().cloned().collect()
    }

    /// Why no job should be expected to be taken; nothing when the worker is ready.
    pub fn hindrances(&self) -> Vec<String> {
        let state = self.state();
        let mut hindrances: Vec<String> = state.broken.iter().cloned().collect();
        if state.draining {
            hindrances.push("draining: no more jobs are taken".to_owned());
        }
        if state.lanes.is_empty() {
            hindrances.push("starting".to_owned());
        }
        for (lane, answered) in &state.lanes {
            match answered {
                Some(true) => {}
                Some(false) => hindrances.push(format!("lane {lane} did not answer its last poll")),
                None => hindrances.push(format!("lane {lane} has not answered yet")),
            }
        }
        if state.store_is_away {
            hindrances.push("the store did not answer its last call".to_owned());
        }
        let lacking = state.lacking.iter().filter(|(_, (since, _))| since.elapsed() < REMEMBERED);
        hindrances.extend(lacking.map(|(model, (_, why))| format!("model {model} cannot be run here: {why}")));
        hindrances
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_ready_when_every_lane_answered_and_until_it_drains() {
        let health = Health::default();
        assert_eq!(health.hindrances(), ["starting"]);
        health.serves([Lane::PAID_LIGHT, Lane::FREE_LIGHT]);
        health.polled(Lane::PAID_LIGHT, true);
        assert_eq!(health.hindrances(), ["lane free-light has not answered yet"]);
        health.polled(Lane::FREE_LIGHT, true);
        assert_eq!(health.hindrances(), [""; 0]);
        health.drains();
        assert_eq!(health.hindrances(), ["draining: no more jobs are taken"]);
        assert_eq!(health.ills(), [""; 0], "draining is no reason to be started again");
    }

    #[test]
    fn what_is_away_hinders_until_it_is_back() {
        let health = Health::default();
        health.polled(Lane::FREE_LIGHT, false);
        health.store_answers(false);
        assert_eq!(health.hindrances().len(), 2);
        health.polled(Lane::FREE_LIGHT, true);
        health.store_answers(true);
        assert_eq!(health.hindrances(), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_cannot_be_run_hinders_until_it_can() {
        let health = Health::default();
        health.polled(Lane::FREE_LIGHT, true);
        health.lacks("m@1", "the shelf is away");
        health.lacks("m@1", "403");
        assert_eq!(health.hindrances(), ["model m@1 cannot be run here: 403"]);
        assert_eq!(health.ills(), [""; 0], "starting again would not help");
        health.has("m@1");
        assert_eq!(health.hindrances(), [""; 0]);
        (0..1000).for_each(|number| health.lacks(&format!("m@{number}"), "no such model"));
        assert_eq!(health.hindrances().len(), MOST_LACKING);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(health.hindrances(), [""; 0], "nobody asked for them since");
    }

    #[test]
    fn what_is_broken_is_neither_alive_nor_ready() {
        let health = Health::default();
        health.polled(Lane::FREE_LIGHT, true);
        health.broke("the device hangs");
        assert_eq!((health.ills(), health.hindrances()), (vec!["the device hangs".to_owned()], health.ills()));
    }
}

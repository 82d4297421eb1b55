//! How the jobs of a batch stand together, in a line for people.

use std::{collections::BTreeMap, time::Instant};

use forebay::{Job, JobId, JobStatus};

use crate::progress::span;

/// The jobs that have not ended, each as it was last seen.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(BTreeMap<JobId, LastSeen>);

#[derive(Debug)]
struct LastSeen {
    is_running: bool,
    position: Option<u64>,
    /// As likely sooner as later, from `at` on.
    eta_ms: Option<u64>,
    at: Instant,
}

impl UnderWay {
    /// A job stands so.
    pub(crate) fn update(&mut self, job: &Job, now: Instant) {
        if job.status.is_final() {
            self.0.remove(&job.id);
            return;
        }
        let queue = job.queue.as_ref();
        let seen = LastSeen {
            is_running: job.status == JobStatus::Running,
            position: queue.and_then(|queue| queue.position),
            eta_ms: queue.and_then(|queue| queue.eta_ms).map(|eta| eta.p50 as u64),
            at: now,
        };
        self.0.insert(job.id.clone(), seen);
    }

    /// Such as `; 3 running, 9 queued from position 4, next in 8 s`: forecasts count down between two looks.
    pub(crate) fn line(&self, now: Instant) -> String {
        let queued = || self.0.values().filter(|seen| !seen.is_running);
        let running = self.0.len() - queued().count();
        let mut parts = Vec::new();
        if running > 0 {
            parts.push(format!("{running} running"));
        }
        if queued().next().is_some() {
            let first = queued().filter_map(|seen| seen.position).min();
            let from = first.map(|first| format!(" from position {first}")).unwrap_or_default();
            parts.push(format!("{} queued{from}", queued().count()));
        }
        if let Some(ms) = queued().filter_map(|seen| seen.left_ms(now)).min().filter(|ms| *ms > 0) {
            parts.push(format!("next in {}", span(ms)));
        }
        if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
    }
}

impl LastSeen {
    fn left_ms(&self, now: Instant) -> Option<u64> {
        let passed_ms = now.saturating_duration_since(self.at).as_millis();
        Some(self.eta_ms?.saturating_sub(u64::try_from(passed_ms).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn job(id: &str, status: &str, queue: &Value) -> Job {
        serde_json::from_value(json!({"id": id, "status": status, "queue": queue})).unwrap()
    }

    #[test]
    fn forecasts_count_down_and_who_ended_is_not_counted() {
        let mut under_way = UnderWay::default();
        let begun = Instant::now();
        let line = |under_way: &UnderWay, passed_s: u64| under_way.line(begun + Duration::from_secs(passed_s));
        assert_eq!(line(&under_way, 0), "");
        under_way
            .update(&job("job_1", "queued", &json!({"position": 5, "eta_ms": {"p50": 20_000, "p90": 30_000}})), begun);
        under_way
            .update(&job("job_2", "queued", &json!({"position": 4, "eta_ms": {"p50": 12_000, "p90": 30_000}})), begun);
        assert_eq!(line(&under_way, 0), "; 2 queued from position 4, next in 12 s");
        assert_eq!(line(&under_way, 4), "; 2 queued from position 4, next in 8.0 s");
        assert_eq!(line(&under_way, 12), "; 2 queued from position 4", "later than was thought");
        under_way.update(&job("job_2", "running", &Value::Null), begun);
        assert_eq!(line(&under_way, 8), "; 1 running, 1 queued from position 5, next in 12 s");
        under_way.update(&job("job_1", "queued", &Value::Null), begun);
        assert_eq!(line(&under_way, 8), "; 1 running, 1 queued");
        under_way.update(&job("job_1", "succeeded", &Value::Null), begun);
        assert_eq!(line(&under_way, 8), "; 1 running");
        under_way.update(&job("job_2", "failed", &Value::Null), begun);
        assert_eq!(line(&under_way, 8), "");
    }
}

//! The same pipeline where jobs are brought instead of fetched: as a Lambda function on a lane's queue.

mod event_queue;
mod followed_edge;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use forebay_contract::{JobMessage, Lane};
use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    DeviceLoad, Vitals,
    batch::LaneWeights,
    edge::Edge,
    engine::Devices,
    model::Registry,
    pipeline::{self, Bounds, Parts},
    queue::Queue,
    store::Store,
};
use event_queue::EventQueue;
use followed_edge::FollowedEdge;

/// So long the answer waits for reports: afterwards Lambda freezes the process, and they would go with the next event.
const REPORTS: Duration = Duration::from_secs(2);

/// One message as Lambda brings it.
#[derive(Clone)]
pub struct Record {
    /// What SQS calls it.
    pub id: String,
    /// The ARN of its queue.
    pub queue_arn: String,
    /// The job message, as it was sent.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
}

/// The world around the pipeline, but for the lanes.
pub struct BurstParts {
    /// Where inputs are and results go.
    pub store: Arc<dyn Store>,
    /// Where reports go; nowhere without.
    pub edge: Option<Arc<dyn Edge>>,
    /// Which models can be run.
    pub registry: Arc<Registry>,
    /// What runs the models.
    pub devices: Devices,
}

/// A pipeline that lives from event to event, so that models stay loaded.
pub struct Burst {
    queues: BTreeMap<Lane, Arc<EventQueue>>,
    weights: LaneWeights,
    edge: Option<Arc<FollowedEdge>>,
    /// Whether the pipeline has ended, however it did.
    ended: CancellationToken,
}

/// The pipeline has ended: the process should too, and Lambda starts another.
#[derive(Debug, thiserror::Error)]
#[error("the pipeline has ended")]
pub struct BurstEnded;

impl Burst {
    /// Starts the pipeline; it waits for records.
    pub fn start(parts: BurstParts, bounds: Bounds) -> Self {
        let weights = bounds.weights.clone();
        let queues: BTreeMap<Lane, Arc<EventQueue>> = weights.lanes().map(|lane| (lane, Arc::default())).collect();
        let edge = parts.edge.map(|edge| Arc::new(FollowedEdge::new(edge)));
        let lanes = queues.iter().map(|(lane, queue)| (*lane, Arc::clone(queue) as Arc<dyn Queue>)).collect();
        let pipeline_parts = Parts {
            lanes,
            store: parts.store,
            edge: edge.clone().map(|edge| edge as Arc<dyn Edge>),
            registry: parts.registry,
            devices: parts.devices,
            load: Arc::new(DeviceLoad::default()),
            vitals: Arc::new(Vitals::default()),
        };
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        tokio::spawn(async move {
            let _guard = guard;
            if let Err(error) = pipeline::run(pipeline_parts, bounds, CancellationToken::new()).await {
                error!(%error, "the pipeline has ended");
            }
        });
        Self { queues, weights, edge, ended }
    }

    /// Waits until the pipeline has ended, which it never does while all is well: from then on no event can be worked on.
    pub async fn ended(&self) -> BurstEnded {
        self.ended.cancelled().await;
        BurstEnded
    }

    /// Runs these jobs within `time`. The answer names the records that have not ended by then, which must come again: a
    /// result that is stored later answers them.
    pub async fn work(&self, records: Vec<Record>, time: Duration) -> Result<Vec<String>, BurstEnded> {
        if self.ended.is_cancelled() {
            return Err(BurstEnded);
        }
        let (mut again, mut jobs, mut offered) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            let Ok(message) = JobMessage::from_json(&record.body) else {
                error!(record = record.id, bytes = record.body.len(), "a message cannot be read");
                again.push(record.id);
                continue;
            };
            let lane = lane(&record.queue_arn, &self.weights);
            let Some(queue) = lane.and_then(|lane| self.queues.get(&lane)) else {
                again.push(record.id);
                continue;
            };
            if let Some(edge) = &self.edge {
                edge.expect(message.job_id);
            }
            let (id, done) = (record.id.clone(), queue.offer(record.body, record.receive_count));
            offered.push(async move { (id, message.job_id, timeout(time, done).await) });
        }
        for (id, job, deleted) in join_all(offered).await {
            if matches!(deleted, Ok(Ok(true))) {
                jobs.push(job);
            } else {
                again.push(id);
            }
        }
        if !again.is_empty() {
            warn!(records = again.len(), "not ended, these must come again");
        }
        if let Some(edge) = &self.edge {
            edge.heard_all(&jobs, REPORTS).await;
        }
        if self.ended.is_cancelled() { Err(BurstEnded) } else { Ok(again) }
    }
}

/// Of a queue's ARN, which ends with the lane as infra names them; where one lane's name ends with another's, it is the
/// longer one. The lane only weighs: a queue of another name is taken for the lightest.
fn lane(queue_arn: &str, weights: &LaneWeights) -> Option<Lane> {
    let ends = |lane: &Lane| queue_arn.ends_with(&format!("-{lane}"));
    weights.lanes().filter(ends).max_by_key(|lane| lane.name().len()).or_else(|| weights.lightest())
}

/// Longer than any function may run.
const DAY_MS: u64 = 86_400_000;

/// How long an event's answer may take, from what came with it as `Lambda-Runtime-Deadline-Ms`: by Lambda's Runtime API
/// milliseconds since the epoch. cargo-lambda's emulator sends how long instead of until when.
pub fn time_left(deadline_ms: u64, now_ms: u64) -> Duration {
    Duration::from_millis(if deadline_ms < DAY_MS { deadline_ms } else { deadline_ms.saturating_sub(now_ms) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_time_and_in_the_emulator_a_duration() {
        const NOW_MS: u64 = 1_800_000_000_000;
        for (deadline_ms, left_ms) in [(NOW_MS + 60_000, 60_000), (NOW_MS, 0), (NOW_MS - 1, 0), (600_000, 600_000)] {
            assert_eq!(time_left(deadline_ms, NOW_MS), Duration::from_millis(left_ms), "{deadline_ms}");
        }
    }

    #[test]
    fn the_queue_says_the_lane() {
        let named = |names: &[&str]| {
            LaneWeights::new(
                names
                    .iter()
                    .map(|name| (name.parse().unwrap(), 3))
                    .zip(0..)
                    .map(|((lane, weight), number)| (lane, weight + number)),
            )
        };
        let weights = named(&["big-acme", "acme", "paid-heavy"]);
        for (arn, expect) in [
            ("arn:aws:sqs:eu-west-1:1:forebay-paid-heavy", "paid-heavy"),
            ("arn:aws:sqs:eu-west-1:1:forebay-acme", "acme"),
            ("arn:aws:sqs:eu-west-1:1:forebay-big-acme", "big-acme"),
            ("arn:aws:sqs:eu-west-1:1:my-jobs", "big-acme"),
            ("", "big-acme"),
        ] {
            assert_eq!(lane(arn, &weights).unwrap().name(), expect, "{arn}");
        }
    }
}

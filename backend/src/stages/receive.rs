//! lane → [`Received`]: long polls on every lane at once; messages stay hidden from the moment of receipt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use forebay_contract::{JobMessage, Lane, MessageError};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    job::{Delivery, Job, Received},
    polling::Polling,
    restraint::Restraints,
    room::Room,
};
use crate::{
    batch::LaneWeights,
    clock::Clock,
    device::DeviceLoad,
    queue::{Lanes, Message, Queue, QueueError},
    retry::Backoff,
    visibility::VisibilityKeeper,
    vitals::Vitals,
};

/// The longest that SQS waits.
const LONG_POLL: Duration = Duration::from_secs(20);

/// How often it is looked whether a lane that is left alone still must be.
const LOOK: Duration = Duration::from_secs(1);

/// What receiving needs: where messages come from, and what bounds how many.
pub(crate) struct Receive {
    pub(crate) lanes: Lanes,
    pub(crate) keeper: VisibilityKeeper,
    /// The places of all lanes together; see [`Room`].
    pub(crate) prefetch: usize,
    /// How lanes share them.
    pub(crate) weights: LaneWeights,
    /// Knows what jobs cost here.
    pub(crate) load: Arc<DeviceLoad>,
    /// Hears how full the room is.
    pub(crate) vitals: Arc<Vitals>,
    /// How much of what each lane brings this worker is able to run.
    pub(crate) restraints: Restraints,
    /// What deadlines are compared with.
    pub(crate) wall_ms: Clock,
    pub(crate) stop: CancellationToken,
}

/// Polls until the worker stops.
pub(crate) async fn run(receive: Receive, received: mpsc::Sender<Received>) {
    let not_yet_polled = AtomicUsize::new(receive.lanes.len());
    let room = Room::new(receive.prefetch, receive.weights.clone(), Arc::clone(&receive.vitals));
    let lanes: Vec<Receiving<'_>> = receive
        .lanes
        .iter()
        .map(|(lane, queue)| Receiving { receive: &receive, lane: *lane, queue: queue.as_ref(), room: &room })
        .collect();
    futures_util::future::join_all(lanes.iter().map(|lane| lane.run(&received, &not_yet_polled))).await;
}

struct Receiving<'a> {
    receive: &'a Receive,
    lane: Lane,
    queue: &'a dyn Queue,
    room: &'a Room,
}

impl Receiving<'_> {
    async fn run(&self, received: &mpsc::Sender<Received>, not_yet_polled: &AtomicUsize) {
        // The first poll returns at once and so proves that the queue is there.
        let mut wait = Duration::ZERO;
        let mut backoff = Backoff::default();
        let mut polling = Polling::default();
        let mut polls = FuturesUnordered::new();
        // After a poll that failed, no other begins before then; those under way are still listened to.
        let mut pause = Instant::now();
        // When the lane last brought something.
        let mut received_at = Instant::now();
        loop {
            // A poll that is broken off may have taken messages; they come back when their visibility timeout ends.
            let answer = tokio::select! {
                () = self.receive.stop.cancelled() => return,
                free = self.room_from(pause, received_at), if polls.is_empty() => {
                    let free = if self.is_restrained() { 1 } else { free };
                    polls.push(self.poll(polling.begin(free), wait));
                    None
                }
                Some(answer) = polls.next() => Some(answer),
            };
            match answer {
                None => {}
                Some((asked, Ok(messages))) => {
                    if wait.is_zero() && not_yet_polled.fetch_sub(1, Ordering::Relaxed) == 1 {
                        info!("ready");
                    }
                    (wait, backoff, pause) = (LONG_POLL, Backoff::default(), Instant::now());
                    let count = messages.len();
                    if count > 0 {
                        received_at = Instant::now();
                    }
                    let mut places = 0;
                    for message in messages {
                        let Some(job) = self.open(message, &mut places) else { continue };
                        if received.send(job).await.is_err() {
                            return;
                        }
                    }
                    polling.end(asked, count, places);
                }
                Some((asked, Err(error))) => {
                    polling.fail(asked);
                    // Several that fail together are one failure.
                    if pause <= Instant::now() {
                        pause = Instant::now() + backoff.next();
                    }
                    let wait_ms = pause.saturating_duration_since(Instant::now()).as_millis();
                    warn!(lane = %self.lane, %error, wait_ms, "the lane cannot be polled, trying again");
                }
            }
            while !self.is_restrained()
                && let Some(asked) = polling.another(self.room.free(self.lane))
            {
                polls.push(self.poll(asked, wait));
            }
        }
    }

    /// Waits until then, until there is room, and for as long as what was received last shows that others should have it.
    async fn room_from(&self, pause: Instant, received_at: Instant) -> usize {
        sleep_until(pause).await;
        let free = self.room.wait(self.lane).await;
        // The pause is looked at again and again: what becomes of the last messages is seen only after a while.
        while received_at.elapsed() < self.receive.restraints.pause(self.lane) {
            sleep(LOOK).await;
        }
        free
    }

    fn is_restrained(&self) -> bool {
        !self.receive.restraints.pause(self.lane).is_zero()
    }

    async fn poll(&self, max: usize, wait: Duration) -> (usize, Result<Vec<Message>, QueueError>) {
        (max, self.queue.receive(max, wait, self.receive.keeper.timeout()).await)
    }

    /// A message that cannot be read stays in the lane and goes to its dead letters by its count of receives; it is logged
    /// once, at its first receive.
    fn open(&self, message: Message, places: &mut usize) -> Option<Received> {
        let lane = self.lane;
        match JobMessage::from_json(&message.body) {
            Ok(job) => {
                let deadline = job.deadline_ms.map(|at_ms| {
                    // The edge takes none that is further away than an instant reaches.
                    Instant::now()
                        + Duration::from_millis(at_ms.saturating_sub((self.receive.wall_ms)()).min(FURTHEST_MS))
                });
                let model = format!("{}@{}", job.model, job.version);
                let takes = self.room.places(job.cost_ms * self.receive.load.costs().ratio(&model));
                *places += takes;
                let delivery = Delivery {
                    attempt: message.receive_count,
                    visibility: self.receive.keeper.hide(lane, message.receipt, deadline),
                    reservation: self.room.take(lane, takes),
                    deadline,
                };
                let (job, input) = Job::new(job, delivery);
                Some(Received { job, input })
            }
            Err(error) => {
                if message.receive_count == 1 {
                    error!(%lane, at = stopped_at(&error), bytes = message.body.len(), "a message cannot be read");
                }
                None
            }
        }
    }
}

/// A year: what lies beyond it is as good as never.
const FURTHEST_MS: u64 = 365 * 24 * 60 * 60 * 1000;

/// Where reading stopped. The error's own words would quote the message.
fn stopped_at(error: &MessageError) -> Option<String> {
    let json = std::error::Error::source(error)?.downcast_ref::<serde_json::Error>()?;
    Some(format!("{:?}, line {}, column {}", json.classify(), json.line(), json.column()))
}

#[cfg(test)]
mod tests;

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
    let room = Room::new(receive.prefetch, Arc::clone(&receive.vitals));
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
mod tests {
    use async_trait::async_trait;
    use forebay_contract::{Digest, Input, InputRef, JobId, MediaType, Namespace, Parameters, ShardKey};

    use super::*;
    use crate::queue::{CountingQueue, Receipt, Refused};

    fn message(number: u64, cost_ms: f64) -> String {
        let message = JobMessage {
            job_id: JobId::new(number, [0; 10], ShardKey::new("acme", 0)),
            account: "acme".to_owned(),
            model: "m".to_owned(),
            version: "1".to_owned(),
            parameters: Parameters::new(),
            input: InputRef::Inline { media_type: MediaType::Empty, data: Vec::new() },
            digest: Digest::new(Namespace::Shared, "m", "1", &Parameters::new(), &Input::empty()),
            cost_ms,
            accepted_ms: 0,
            deadline_ms: None,
            traceparent: None,
        };
        message.to_json().unwrap()
    }

    fn start<Q: Queue + 'static>(queues: &[Arc<Q>]) -> (mpsc::Receiver<Received>, CancellationToken) {
        let queue = |(lane, queue): (Lane, &Arc<Q>)| (lane, Arc::clone(queue) as Arc<dyn Queue>);
        let lanes: Lanes = Lane::ALL.into_iter().zip(queues).map(queue).collect();
        let stop = CancellationToken::new();
        let (keeper, load) = (VisibilityKeeper::new(Duration::from_secs(3600)), Arc::new(DeviceLoad::default()));
        let (wall_ms, restraints, vitals): (Clock, _, _) = (Arc::new(|| 0), Restraints::default(), Arc::default());
        let receive = Receive { lanes, keeper, prefetch: 60, load, vitals, restraints, wall_ms, stop: stop.clone() };
        let (sender, received) = mpsc::channel(1000);
        tokio::spawn(run(receive, sender));
        (received, stop)
    }

    async fn all(received: &mut mpsc::Receiver<Received>) -> Vec<Received> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::iter::from_fn(|| received.try_recv().ok()).collect()
    }

    /// Full at first; of the two polls that follow, one fails and the other brings something a little later.
    #[derive(Default)]
    struct Uneven {
        polls: AtomicUsize,
    }

    #[async_trait]
    impl Queue for Uneven {
        async fn receive(&self, _: usize, wait: Duration, _: Duration) -> Result<Vec<Message>, QueueError> {
            let some = |count: u64| {
                let message = |number: u64| Message {
                    receipt: Receipt(number.to_string()),
                    body: message(number, 1.0),
                    receive_count: 1,
                };
                Ok((0..count).map(message).collect())
            };
            let (takes, answer) = match self.polls.fetch_add(1, Ordering::Relaxed) {
                0 => (Duration::ZERO, some(10)),
                1 => (Duration::from_millis(1000), Err(QueueError("away".to_owned()))),
                2 => (Duration::from_millis(1010), some(1)),
                _ => (wait, Ok(Vec::new())),
            };
            tokio::time::sleep(takes).await;
            answer
        }
        async fn extend(&self, _: &[Receipt], _: Duration) -> Result<Vec<Refused>, QueueError> {
            Ok(Vec::new())
        }
        async fn delete(&self, _: &[Receipt]) -> Result<Vec<Refused>, QueueError> {
            Ok(Vec::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_fails_keeps_nobody_from_hearing_the_others() {
        let started = Instant::now();
        let (mut received, stop) = start(&[Arc::new(Uneven::default())]);
        for _ in 0..11 {
            received.recv().await.unwrap();
        }
        let took = started.elapsed().as_millis();
        assert!((1010..1050).contains(&took), "two at once, and the pause of 100 ms holds up nobody: {took} ms");
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_lane_costs_one_request_in_twenty_seconds() {
        let queues: Vec<Arc<CountingQueue>> = Lane::ALL.iter().map(|_| Arc::default()).collect();
        for number in 0..40 {
            queues[2].inner.send(message(number, 1.0));
        }
        let (mut received, stop) = start(&queues);
        assert_eq!(all(&mut received).await.len(), 40);
        // What was full is polled by several until they come back with nothing.
        tokio::time::sleep(Duration::from_secs(21)).await;
        let before: Vec<usize> = queues.iter().map(|queue| queue.polls.load(Ordering::Relaxed)).collect();
        tokio::time::sleep(Duration::from_secs(200)).await;
        for (queue, before) in queues.iter().zip(before) {
            let polls = queue.polls.load(Ordering::Relaxed) - before;
            assert!((9..=11).contains(&polls), "{polls} polls in 200 s");
        }
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn work_for_many_seconds_is_left_for_other_workers() {
        let queues: Vec<Arc<CountingQueue>> = Lane::ALL.iter().map(|_| Arc::default()).collect();
        for number in 0..100 {
            queues[1].inner.send(message(number, 2000.0));
            queues[2].inner.send(message(1000 + number, 1.0));
        }
        let (mut received, stop) = start(&queues);
        let mut held = all(&mut received).await;
        let heavy = |held: &[Received]| held.iter().filter(|job| job.job.visibility.lane == Lane::PaidHeavy).count();
        // What they cost is known once the first ten are there.
        assert_eq!(heavy(&held), 10);
        assert!((8..=60).contains(&(held.len() - 10)), "the other lane has its share: {}", held.len() - 10);
        held.retain(|job| job.job.visibility.lane != Lane::PaidHeavy);
        held.extend(all(&mut received).await);
        assert!((1..=3).contains(&heavy(&held)), "from then on no more than five seconds' work: {}", heavy(&held));
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn full_lanes_fill_the_room_and_little_more() {
        let queues: Vec<Arc<CountingQueue>> = Lane::ALL.iter().map(|_| Arc::default()).collect();
        for number in 0..4000 {
            queues[number as usize % 4].inner.send(message(number, 1.0));
        }
        let (mut received, stop) = start(&queues);
        let held = all(&mut received).await.len();
        assert!((60..=120).contains(&held), "{held} of 60, and the shares of those who came late");
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_costs_only_itself() {
        let queues: Vec<Arc<CountingQueue>> = vec![Arc::default()];
        for body in ["this is no job".to_owned(), message(1, 1.0), "{}".to_owned(), message(2, 1.0)] {
            queues[0].inner.send(body);
        }
        let (mut received, stop) = start(&queues);
        assert_eq!(all(&mut received).await.len(), 2);
        assert_eq!(queues[0].inner.len(), 4, "the others are left to their count of receives");
        stop.cancel();
    }
}

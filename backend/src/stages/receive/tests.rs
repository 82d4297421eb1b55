use async_trait::async_trait;
use forebay_contract::{Digest, Input, InputRef, JobId, MediaType, Namespace, Parameters, ShardKey};

use super::*;
use crate::batch::example::shipped_weights;
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
    let lanes: Lanes = Lane::SHIPPED.into_iter().zip(queues).map(queue).collect();
    let stop = CancellationToken::new();
    let (keeper, load) = (VisibilityKeeper::new(Duration::from_secs(3600)), Arc::new(DeviceLoad::default()));
    let (wall_ms, restraints, vitals): (Clock, _, _) = (Arc::new(|| 0), Restraints::default(), Arc::default());
    let weights = shipped_weights();
    let receive =
        Receive { lanes, keeper, prefetch: 60, weights, load, vitals, restraints, wall_ms, stop: stop.clone() };
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
    let queues: Vec<Arc<CountingQueue>> = Lane::SHIPPED.iter().map(|_| Arc::default()).collect();
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
    let queues: Vec<Arc<CountingQueue>> = Lane::SHIPPED.iter().map(|_| Arc::default()).collect();
    for number in 0..100 {
        queues[1].inner.send(message(number, 2000.0));
        queues[2].inner.send(message(1000 + number, 1.0));
    }
    let (mut received, stop) = start(&queues);
    let mut held = all(&mut received).await;
    let heavy = |held: &[Received]| held.iter().filter(|job| job.job.visibility.lane == Lane::PAID_HEAVY).count();
    // What they cost is known once the first ten are there.
    assert_eq!(heavy(&held), 10);
    assert!((8..=60).contains(&(held.len() - 10)), "the other lane has its share: {}", held.len() - 10);
    held.retain(|job| job.job.visibility.lane != Lane::PAID_HEAVY);
    held.extend(all(&mut received).await);
    assert!((1..=3).contains(&heavy(&held)), "from then on no more than five seconds' work: {}", heavy(&held));
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn full_lanes_fill_the_room_and_little_more() {
    let queues: Vec<Arc<CountingQueue>> = Lane::SHIPPED.iter().map(|_| Arc::default()).collect();
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

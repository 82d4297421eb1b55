//! lane → [`Received`]: long polls on every lane at once, and leases from the moment of receipt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use forebay_contract::{JobMessage, Lane, MessageError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    job::{Job, Received},
    lease::LeaseKeeper,
    queue::{Lanes, MAX_BATCH, Message, Queue},
    retry::Backoff,
};

/// The longest that SQS waits.
const LONG_POLL: Duration = Duration::from_secs(20);

/// What receiving needs.
pub(crate) struct Receive {
    pub(crate) lanes: Lanes,
    pub(crate) keeper: LeaseKeeper,
    /// The most messages of one lane that are held at once. Bounded by lane, so that a lane that stands still never
    /// takes the room of another.
    pub(crate) prefetch: usize,
    pub(crate) stop: CancellationToken,
}

/// Polls until the worker stops.
pub(crate) async fn run(receive: Receive, received: mpsc::Sender<Received>) {
    let not_yet_polled = AtomicUsize::new(receive.lanes.len());
    let polls =
        receive.lanes.iter().map(|(lane, queue)| poll(&receive, *lane, queue.as_ref(), &received, &not_yet_polled));
    futures_util::future::join_all(polls).await;
}

async fn poll(
    receive: &Receive,
    lane: Lane,
    queue: &dyn Queue,
    received: &mpsc::Sender<Received>,
    not_yet_polled: &AtomicUsize,
) {
    let room = Arc::new(Semaphore::new(receive.prefetch));
    // The first poll returns at once and so proves that the queue is there.
    let mut wait = Duration::ZERO;
    let mut backoff = Backoff::default();
    loop {
        let polled = async {
            let mut permits = take_room(&room).await;
            let answer = queue.receive(permits.len(), wait, receive.keeper.length()).await;
            answer.map(|messages| {
                permits.truncate(messages.len());
                messages.into_iter().zip(permits).collect::<Vec<_>>()
            })
        };
        // A poll that is broken off may have taken messages; they come back when their lease ends.
        let polled = tokio::select! {
            () = receive.stop.cancelled() => return,
            polled = polled => polled,
        };
        match polled {
            Ok(messages) => {
                if wait.is_zero() && not_yet_polled.fetch_sub(1, Ordering::Relaxed) == 1 {
                    info!("ready");
                }
                (wait, backoff) = (LONG_POLL, Backoff::default());
                for (message, permit) in messages {
                    let Some(job) = open(receive, lane, message, permit) else { continue };
                    if received.send(job).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                let wait = backoff.next();
                warn!(%lane, %error, wait_ms = wait.as_millis(), "the lane cannot be polled, trying again");
                tokio::select! {
                    () = receive.stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

/// Waits for room for one message and takes up to a batch of it.
async fn take_room(room: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut permits: Vec<_> = Arc::clone(room).acquire_owned().await.into_iter().collect();
    while permits.len() < MAX_BATCH
        && let Ok(permit) = Arc::clone(room).try_acquire_owned()
    {
        permits.push(permit);
    }
    permits
}

/// A message that cannot be read stays in the lane and goes to its dead letters by its count of receives; it is told
/// once, at its first receive.
fn open(receive: &Receive, lane: Lane, message: Message, room: OwnedSemaphorePermit) -> Option<Received> {
    match JobMessage::from_json(&message.body) {
        Ok(job) => {
            let lease = receive.keeper.hold(lane, message.receipt);
            let (job, input) = Job::new(job, message.receive_count, lease, room);
            Some(Received { job, input })
        }
        Err(error) => {
            if message.receive_count == 1 {
                error!(%lane, at = place(&error), bytes = message.body.len(), "a message cannot be read");
            }
            None
        }
    }
}

/// Where reading stopped. The error's own words would quote the message.
fn place(error: &MessageError) -> Option<String> {
    let json = std::error::Error::source(error)?.downcast_ref::<serde_json::Error>()?;
    Some(format!("{:?}, line {}, column {}", json.classify(), json.line(), json.column()))
}

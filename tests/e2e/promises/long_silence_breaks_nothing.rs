//! Who is told nothing for long is told all the same when something happens: a stream says that it lives, and a socket
//! outlasts the sleep of its object.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Client, id, poll},
    event_stream::EventStream,
    socket::Socket,
    stack::{Hall, Stack, words},
};

/// The runtime puts an object to sleep that had nothing to do for ten seconds, and nothing can be seen of that from
/// outside: asking would wake it.
const SLEEPS_AFTER: Duration = Duration::from_millis(11_500);
/// On a busy machine not the first time.
const TRIES: u32 = 4;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    thread::scope(|scope| {
        let quiet = scope.spawn(|| a_stream_says_that_it_lives(stack));
        let asleep = scope.spawn(|| places_outlast_the_sleep_of_their_object(stack));
        a_socket_outlasts_the_sleep_of_its_object(stack)?;
        asleep.join().map_err(|_| anyhow!("the sleeper panicked"))??;
        quiet.join().map_err(|_| anyhow!("the stream panicked"))?
    })
}

fn a_stream_says_that_it_lives(stack: &Stack) -> Result<()> {
    let client = stack.new_client("hears-nothing", "pro")?;
    let job = running(stack, &client)?;
    // Before the stream begins: what it says first may be read late.
    let since = Instant::now();
    let opened = EventStream::open(stack, &client, id(&job)?)?;
    let mut stream = opened.map_err(|status| anyhow!("refused with {status}"))?;
    stream.until("event: running")?;
    let before = stream.until(": keep-alive")?;
    ensure!(!before.iter().any(|line| line.starts_with("event:")), "not silent: {before:?}");
    ensure!(since.elapsed() >= Duration::from_secs(10), "it babbles");
    stack.report(&job, succeeded())?;
    stream.until("event: succeeded")?;
    Ok(())
}

fn a_socket_outlasts_the_sleep_of_its_object(stack: &Stack) -> Result<()> {
    let client = stack.new_client("sleeps-well", "pro")?;
    let job = running(stack, &client)?;
    let authorization = format!("Bearer {}", client.key());
    let path = format!("/v1/jobs/{}/events", id(&job)?);
    let mut socket = Socket::open(stack, &path, &[("authorization", &authorization)])?;
    ensure!(socket.hear_job()?["event"] == "running");
    let mut other = Socket::open(stack, "/v1/events", &[("authorization", &authorization)])?;
    other.say(&json!({ "watch": [id(&job)?] }))?;
    ensure!(other.hear_job()?["event"] == "running");

    let before = stack.wakes(&job)?;
    ensure!(before >= 1, "lives of objects are not in the log");
    let mut steps = 0;
    while stack.wakes(&job)? == before {
        steps += 1;
        ensure!(steps <= TRIES, "the object does not sleep");
        thread::sleep(SLEEPS_AFTER);
        stack.report(&job, EventKind::Progress { done: steps, total: 10 })?;
        // Each is told in order and once, whether there was a sleep between or not.
        for socket in [&mut socket, &mut other] {
            let news = socket.hear_job()?;
            ensure!(news["event"] == "progress" && news["job"]["progress"]["done"] == steps, "{news}");
        }
        log_is_caught_up(stack, &client)?;
    }
    stack.report(&job, succeeded())?;
    for socket in [&mut socket, &mut other] {
        let news = socket.hear_job()?;
        ensure!(news["event"] == "succeeded" && news["job"]["attempt"] == 1, "{news}");
    }
    // What it watches besides, it still knows too, and it may go on.
    let next = client.accepted(&embed(2))?;
    socket.say(&json!({ "watch": [id(&next)?] }))?;
    ensure!(socket.hear_job()?["job"]["id"] == next["id"]);
    Ok(())
}

/// In a lane of their own among these promises: nobody leaves it meanwhile.
fn places_outlast_the_sleep_of_their_object(stack: &Stack) -> Result<()> {
    let client = stack.new_client("waits-asleep", "pro")?;
    let draw = |seed: usize| client.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": seed}}));
    let jobs = (0..3).map(|n| draw(424_242 + n)).collect::<Result<Vec<_>>>()?;
    let positions = || -> Result<Vec<Option<u64>>> {
        jobs.iter().map(|job| Ok(client.job(job)?["queue"]["position"].as_u64())).collect()
    };
    let in_order = |found: &[Option<u64>]| found.iter().all(Option::is_some) && found.is_sorted_by(|a, b| a < b);
    poll("the lane has counted them", || {
        let found = positions()?;
        Ok(if in_order(&found) { Ok(()) } else { Err(found) })
    })?;
    let first = &jobs[0];
    let (before, first_found) = (stack.wakes(first)?, positions()?);
    let mut tries = 0;
    while stack.wakes(first)? == before {
        tries += 1;
        ensure!(tries <= TRIES, "the object does not sleep");
        thread::sleep(SLEEPS_AFTER);
        let found = positions()?;
        ensure!(in_order(&found) && found[0] <= first_found[0], "{first_found:?} became {found:?}");
        log_is_caught_up(stack, &client)?;
    }
    jobs.iter().try_for_each(|job| client.cancel(job).map(|_| ()))
}

/// Lines are written by another process, in order: what was written before a request's line is there when that is.
fn log_is_caught_up(stack: &Stack, client: &Client) -> Result<()> {
    let answer = client.get("/v1/models")?;
    let id = answer.must("x-request-id")?;
    poll("the log is caught up", || Ok(if stack.logs()?.contains(id) { Ok(()) } else { Err("not there") }))
}

/// A job that runs, and whose message has left: its object has nothing to do.
fn running(stack: &Stack, client: &Client) -> Result<Value> {
    let job = client.accepted(&embed(1))?;
    poll("the message has left", || {
        let job = client.job(&job)?;
        Ok(if job["timeline"]["sent_ms"].is_u64() { Ok(()) } else { Err(job) })
    })?;
    stack.report(&job, EventKind::Started { batch_size: 1 })?;
    let running = client.job(&job)?;
    ensure!(running["status"] == "running", "{running}");
    Ok(job)
}

fn embed(n: usize) -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 17)}})
}

fn succeeded() -> EventKind {
    EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 }
}

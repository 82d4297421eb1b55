//! Where a plan says so, a submission beyond a limit waits its turn instead of being refused: first come, first served,
//! and no longer than the plan says.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, poll},
    stack::{Hall, Stack, now_ms},
};

pub const PLANS: &str = r#"
[plans.patient]
class = "free"
limits = [
  { name = "pace", dimension = "account", algorithm = "leaky-bucket", quantity = 4, window = "6s", unit = "requests", beyond = { wait_ms = 6500 } },
]

[plans.patient-for-long]
class = "free"
limits = [
  { name = "pace", dimension = "account", algorithm = "leaky-bucket", quantity = 1, window = "25s", unit = "requests", beyond = { wait_ms = 30000 } },
]

[plans.patient-in-vain]
class = "free"
limits = [
  { name = "pace", dimension = "account", algorithm = "leaky-bucket", quantity = 1, window = "1h", unit = "requests", beyond = { wait_ms = 20000 } },
]
"#;

/// One each so many milliseconds, as the plan has it.
const PACE_MS: u64 = 1500;
const MOST: Duration = Duration::from_millis(6500);
/// More than the pace lets in meanwhile.
const MOST_WAITING: usize = 12;
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(10);

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    a_wait_that_would_be_too_long_is_refused_at_once(stack)?;
    a_wait_is_foretold(stack)?;
    who_waits_is_served_in_turn(stack)
}

fn a_wait_that_would_be_too_long_is_refused_at_once(stack: &Stack) -> Result<()> {
    let client = stack.new_client("patient-in-vain", "patient-in-vain")?;
    client.submit(&face(0))?.expect(202)?;
    let asked = Instant::now();
    let refused = client.submit(&face(1))?;
    refused.expect_limited(&["pace"])?;
    ensure!(asked.elapsed() < Duration::from_secs(10), "refused after {:?}", asked.elapsed());
    ensure!((3590..=3600).contains(&refused.retry_after_s()?), "{refused:?}");
    ensure!(client.foretold(&face(1))?["decision"] == "refuse", "a wait in vain is foretold as one");
    Ok(())
}

fn a_wait_is_foretold(stack: &Stack) -> Result<()> {
    let client = stack.new_client("patient-for-long", "patient-for-long")?;
    ensure!(client.foretold(&face(0))?["wait"].is_null(), "a wait before anything was spent");
    client.submit(&face(0))?.expect(202)?;
    let foretold = client.foretold(&face(1))?;
    ensure!(foretold["decision"] == "wait" && foretold["problem"].is_null(), "{foretold}");
    let expected_ms = foretold["wait"]["expected_ms"].as_u64().with_context(|| foretold.clone())?;
    ensure!((1..=25_000).contains(&expected_ms) && foretold["wait"]["most_ms"] == 30_000, "{foretold}");
    Ok(())
}

fn who_waits_is_served_in_turn(stack: &Stack) -> Result<()> {
    let client = stack.new_client("patient", "patient")?;
    let first = Told::by(&client, 0)?;
    let (waited, refused) = std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        // Each joins the line when it is seen that the one before has.
        let refused = loop {
            let seed = 1 + waiting.len() as u64;
            ensure!(waiting.len() < MOST_WAITING, "everybody may wait: {} do", waiting.len());
            let Some(turn_ms) = next_turn_ms(&client)? else { break Told::by(&client, seed)? };
            let client = &client;
            waiting.push(scope.spawn(move || Told::by(client, seed)));
            poll("it has joined the line", || {
                let next_ms = next_turn_ms(client)?;
                let moved = next_ms.is_none_or(|next_ms| next_ms >= turn_ms + PACE_MS / 2);
                Ok(if moved { Ok(()) } else { Err(next_ms) })
            })?;
        };
        let waited = waiting.into_iter().map(|one| one.join().ok().context("a submission panicked")?);
        anyhow::Ok((waited.collect::<Result<Vec<_>>>()?, refused))
    })?;
    // One at once, and one each second and a half as long as patience is: who was let wait was let in.
    ensure!(waited.len() >= 3, "only {} might wait: {refused:?}", waited.len());
    let accepted: Vec<u64> = std::iter::once(&first).chain(&waited).map(Told::accepted_ms).collect::<Result<_>>()?;
    for pair in accepted.windows(2) {
        ensure!(pair[1] >= pair[0] + PACE_MS - 1, "served out of turn or too soon: {accepted:?}");
    }
    ensure!(waited.iter().all(|told| told.took < MOST + SLACK), "{waited:?}");
    // Those before it are served first: it would wait too long, and is told at once.
    refused.answer.expect_limited(&["pace"])?;
    let told = refused.took + Duration::from_secs(refused.answer.retry_after_s()?);
    ensure!(told >= MOST, "refused, when it was its turn after {told:?}");
    let longest = waited.iter().map(|told| told.took).max().unwrap_or_default();
    ensure!(refused.took < longest, "refused after {:?}, when others had waited {longest:?}", refused.took);

    // The line is empty again: who comes now waits for the limit alone.
    let again = Told::by(&client, 100)?;
    ensure!(again.answer.status == 202 && again.took < Duration::from_millis(PACE_MS) + SLACK, "{again:?}");
    Ok(())
}

/// When the next one would have its turn, in milliseconds since the epoch; `None` when that is after its patience.
fn next_turn_ms(client: &Client) -> Result<Option<u64>> {
    let asked_ms = now_ms()?;
    let foretold = client.foretold(&face(99))?;
    let wait_ms = foretold["wait"]["expected_ms"].as_u64().unwrap_or(0);
    Ok((foretold["decision"] != "refuse").then_some(asked_ms + wait_ms))
}

fn face(seed: u64) -> Value {
    json!({"model": "dcgan-faces", "parameters": {"seed": seed}})
}

#[derive(Debug)]
struct Told {
    answer: Answer,
    took: Duration,
}

impl Told {
    fn by(client: &Client, seed: u64) -> Result<Self> {
        let asked = Instant::now();
        let answer = client.submit(&face(seed))?;
        Ok(Self { answer, took: asked.elapsed() })
    }

    fn accepted_ms(&self) -> Result<u64> {
        self.answer.json()?["timeline"]["accepted_ms"].as_u64().context("not accepted")
    }
}

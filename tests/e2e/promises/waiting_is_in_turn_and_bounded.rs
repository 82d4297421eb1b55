//! Where a plan says so, a submission beyond a limit waits its turn instead of being refused: first come, first served,
//! and no longer than the plan says.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    stack::{Hall, Stack},
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
    // An object that has to be made first would let the second overtake.
    client.get("/v1/quota")?.expect(200)?;
    let began = Instant::now();
    let told = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|seed| {
                // The edge sees them in this order.
                std::thread::sleep(Duration::from_millis(150));
                let client = &client;
                scope.spawn(move || Told::by(client, seed))
            })
            .collect();
        asked.into_iter().map(|one| one.join().ok().context("a submission panicked")?).collect::<Result<Vec<_>>>()
    })?;
    let passed: Vec<&Told> = told.iter().filter(|told| told.answer.status == 202).collect();
    let refused: Vec<&Told> = told.iter().filter(|told| told.answer.status != 202).collect();
    // One at once and one each second and a half until the last one's patience ends: 6.5 s after the eighth came.
    ensure!((4..=7).contains(&passed.len()), "{} passed: {told:?}", passed.len());
    let accepted: Vec<u64> = passed.iter().map(|told| told.accepted_ms()).collect::<Result<_>>()?;
    for pair in accepted.windows(2) {
        ensure!(pair[1] >= pair[0] + PACE_MS - 1, "served out of turn or too soon: {accepted:?}");
    }
    let longest = passed.iter().map(|told| told.took).max().unwrap_or_default();
    for told in &refused {
        told.answer.expect_limited(&["pace"])?;
        // Those before it are served first: it would wait too long, and is not kept waiting to hear that.
        ensure!(told.took < longest, "refused after {:?}, when others had waited {longest:?}", told.took);
        ensure!(told.answer.retry_after_s()? >= 4, "{:?}", told.answer);
    }
    ensure!(passed.iter().all(|told| told.took < MOST + SLACK), "{passed:?}");
    ensure!(began.elapsed() > MOST / 2, "nobody waited");

    // The line is empty again: who comes now waits for the limit alone.
    let again = Told::by(&client, 100)?;
    ensure!(again.answer.status == 202 && again.took < Duration::from_millis(PACE_MS) + SLACK, "{again:?}");
    Ok(())
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

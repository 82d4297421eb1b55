//! Where a plan says so, a submission beyond a limit waits its turn instead of being refused: first come, first served,
//! and no longer than the plan says.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, poll},
    in_time::in_time,
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
const PATIENCE: Duration = Duration::from_millis(6500);
/// More than the pace lets in meanwhile.
const MOST: u64 = 15;
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(10);

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    a_wait_that_would_be_too_long_is_refused_at_once(stack)?;
    a_wait_is_foretold(stack)?;
    let new_client = |tried| stack.new_client(&format!("patient-{tried}"), "patient");
    in_time(new_client, |client| who_waits_is_served_in_turn(stack, &client))
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

fn who_waits_is_served_in_turn(stack: &Stack, looker: &Client) -> Result<()> {
    // Whose answers may take as long as patience is, and say nothing about the machine.
    let client = Client::new(&stack.origin(), Some(looker.key()));
    let (passed, refused) = until_one_is_refused(&client, looker)?;
    // One at once, and one each second and a half as long as patience is: who was let wait was let in.
    ensure!(passed.len() >= 4, "only {} passed: {refused:?}", passed.len());
    let accepted: Vec<u64> = passed.iter().map(Told::accepted_ms).collect::<Result<_>>()?;
    for pair in accepted.windows(2) {
        ensure!(pair[1] >= pair[0] + PACE_MS - 1, "served out of turn or too soon: {accepted:?}");
    }
    let longest = passed.iter().map(|told| told.took).max().unwrap_or_default();
    ensure!((PATIENCE / 2..PATIENCE + SLACK).contains(&longest), "somebody waited {longest:?}");
    // Those before it are served first: it would wait too long, and is told at once.
    refused.answer.expect_limited(&["pace"])?;
    let turn = refused.took + Duration::from_secs(refused.answer.retry_after_s()?);
    ensure!(turn >= PATIENCE, "refused, when it was its turn after {turn:?}");
    ensure!(refused.took < longest, "refused after {:?}, when others had waited {longest:?}", refused.took);

    // The line is empty again: who comes now waits for the limit alone.
    let again = Told::by(&client, 100)?;
    ensure!(again.answer.status == 202 && again.took < Duration::from_millis(PACE_MS) + SLACK, "{again:?}");
    Ok(())
}

/// Submits one after the other, each when it is seen that the one before has joined the line: who was let in, in that
/// order, and who was not.
fn until_one_is_refused(client: &Client, looker: &Client) -> Result<(Vec<Told>, Told)> {
    thread::scope(|scope| {
        let (mut told, mut waiting) = (vec![(0, Told::by(client, 0)?)], Vec::new());
        for seed in 1..MOST {
            let turn_ms = next_turn_ms(looker)?;
            let one = scope.spawn(move || Told::by(client, seed));
            poll("it has joined the line or is answered", || {
                let next_ms = next_turn_ms(looker)?;
                let moved = |turn_ms| next_ms.is_none_or(|next_ms| next_ms >= turn_ms + PACE_MS / 2);
                Ok(if one.is_finished() || turn_ms.is_some_and(moved) { Ok(()) } else { Err(next_ms) })
            })?;
            waiting.push((seed, one));
            // All who are answered by now; the last of them may be the one.
            for (seed, answered) in waiting.extract_if(.., |(_, one)| one.is_finished()) {
                told.push((seed, answered.join().ok().context("a submission panicked")??));
            }
            if let Some(place) = told.iter().position(|(_, told)| told.answer.status != 202) {
                let (_, refused) = told.remove(place);
                for (seed, one) in waiting {
                    told.push((seed, one.join().ok().context("a submission panicked")??));
                }
                told.sort_unstable_by_key(|(seed, _)| *seed);
                return Ok((told.into_iter().map(|(_, told)| told).collect(), refused));
            }
        }
        bail!("nobody was refused")
    })
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

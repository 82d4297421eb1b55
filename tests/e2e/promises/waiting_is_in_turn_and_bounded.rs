//! Where a plan says so, a submission beyond a limit waits its turn instead of being refused: first come, first served,
//! and no longer than the plan says.

use std::{
    thread,
    time::{Duration, Instant},
};

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
const PATIENCE_MS: u64 = 6500;
/// Twice as many as the pace lets in within their patience, and more.
const AT_ONCE: u64 = 12;
/// What a busy machine may add.
const SLACK_MS: u64 = 10_000;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    a_wait_that_would_be_too_long_is_refused_at_once(stack)?;
    a_wait_is_foretold(stack)?;
    who_waits_is_served_in_turn(stack)
}

fn a_wait_that_would_be_too_long_is_refused_at_once(stack: &Stack) -> Result<()> {
    let client = stack.new_client("patient-in-vain", "patient-in-vain")?;
    let began = Instant::now();
    client.submit(&face(0))?.expect(202)?;
    let asked = Instant::now();
    let refused = client.submit(&face(1))?;
    refused.expect_limited(&["pace"])?;
    ensure!(asked.elapsed() < Duration::from_secs(20), "it waited in vain for {:?}", asked.elapsed());
    // An hour after the first, of which no more is over than all of this took.
    let (wait_s, over_s) = (refused.retry_after_s()?, began.elapsed().as_secs() + 1);
    ensure!((3600_u64.saturating_sub(over_s)..=3600).contains(&wait_s), "{refused:?} after {over_s} s");
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

/// Looks at what the limit decided and when, which each answer says: when it was asked, and for which moment it let in.
/// By the clock of whoever waits for the answers, a busy machine would have its part in it.
fn who_waits_is_served_in_turn(stack: &Stack) -> Result<()> {
    let client = stack.new_client("patient", "patient")?;
    let submitted = all_at_once(&client)?;
    let (passed, refused): (Vec<_>, Vec<_>) = submitted.into_iter().partition(|one| one.answer.status == 202);
    let mut passed = passed.iter().map(LetIn::of).collect::<Result<Vec<_>>>()?;
    passed.sort_unstable_by_key(|passed| passed.accepted_ms);
    // One at once, and one each second and a half as long as patience is: who was let wait was let in.
    ensure!(passed.len() >= 4, "{passed:?} {refused:?}");
    for pair in passed.windows(2) {
        ensure!(pair[1].accepted_ms >= pair[0].accepted_ms + PACE_MS, "too soon: {passed:?}");
        ensure!(pair[1].asked_ms >= pair[0].asked_ms, "out of turn: {passed:?}");
    }
    let longest_ms = passed.iter().map(|passed| passed.accepted_ms - passed.asked_ms).max().unwrap_or_default();
    ensure!((PATIENCE_MS / 2..PATIENCE_MS + SLACK_MS).contains(&longest_ms), "{passed:?}");

    // Those before it are served first: it would wait too long, and is told at once, when all of that lies ahead.
    let ahead = refused.iter().map(|refused| refused.turn_ms(Duration::ZERO)).collect::<Result<Vec<_>>>()?;
    ensure!(ahead.iter().any(|turn_ms| *turn_ms >= PATIENCE_MS), "nobody was refused at once: {refused:?}");
    for refused in refused {
        refused.answer.expect_limited(&["pace"])?;
        let turn_ms = refused.turn_ms(refused.took)?;
        ensure!(turn_ms >= PATIENCE_MS, "refused, when it was its turn after {turn_ms} ms: {refused:?}");
    }

    // The line is empty again: who comes now waits for the limit alone.
    let again = LetIn::of(&Submitted::by(&client, AT_ONCE)?)?;
    ensure!(again.accepted_ms - again.asked_ms < PACE_MS + SLACK_MS, "{again:?}");
    Ok(())
}

fn all_at_once(client: &Client) -> Result<Vec<Submitted>> {
    thread::scope(|scope| {
        let asked: Vec<_> = (0..AT_ONCE).map(|seed| scope.spawn(move || Submitted::by(client, seed))).collect();
        asked.into_iter().map(|thread| thread.join().ok().context("a submission panicked")?).collect()
    })
}

fn face(seed: u64) -> Value {
    json!({"model": "dcgan-faces", "parameters": {"seed": seed}})
}

#[derive(Debug)]
struct Submitted {
    answer: Answer,
    took: Duration,
}

impl Submitted {
    fn by(client: &Client, seed: u64) -> Result<Self> {
        let asked = Instant::now();
        let answer = client.submit(&face(seed))?;
        Ok(Self { answer, took: asked.elapsed() })
    }

    /// How long after it was asked one who was refused would have its turn, if `passed` was over when it was told.
    fn turn_ms(&self, passed: Duration) -> Result<u64> {
        Ok(passed.as_millis() as u64 + self.answer.retry_after_s()? * 1000)
    }
}

/// When a submission was asked and let in, by the edge's clock.
#[derive(Debug)]
struct LetIn {
    asked_ms: u64,
    accepted_ms: u64,
}

impl LetIn {
    fn of(submitted: &Submitted) -> Result<Self> {
        ensure!(submitted.answer.status == 202, "{submitted:?}");
        let timeline = submitted.answer.json()?["timeline"].clone();
        let accepted_ms = timeline["accepted_ms"].as_u64().context("not accepted")?;
        let waited_ms = timeline["stages"]["admission"].as_u64().context("no admission")?;
        Ok(Self { asked_ms: accepted_ms - waited_ms, accepted_ms })
    }
}

//! Each algorithm counts as its name says, and lets in whoever comes back when told.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    client::{Answer, Client},
    in_time::in_time,
    stack::{Hall, Stack},
};

pub const PLANS: &str = r#"
[plans.token-bucket]
class = "free"
limits = [{ name = "rate", dimension = "account", algorithm = "token-bucket", quantity = 3, window = "24s", unit = "requests" }]

[plans.leaky-bucket]
class = "free"
limits = [{ name = "rate", dimension = "account", algorithm = "leaky-bucket", quantity = 3, window = "24s", unit = "requests" }]

[plans.fixed-window]
class = "free"
limits = [{ name = "rate", dimension = "account", algorithm = "fixed-window", quantity = 3, window = "10s", unit = "requests" }]

[plans.sliding-window]
class = "free"
limits = [{ name = "rate", dimension = "account", algorithm = "sliding-window", quantity = 3, window = "10s", unit = "requests" }]

[plans.sliding-log]
class = "free"
limits = [{ name = "rate", dimension = "account", algorithm = "sliding-log", quantity = 2, window = "10s", unit = "requests" }]
"#;

type Count = fn(Caller) -> Result<()>;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let counts: [(&str, Count); 5] = [
        ("token-bucket", a_token_bucket_takes_bursts_and_refills_evenly),
        ("leaky-bucket", a_leaky_bucket_takes_one_and_then_the_next),
        ("fixed-window", a_fixed_window_starts_anew),
        ("sliding-window", a_sliding_window_remembers_the_one_before),
        ("sliding-log", a_sliding_log_frees_each_by_its_own_time),
    ];
    // They mostly wait.
    std::thread::scope(|scope| {
        let checks: Vec<_> = counts
            .iter()
            .map(|(plan, count)| scope.spawn(move || counts_in_time(stack, plan, *count).context(*plan)))
            .collect();
        checks.into_iter().try_for_each(|check| check.join().ok().context("a check panicked")?)
    })
}

fn counts_in_time(stack: &Stack, plan: &str, count: Count) -> Result<()> {
    let new_client = |tried| stack.new_client(&format!("counted-by-{plan}-{tried}"), plan);
    in_time(new_client, |client| count(Caller { client, seed: 0 }))
}

fn a_token_bucket_takes_bursts_and_refills_evenly(mut caller: Caller) -> Result<()> {
    caller.passes(3)?;
    caller.wait_until_allowed(1..=8)?;
    caller.passes(1)?;
    caller.is_refused(1..=8)?;
    Ok(())
}

fn a_leaky_bucket_takes_one_and_then_the_next(mut caller: Caller) -> Result<()> {
    caller.passes(1)?;
    caller.wait_until_allowed(1..=8)?;
    caller.passes(1)?;
    caller.is_refused(1..=8)?;
    Ok(())
}

fn a_fixed_window_starts_anew(mut caller: Caller) -> Result<()> {
    caller.wait_for_edge()?;
    caller.passes(3)?;
    caller.wait_until_allowed(1..=10)?;
    let into_ms = caller.window_passed_ms()?;
    ensure!(into_ms < 5_000, "told to come {into_ms} ms into a window");
    caller.passes(3)?;
    caller.is_refused(1..=10)?;
    Ok(())
}

fn a_sliding_window_remembers_the_one_before(mut caller: Caller) -> Result<()> {
    caller.wait_for_edge()?;
    caller.passes(3)?;
    caller.is_refused(1..=20)?;
    // Just over the edge nearly all of the last window still counts.
    caller.wait_for_edge()?;
    caller.wait_until_allowed(1..=10)?;
    caller.passes(1)?;
    caller.is_refused(1..=10)?;
    Ok(())
}

fn a_sliding_log_frees_each_by_its_own_time(mut caller: Caller) -> Result<()> {
    let began = Instant::now();
    caller.passes(1)?;
    std::thread::sleep(Duration::from_secs(3));
    caller.passes(1)?;
    // So much later than the first was the second, and no more.
    let apart = began.elapsed();
    caller.wait_until_allowed(1..=7)?;
    // The first is free again, the second is not for as long as it came later.
    caller.passes(1)?;
    caller.wait_until_allowed(1..=apart.as_secs() + 1)?;
    caller.passes(1)
}

/// Who asks for one new face after another.
struct Caller {
    client: Client,
    seed: u64,
}

impl Caller {
    fn submit(&mut self) -> Result<Answer> {
        self.seed += 1;
        self.client.submit(&json!({"model": "dcgan-faces", "parameters": {"seed": self.seed}}))
    }

    fn passes(&mut self, times: usize) -> Result<()> {
        (0..times).try_for_each(|_| self.submit()?.expect(202).map(drop))
    }

    fn is_refused(&mut self, seconds: std::ops::RangeInclusive<u64>) -> Result<u64> {
        let refused = self.submit()?;
        refused.expect_limited(&["rate"])?;
        let wait_s = refused.retry_after_s()?;
        ensure!(seconds.contains(&wait_s), "told to wait {wait_s} s, not {seconds:?}");
        Ok(wait_s)
    }

    /// Waits as long as a refusal says.
    fn wait_until_allowed(&mut self, seconds: std::ops::RangeInclusive<u64>) -> Result<()> {
        let allowed_from = Instant::now() + Duration::from_secs(self.is_refused(seconds)?);
        std::thread::sleep(allowed_from.saturating_duration_since(Instant::now()));
        Ok(())
    }

    /// Windows of ten seconds begin at multiples of ten seconds.
    fn window_passed_ms(&self) -> Result<u64> {
        Ok((SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() % 10_000) as u64)
    }

    fn wait_for_edge(&self) -> Result<()> {
        std::thread::sleep(Duration::from_millis(10_000 - self.window_passed_ms()?));
        Ok(())
    }
}

//! Nanoseconds a decision: the five algorithms, and the token bucket of the crate `governor` beside ours.
//!
//! A decision is a limit's memory read, one unit taken, the new memory written over the old; the clock goes a
//! millisecond a decision, which the limit lets through (`passes`) or mostly does not (`refuses`). What governor is for
//! costs it something here: its clock and its state are atomics that threads share, ours are plain values.
//!
//! ```sh
//! cargo bench -p forebay-limits --bench limits
//! ```
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{hint::black_box, num::NonZeroU32, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use forebay_contract::catalog::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window};
use forebay_limits::{Memory, Rule};
use governor::{Quota, RateLimiter, clock::FakeRelativeClock};

const START_MS: u64 = 1_800_000_000_000;
/// The window of every limit here, in seconds.
const WINDOW_S: u64 = 1;
/// Twice and a hundredth of what is asked for.
const QUANTITIES: [(&str, u32); 2] = [("passes", 2000), ("refuses", 10)];

fn rule(algorithm: Algorithm, quantity: u32) -> Option<Rule> {
    Rule::of(&LimitSpec {
        name: "bench".to_owned(),
        dimension: Dimension::Account,
        algorithm,
        quantity: u64::from(quantity),
        window: Some(Window::Seconds(WINDOW_S)),
        unit: Unit::Requests,
        beyond: Beyond::Reject,
    })
}

fn ours(criterion: &mut Criterion) {
    for (algorithm, name) in [
        (Algorithm::TokenBucket, "token-bucket"),
        (Algorithm::LeakyBucket, "leaky-bucket"),
        (Algorithm::FixedWindow, "fixed-window"),
        (Algorithm::SlidingWindow, "sliding-window"),
        (Algorithm::SlidingLog, "sliding-log"),
    ] {
        for (case, quantity) in QUANTITIES {
            let Some(rule) = rule(algorithm, quantity) else { continue };
            let (mut memory, mut now_ms): (Option<Memory>, u64) = (None, START_MS);
            criterion.bench_function(&format!("{name}/{case}"), |bencher| {
                bencher.iter(|| {
                    now_ms += 1;
                    match black_box(&rule).take(memory.as_ref(), black_box(1), now_ms) {
                        Ok(after) => {
                            memory = Some(after);
                            true
                        }
                        Err(wait) => black_box(wait.retry_after_ms).is_none(),
                    }
                });
            });
        }
    }
}

fn governors(criterion: &mut Criterion) {
    for (case, quantity) in QUANTITIES {
        let Some(quantity) = NonZeroU32::new(quantity) else { continue };
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(Quota::per_second(quantity), clock.clone());
        criterion.bench_function(&format!("governor/{case}"), |bencher| {
            bencher.iter(|| {
                clock.advance(Duration::from_millis(1));
                black_box(&limiter).check_n(black_box(NonZeroU32::MIN)).is_ok_and(|decided| decided.is_ok())
            });
        });
    }
}

criterion_group!(benches, ours, governors);
criterion_main!(benches);

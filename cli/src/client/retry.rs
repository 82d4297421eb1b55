//! When to ask again.

use std::time::{Duration, SystemTime};

use super::error::Error;

/// How long and how often to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The most that one call waits before it asks again, all its pauses together.
    pub patience: Duration,
    /// The first pause where the service names none; each one after is twice as long.
    pub first_pause: Duration,
    /// The longest pause where the service names none.
    pub longest_pause: Duration,
}

impl Default for Retry {
    /// A minute in all, from a quarter of a second to ten seconds.
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(60),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// Whether doing it twice is the same as doing it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It is: also after a connection broke and nobody knows what was done.
    Harmless,
    /// It is not: only after a refusal that says that nothing was done.
    AfterRefusal,
}

impl Retry {
    /// For whoever decides by itself when to ask again: no call is repeated.
    pub fn never() -> Self {
        Self { patience: Duration::ZERO, ..Self::default() }
    }

    /// The pause before the next try; `None` when this was the last. `waited` is what all pauses so far took, `random`
    /// lies from 0 up to 1.
    ///
    /// A pause that the service named is never made shorter. Others are spread over their upper half.
    pub fn pause(&self, tried: u32, waited: Duration, named: Option<Duration>, random: f64) -> Option<Duration> {
        let pause = match named {
            Some(named) => {
                let spread = (named / 10).clamp(Duration::from_millis(50), Duration::from_secs(5));
                named.saturating_add(spread.mul_f64(random))
            }
            None => {
                let doubled = self.first_pause.saturating_mul(1 << tried.min(16));
                doubled.min(self.longest_pause).mul_f64(0.5 + random / 2.0)
            }
        };
        (!self.patience.is_zero() && waited.saturating_add(pause) <= self.patience).then_some(pause)
    }
}

/// Whether it is worth asking again.
pub(crate) fn is_transient(error: &Error, repeat: Repeat) -> bool {
    match error {
        Error::Refused(problem) => match (problem.status, problem.retryable) {
            (_, Some(false)) => false,
            (429 | 503, _) => true,
            (_, Some(true)) | (408 | 425 | 500 | 502 | 504, None) => repeat == Repeat::Harmless,
            _ => false,
        },
        Error::Unanswered(_) => repeat == Repeat::Harmless,
        Error::Foreign(_) | Error::TimedOut(_) | Error::Invalid(_) => false,
    }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
pub(crate) fn retry_after(field: &str, now: SystemTime) -> Option<Duration> {
    let field = field.trim();
    if !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are simply a long wait.
        return Some(Duration::from_secs(field.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = httpdate::parse_http_date(field).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::problem::Problem, *};

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (field, expect) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999", Some(u64::from(u32::MAX))),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(field, now), expect.map(Duration::from_secs), "{field}");
        }
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        let refused = |status, retryable| Error::from(Problem { status, retryable, ..Problem::default() });
        for (error, harmless, after_refusal) in [
            (refused(429, Some(true)), true, true),
            (refused(429, Some(false)), false, false),
            (refused(503, None), true, true),
            (refused(500, Some(true)), true, false),
            (refused(502, None), true, false),
            (refused(409, Some(true)), true, false),
            (refused(409, None), false, false),
            (refused(401, Some(false)), false, false),
            (Error::Unanswered(String::new()), true, false),
            (Error::Foreign(String::new()), false, false),
        ] {
            assert_eq!(is_transient(&error, Repeat::Harmless), harmless, "{error:?}");
            assert_eq!(is_transient(&error, Repeat::AfterRefusal), after_refusal, "{error:?}");
        }
    }

    #[test]
    fn who_never_asks_again_never_does() {
        assert_eq!(Retry::never().pause(0, Duration::ZERO, Some(Duration::ZERO), 0.0), None);
    }

    proptest! {
        #[test]
        fn nobody_comes_earlier_than_named_nor_waits_beyond_patience(
            tried in 0u32..100, waited_ms in 0u64..120_000, named_ms in proptest::option::of(0u64..200_000),
            random in 0.0..1.0,
        ) {
            let (retry, waited) = (Retry::default(), Duration::from_millis(waited_ms));
            let named = named_ms.map(Duration::from_millis);
            match retry.pause(tried, waited, named, random) {
                Some(pause) => {
                    prop_assert!(waited + pause <= retry.patience);
                    prop_assert!(pause >= named.unwrap_or(retry.first_pause / 2));
                    prop_assert!(pause <= named.map_or(retry.longest_pause, |named| named + Duration::from_secs(5)));
                }
                None => {
                    let pause = named.map_or(retry.longest_pause, |named| named + Duration::from_secs(5));
                    prop_assert!(waited + pause > retry.patience);
                }
            }
        }

        #[test]
        fn any_field_is_read_without_harm(field in "\\PC{0,40}") {
            retry_after(&field, SystemTime::UNIX_EPOCH);
        }
    }
}

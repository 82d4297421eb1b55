//! When a submission would have its turn: whether waiting for it is worth while.

use forebay_limits::{
    lending::holdings::Need,
    policy::{Accounts, Buckets},
};

use super::{
    SubmitCall,
    admit::{Admission, Present, Refused, admit},
    room::Room,
};

/// A limit says exactly when it passes, but several of them may send a call from one to the other.
const MOST_STEPS: u32 = 16;

/// The moment at which a call is expected to pass, and what the limits remember from then on.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The moment, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The object's buckets.
    pub buckets: Buckets,
}

/// When `call` will pass after what is expected `before` it; a refusal, as of `now_ms`, when that is after `until_ms`.
///
/// Limits that others share, jobs in flight and room are looked at when it has its turn.
pub(crate) fn expected(call: &SubmitCall, before: Expected, until_ms: u64, now_ms: u64) -> Result<Expected, Refused> {
    let Expected { mut at_ms, mut buckets } = before;
    at_ms = at_ms.max(now_ms);
    for _ in 0..MOST_STEPS {
        let accounts = Accounts { buckets: &buckets, shared: &|_, _| Need::Enough, in_flight: 0, now_ms: at_ms };
        let stored = call.known.is_some();
        let room = Room::Ample;
        let present = Present { accounts, twin: None, stored, outbox_jobs: 0, outbox_max_jobs: 1, room };
        let (then_ms, refused) = match admit(call, &call.offer, &[], present) {
            Admission::Accept { taken, .. } => {
                buckets.extend(taken.buckets);
                break;
            }
            Admission::Wait { wait, refused } => (at_ms.saturating_add(wait.now_ms), refused),
            Admission::Deny(refused) => (u64::MAX, refused),
            // Something else may answer by then.
            _ => break,
        };
        if then_ms > until_ms {
            return Err(later(refused, at_ms.saturating_sub(now_ms)));
        }
        at_ms = then_ms;
    }
    Ok(Expected { at_ms, buckets })
}

/// The same refusal, told so much earlier.
fn later(mut refused: Refused, by_ms: u64) -> Refused {
    for violation in &mut refused.violations {
        violation.retry_after_ms = violation.retry_after_ms.map(|wait_ms| wait_ms.saturating_add(by_ms));
    }
    for standing in &mut refused.standings {
        standing.reset_ms = standing.reset_ms.saturating_add(by_ms);
    }
    refused
}

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::{Algorithm, Beyond, LimitSpec};

    use super::*;
    use crate::{
        admit::tests::{call, limit},
        example::START_MS,
    };

    /// One a second.
    fn pace() -> LimitSpec {
        LimitSpec { algorithm: Algorithm::LeakyBucket, ..limit("pace", 60, Beyond::Wait(2_500)) }
    }

    #[test]
    fn each_is_expected_after_those_before_until_patience_ends() {
        let call = call(vec![pace()]);
        let mut before = Expected { at_ms: START_MS - 5_000, buckets: Buckets::new() };
        for wait_ms in [0, 1_000, 2_000] {
            before = expected(&call, before, START_MS + 2_500, START_MS).unwrap();
            assert_eq!(before.at_ms, START_MS + wait_ms);
        }
        let refused = expected(&call, before.clone(), START_MS + 2_500, START_MS).unwrap_err();
        assert_eq!(refused.violations[0].retry_after_ms, Some(3_000));
        assert_eq!(expected(&call, before, START_MS + 3_000, START_MS).unwrap().at_ms, START_MS + 3_000);
    }

    #[test]
    fn who_would_be_refused_after_waiting_is_refused_before() {
        let call = call(vec![pace(), limit("burst", 1, Beyond::Reject)]);
        let before = Expected { at_ms: START_MS, buckets: Buckets::new() };
        let first = expected(&call, before, START_MS + 2_500, START_MS).unwrap();
        let refused = expected(&call, first, START_MS + 2_500, START_MS).unwrap_err();
        assert!(refused.violations.iter().any(|violation| violation.name == "burst"), "{refused:?}");
    }
}

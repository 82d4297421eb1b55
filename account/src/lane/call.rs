use forebay_contract::catalog::LimitSpec;
use forebay_limits::{
    Level,
    lending::{
        holdings::MOST_RETURNED,
        lease::{Answer, Ask},
    },
};

use crate::table::calls;
use forebay_admission::lane::{LaneStatus, ModelVersion, Tally};

/// The longest name of a shard or a limit, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// The most model versions in one call.
const MAX_VERSIONS: usize = 64;
/// The most waits in one call.
pub const MAX_WAITS: usize = 64;
/// The most limits in one call: more than may hold for one submission.
const MAX_LIMITS: usize = 64;

calls! {
    /// What the Worker and Account objects say to a Lane object: the request's body, as JSON.
    LaneCall:
    /// How does the lane stand?
    Status {
        /// Model versions for which the asker has jobs that a breaker kept out: it gets their probes.
        wanted: Vec<ModelVersion>,
    } => LaneStatus;
    /// What an Account object has open in the lane. The answer is without breakers.
    Tally(Tally) => LaneStatus;
    /// Settle and lend. One answer an ask; `None` for what cannot be lent.
    Lease {
        /// The Account object's name.
        holder: String,
        /// One a limit.
        asks: Vec<Ask>,
    } => Vec<Option<Answer>>;
    /// A worker was just heard of. The answer is the same as to the next.
    WorkerHeard => Option<u64>;
    /// When was one last heard of, in milliseconds since the epoch?
    LastWorker => Option<u64>;
    /// How do these limits stand? One level a limit; `None` for what is not shared by leases.
    Levels {
        /// Limits by id.
        limits: Vec<(String, LimitSpec)>,
    } => Vec<Option<Level>>;
}

impl LaneCall {
    /// What is too much of this call, if anything is. Only our own Worker calls; a mistake there must not fill a table.
    pub fn excess(&self) -> Option<&'static str> {
        let short = |name: &str| name.len() <= MAX_NAME_BYTES;
        let (names, amounts) = match self {
            Self::Status { wanted } => {
                (wanted.iter().all(|of| short(&of.model) && short(&of.version)), wanted.len() <= MAX_VERSIONS)
            }
            Self::Tally(tally) => {
                let outcomes = &tally.outcomes;
                let names = outcomes.iter().all(|outcome| short(&outcome.model) && short(&outcome.version));
                (names && short(&tally.shard), outcomes.len() <= MAX_VERSIONS && tally.waits.len() <= MAX_WAITS)
            }
            Self::Lease { holder, asks } => {
                let returned = asks.iter().all(|ask| ask.returned.len() <= MOST_RETURNED);
                (asks.iter().all(|ask| short(&ask.limit)) && short(holder), asks.len() <= MAX_LIMITS && returned)
            }
            Self::WorkerHeard | Self::LastWorker => (true, true),
            Self::Levels { limits } => (limits.iter().all(|(id, _)| short(id)), limits.len() <= MAX_LIMITS),
        };
        match (names, amounts) {
            (true, true) => None,
            (false, _) => Some("a name is too long"),
            (true, false) => Some("there are too many entries"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_admission::lane::VersionCount;

    #[test]
    fn calls_are_bounded() {
        let tally = |shard: &str, outcomes| {
            let outcome = VersionCount { model: "m".to_owned(), version: "1".to_owned(), ok: 1, failed: 0 };
            let (shard, outcomes) = (shard.to_owned(), vec![outcome; outcomes]);
            LaneCall::Tally(Tally {
                shard,
                open_ms: 0.0,
                open_jobs: 0,
                ended_ms: 0.0,
                outcomes,
                queued_jobs: 0,
                left_jobs: 0,
                left_ms: 0.0,
                waits: Vec::new(),
            })
        };
        assert_eq!(tally("a", 64).excess(), None);
        assert_eq!(tally("a", 65).excess(), Some("there are too many entries"));
        assert_eq!(tally(&"a".repeat(257), 0).excess(), Some("a name is too long"));
        let lease = |asks| LaneCall::Lease { holder: "a".to_owned(), asks };
        assert_eq!(lease(Vec::new()).excess(), None);
    }
}

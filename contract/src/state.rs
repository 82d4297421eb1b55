//! A job's states and the only way between them.

use serde::{Deserialize, Serialize};

/// The states of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Accepted, not started.
    Queued,
    /// A worker has it.
    Running,
    /// The result is stored.
    Succeeded,
    /// A failure is stored.
    Failed,
    /// The client called it off.
    Canceled,
    /// Its deadline or its result's lifetime is over.
    Expired,
}

impl JobState {
    /// The name in JSON and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing more will happen to the job.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A state together with how often a worker has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// The state.
    pub state: JobState,
    /// 0 before the first start, then the number of the latest start.
    pub attempt: u32,
}

/// What may happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// A worker began attempt `n` (counted from 1).
    Started(u32),
    /// A worker gave attempt `n` back to the lane.
    Returned(u32),
    /// The result is stored.
    Succeeded,
    /// A failure of attempt `n` is stored.
    Failed(u32),
    /// The client called it off.
    Canceled,
    /// Its time is over.
    Expired,
}

/// The phase after `transition`, or `None` where it changes nothing: reports may be late, doubled or reordered.
///
/// A stored result is the truth, so success also replaces a failure that a slower worker recorded first. A result
/// may expire later. Every other end is final: a canceled job stays canceled, whatever a worker still does.
pub fn next(now: Phase, transition: Transition) -> Option<Phase> {
    use JobState::{Canceled, Expired, Failed, Queued, Running, Succeeded};

    let open = !now.state.is_final();
    let to = |state, attempt| Some(Phase { state, attempt });
    match transition {
        Transition::Started(attempt) if open && attempt > now.attempt => to(Running, attempt),
        Transition::Returned(attempt) if now.state == Running && attempt == now.attempt => to(Queued, attempt),
        Transition::Succeeded if open || now.state == Failed => to(Succeeded, now.attempt),
        Transition::Failed(attempt) if open && attempt >= now.attempt => to(Failed, attempt),
        Transition::Canceled if open => to(Canceled, now.attempt),
        Transition::Expired if open || now.state == Succeeded => to(Expired, now.attempt),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn transitions() -> impl Strategy<Value = Transition> {
        prop_oneof![
            (1u32..5).prop_map(Transition::Started),
            (1u32..5).prop_map(Transition::Returned),
            Just(Transition::Succeeded),
            (1u32..5).prop_map(Transition::Failed),
            Just(Transition::Canceled),
            Just(Transition::Expired),
        ]
    }

    const NEW: Phase = Phase { state: JobState::Queued, attempt: 0 };

    proptest! {
        #[test]
        fn a_job_only_moves_forward(story in prop::collection::vec(transitions(), 0..40)) {
            let mut now = NEW;
            for transition in story {
                let Some(then) = next(now, transition) else { continue };
                prop_assert_ne!(then, now, "a change that changes nothing is None");
                prop_assert!(then.attempt >= now.attempt);
                if now.state.is_final() {
                    prop_assert!(matches!(
                        (now.state, then.state),
                        (JobState::Failed, JobState::Succeeded) | (JobState::Succeeded, JobState::Expired)
                    ));
                }
                if (now.state, then.state) == (JobState::Running, JobState::Running) {
                    prop_assert!(then.attempt > now.attempt);
                }
                now = then;
            }
        }

        #[test]
        fn a_doubled_transition_changes_nothing(story in prop::collection::vec(transitions(), 1..40)) {
            let mut now = NEW;
            for transition in story {
                if let Some(then) = next(now, transition) {
                    prop_assert_eq!(next(then, transition), None, "{:?} twice from {:?}", transition, now);
                    now = then;
                }
            }
        }
    }

    #[test]
    fn table() {
        use JobState::*;
        let at = |state, attempt| Phase { state, attempt };
        for (from, transition, expect) in [
            (at(Queued, 0), Transition::Started(1), Some(at(Running, 1))),
            (at(Running, 1), Transition::Started(2), Some(at(Running, 2))),
            (at(Running, 2), Transition::Started(1), None),
            (at(Running, 2), Transition::Returned(2), Some(at(Queued, 2))),
            (at(Running, 2), Transition::Returned(1), None),
            (at(Queued, 2), Transition::Started(2), None),
            (at(Queued, 2), Transition::Started(3), Some(at(Running, 3))),
            (at(Queued, 0), Transition::Succeeded, Some(at(Succeeded, 0))),
            (at(Running, 2), Transition::Failed(1), None),
            (at(Running, 2), Transition::Failed(2), Some(at(Failed, 2))),
            (at(Canceled, 0), Transition::Started(1), None),
            (at(Canceled, 0), Transition::Succeeded, None),
            (at(Succeeded, 1), Transition::Failed(2), None),
            (at(Failed, 1), Transition::Succeeded, Some(at(Succeeded, 1))),
            (at(Succeeded, 1), Transition::Canceled, None),
            (at(Succeeded, 1), Transition::Expired, Some(at(Expired, 1))),
        ] {
            assert_eq!(next(from, transition), expect, "{from:?} {transition:?}");
        }
    }
}

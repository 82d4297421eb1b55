use std::time::Duration;

/// What a step has of the whole, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Share {
    /// It has not begun; so long it took when it was recorded.
    Waiting(Duration),
    /// It runs, and so much of it is done, from 0 to 1.
    Running { recorded: Duration, done: f64 },
    /// It is done, in this run.
    Done(Duration),
}

/// How far everything is together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    /// How much is done, from 0 to 99: the rest is over when it is.
    pub(super) percent: u8,
    /// How long it will go on.
    pub(super) left: Duration,
}

/// Steps run side by side: a second of the clock does so many seconds of what was recorded for each by itself.
const SIDE_BY_SIDE: f64 = 2.0;
/// Until so much time has passed, the recorded speed counts as much as the one that is seen.
const TRUST: f64 = 30.0;
/// The most of a step that is taken for done while it runs: the last part of a slow one comes at an unknown time.
const MOST: f64 = 0.95;

impl Progress {
    /// Judges by what a recorded cold run took for each step, and by how fast this run has been, `elapsed` after it
    /// began.
    pub(super) fn of(shares: &[Share], elapsed: Duration) -> Self {
        let seconds = |duration: Duration| duration.as_secs_f64().max(0.5);
        let (mut done, mut whole) = (0.0, 0.0);
        for share in shares {
            match *share {
                Share::Waiting(recorded) => whole += seconds(recorded),
                Share::Running { recorded, done: part } => {
                    done += part.min(MOST) * seconds(recorded);
                    whole += seconds(recorded);
                }
                Share::Done(recorded) => {
                    done += seconds(recorded);
                    whole += seconds(recorded);
                }
            }
        }
        let speed = TRUST.mul_add(SIDE_BY_SIDE, done) / (TRUST + elapsed.as_secs_f64());
        let percent = if whole > 0.0 { (done / whole * 100.0).min(99.0) as u8 } else { 99 };
        Self { percent, left: Duration::from_secs_f64((whole - done) / speed.max(0.01)) }
    }
}

/// `34 %, about 4 min left`; half minutes are not told apart, because nobody knows them.
impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.left.as_secs().div_ceil(60);
        match self.left.as_secs() {
            0..45 => write!(f, "{} %, less than a minute left", self.percent),
            _ => write!(f, "{} %, about {minutes} min left", self.percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_left_goes_by_the_record_and_then_by_what_is_seen() {
        let begun = [Share::Running { recorded: s(100), done: 0.0 }, Share::Waiting(s(500))];
        assert_eq!(Progress::of(&begun, s(0)).to_string(), "0 %, about 5 min left");
        // Half as fast as recorded: 150 s of the record in 150 s, where two at once do 300.
        let slow = [Share::Done(s(100)), Share::Running { recorded: s(500), done: 0.1 }];
        let slow = Progress::of(&slow, s(150));
        assert_eq!((slow.percent, slow.left > s(300), slow.left < s(400)), (25, true, true), "{slow:?}");
        let last = [Share::Done(s(100)), Share::Running { recorded: s(500), done: 1.0 }];
        assert_eq!(Progress::of(&last, s(900)).percent, 95, "a step is not done before it is");
        assert_eq!(Progress::of(&[Share::Done(s(3))], s(3)).to_string(), "99 %, less than a minute left");
    }

    proptest! {
        #[test]
        fn nothing_is_over_before_it_is(
            recorded in prop::collection::vec(0u64..1000, 0..12),
            over in 0usize..12,
            done in 0.0..2.0,
            elapsed in 0u64..10_000,
        ) {
            let share = |(index, seconds): (usize, &u64)| match index.cmp(&over) {
                std::cmp::Ordering::Less => Share::Done(s(*seconds)),
                std::cmp::Ordering::Equal => Share::Running { recorded: s(*seconds), done },
                std::cmp::Ordering::Greater => Share::Waiting(s(*seconds)),
            };
            let shares: Vec<_> = recorded.iter().enumerate().map(share).collect();
            let progress = Progress::of(&shares, s(elapsed));
            prop_assert!(progress.percent <= 99);
            prop_assert!(over >= recorded.len() || progress.left > Duration::ZERO);
        }
    }
}

use std::time::{Duration, Instant};

/// How often the edge is asked whether it is well.
const ASK: Duration = Duration::from_secs(2);
/// An edge that is silent for so long is started again: wrangler may live on when its workerd does not.
const SILENCE: Duration = Duration::from_secs(6);

/// When the edge is asked next, and when it last answered.
#[derive(Debug)]
pub(super) struct Silence {
    next: Instant,
    heard: Instant,
}

impl Silence {
    /// It was heard now.
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now + ASK, heard: now }
    }

    /// Whether it is to be asked; said once each time.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + ASK;
        }
        due
    }

    /// Whether it has been silent for too long, after one more question.
    pub(super) fn is_long(&mut self, answered: bool, now: Instant) -> bool {
        if answered {
            self.heard = now;
        }
        now.duration_since(self.heard) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lost_answer_is_no_silence() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut silence = Silence::new(start);
        assert!(!silence.is_due(at(1)) && silence.is_due(at(2)) && !silence.is_due(at(3)));
        for (second, answered, long) in [(2, true, false), (5, false, false), (7, false, false), (8, false, true)] {
            assert_eq!(silence.is_long(answered, at(second)), long, "at {second} s");
        }
        assert!(!silence.is_long(true, at(9)) && !silence.is_long(false, at(14)));
    }
}

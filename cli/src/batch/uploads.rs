//! How many uploads share the line. More of them are faster only until the line is full; then each is slower, and what
//! breaks off is sent twice.

/// A body below this many bytes is out at once, and is not counted.
pub(super) const SMALL: u64 = 64 << 10;
/// How many before anything is known of the line.
const AT_FIRST: usize = 2;
/// An upload that takes this long shares the line with too many.
const SLOW_MS: u64 = 15_000;
/// More uploads are worth it where they carry this part of what as many would on an idle line.
const WORTH: f64 = 0.3;
/// How often it is seen what a number of uploads carries before half as many more are tried.
const LOOKS: u32 = 4;
/// A place that is free for longer says that the line is not what holds things up.
const IDLE_MS: u64 = 50;

/// Grows while that carries more, doubling until it first does not; halves when an upload is slow or breaks off.
#[derive(Debug)]
pub(super) struct Uploads {
    most: usize,
    allowed: usize,
    under_way: usize,
    trial: Trial,
    /// The number doubles, as it never was too high yet.
    is_doubling: bool,
    look: Look,
    /// Since when one more upload could begin and none does.
    free_since_ms: Option<u64>,
}

/// What is to be found out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trial {
    /// Whether so many carry more than `fewer`, in bytes per millisecond.
    Worth { before: usize, fewer: f64 },
    /// Nothing, for so many looks.
    Stays { looks: u32 },
}

/// What uploads carried while all places were taken.
#[derive(Debug, Default)]
struct Look {
    since_ms: u64,
    uploads: usize,
    bytes: u64,
}

impl Uploads {
    /// Allows never more than `most` uploads at once.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            allowed: AT_FIRST.min(most),
            under_way: 0,
            trial: Trial::Worth { before: 1, fewer: 0.0 },
            is_doubling: true,
            look: Look::default(),
            free_since_ms: Some(0),
        }
    }

    /// Whether another may begin.
    pub(super) fn has_room(&self) -> bool {
        self.under_way < self.allowed
    }

    /// Counts an upload that begins.
    pub(super) fn begin(&mut self, now_ms: u64) {
        self.under_way += 1;
        if self.free_since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) > IDLE_MS) {
            self.look_anew(now_ms);
        }
        if !self.has_room() {
            self.free_since_ms = None;
        }
    }

    /// One is over; the line took `took_ms` for it.
    pub(super) fn end(&mut self, bytes: u64, took_ms: u64, now_ms: u64) {
        let was_full = !self.has_room();
        self.leave(now_ms);
        self.look.uploads += 1;
        self.look.bytes += bytes;
        if took_ms > SLOW_MS {
            self.halve(now_ms);
        } else if was_full && self.look.uploads >= self.allowed * 2 {
            let rate = self.look.bytes as f64 / now_ms.saturating_sub(self.look.since_ms).max(1) as f64;
            self.judge(rate);
            self.look_anew(now_ms);
        }
    }

    /// One broke off: the line has too many, or is gone.
    pub(super) fn broke(&mut self, now_ms: u64) {
        self.leave(now_ms);
        self.halve(now_ms);
    }

    /// One was given up here, which says nothing of the line.
    pub(super) fn leave(&mut self, now_ms: u64) {
        self.under_way = self.under_way.saturating_sub(1);
        self.free_since_ms.get_or_insert(now_ms);
    }

    fn halve(&mut self, now_ms: u64) {
        self.allowed = (self.allowed / 2).max(1);
        self.trial = Trial::Stays { looks: LOOKS };
        self.is_doubling = false;
        self.look_anew(now_ms);
    }

    fn look_anew(&mut self, now_ms: u64) {
        self.look = Look { since_ms: now_ms, ..Look::default() };
    }

    fn judge(&mut self, rate: f64) {
        match self.trial {
            Trial::Worth { before, fewer } if rate < fewer * self.worth(before) => {
                self.allowed = before;
                self.is_doubling = false;
                self.trial = Trial::Stays { looks: LOOKS };
            }
            Trial::Stays { looks: looks @ 1.. } => self.trial = Trial::Stays { looks: looks - 1 },
            _ if self.allowed == self.most => self.trial = Trial::Stays { looks: LOOKS },
            Trial::Worth { .. } | Trial::Stays { .. } => {
                self.trial = Trial::Worth { before: self.allowed, fewer: rate };
                let more = if self.is_doubling { self.allowed } else { (self.allowed / 2).max(1) };
                self.allowed = (self.allowed + more).min(self.most);
            }
        }
    }

    /// How many times as much so many have to carry as fewer did.
    fn worth(&self, before: usize) -> f64 {
        1.0 + WORTH * (self.allowed as f64 / before.max(1) as f64 - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A line that carries `rate` bytes per millisecond in all and `each` at most for one upload, and a service that takes
    /// `pause_ms` for its answer: what `count` uploads of `bytes` come to, by the most under way at once and the time.
    fn carried(uploads: &mut Uploads, [rate, each]: [f64; 2], pause_ms: f64, count: usize, bytes: u64) -> (usize, u64) {
        let (mut waiting, mut now_ms, mut most) = (count, 0.0_f64, 0);
        // What is left of each, when it began, and for how long its answer is waited for still.
        let mut under_way: Vec<(f64, f64, f64)> = Vec::new();
        while waiting > 0 || !under_way.is_empty() {
            while waiting > 0 && uploads.has_room() {
                uploads.begin(now_ms as u64);
                under_way.push((bytes as f64, now_ms, pause_ms));
                waiting -= 1;
            }
            most = most.max(under_way.len());
            let sending = under_way.iter().filter(|one| one.0 > 0.0).count().max(1) as f64;
            now_ms += 1.0;
            for one in &mut under_way {
                if one.0 > 0.0 { one.0 -= (rate / sending).min(each) } else { one.2 -= 1.0 }
            }
            under_way.retain(|one| {
                let is_over = one.0 <= 0.0 && one.2 <= 0.0;
                if is_over {
                    uploads.end(bytes, (now_ms - one.1 - pause_ms) as u64, now_ms as u64);
                }
                !is_over
            });
        }
        (most, now_ms as u64)
    }

    #[test]
    fn a_slow_line_has_few_uploads() {
        // Six pictures of 8 MB at 500 kB per second: one after the other, in the time that the line needs.
        let mut uploads = Uploads::new(16);
        let (most, took_ms) = carried(&mut uploads, [500.0, 500.0], 100.0, 6, 8_000_000);
        assert_eq!((most, uploads.allowed), (2, 1));
        assert!(took_ms < 98_000, "{took_ms}");
        // Smaller ones, which two can share.
        let mut uploads = Uploads::new(16);
        let (most, took_ms) = carried(&mut uploads, [500.0, 500.0], 100.0, 60, 1_000_000);
        assert!(most <= 4 && took_ms < 130_000, "{most} {took_ms}");
    }

    #[test]
    fn a_line_that_carries_more_by_more_uploads_has_as_many_as_are_allowed() {
        // A line that is far away: a single connection does not fill it.
        let mut uploads = Uploads::new(16);
        let (most, took_ms) = carried(&mut uploads, [50_000.0, 2_000.0], 300.0, 200, 1_000_000);
        assert_eq!(most, 16);
        assert!(took_ms < 200 * 800 / 10, "{took_ms}");
    }

    #[test]
    fn what_was_too_little_once_becomes_enough() {
        let mut uploads = Uploads::new(16);
        uploads.allowed = 4;
        uploads.begin(0);
        uploads.broke(10);
        assert_eq!(uploads.allowed, 2);
        let (most, _) = carried(&mut uploads, [50_000.0, 2_000.0], 300.0, 400, 1_000_000);
        assert_eq!(most, 16);
    }

    #[test]
    fn what_breaks_off_halves_it() {
        let mut uploads = Uploads::new(16);
        uploads.allowed = 9;
        uploads.begin(0);
        uploads.broke(10);
        assert_eq!((uploads.allowed, uploads.under_way), (4, 0));
        (0..5).for_each(|_| uploads.broke(10));
        assert_eq!(uploads.allowed, 1);
    }

    proptest! {
        #[test]
        fn there_is_always_room_for_one_and_never_for_more_than_are_allowed(
            most in 1usize..40, turns in proptest::collection::vec((0u64..20_000, 0u8..4, 0u64..10_000_000), 0..200),
        ) {
            let mut uploads = Uploads::new(most);
            let mut now_ms = 0;
            for (passed_ms, what, bytes) in turns {
                now_ms += passed_ms;
                match what {
                    0 if uploads.under_way > 0 => uploads.broke(now_ms),
                    1 if uploads.under_way > 0 => uploads.end(bytes, passed_ms, now_ms),
                    _ if uploads.has_room() => uploads.begin(now_ms),
                    _ => {}
                }
                prop_assert!((1..=most).contains(&uploads.allowed));
                prop_assert!(uploads.under_way <= most);
                prop_assert!(uploads.under_way > 0 || uploads.has_room());
            }
        }
    }
}

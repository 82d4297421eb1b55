use crate::queue::MAX_PER_CALL;

/// The most polls of one lane at once. One brings ten messages in a few milliseconds, which a fast device outruns.
const MOST_POLLS: usize = 8;

/// How many polls of one lane are under way and for how many messages each asks. Pure.
///
/// A lane that answers full is polled by more and more at once; one that answers with nothing is polled by one that
/// waits long: an empty lane costs one request in twenty seconds.
#[derive(Debug, Clone)]
pub(super) struct Polling {
    /// As many polls as are worth it.
    wanted: usize,
    under_way: usize,
    /// The messages that these may bring.
    asked: usize,
    /// How many places a message of this lane takes: the most on average of late, fading.
    places: f64,
}

impl Default for Polling {
    fn default() -> Self {
        Self { wanted: 1, under_way: 0, asked: 0, places: 1.0 }
    }
}

impl Polling {
    /// A poll begins where `free` places are free, at least one; how many messages it asks for.
    pub(super) fn begin(&mut self, free: usize) -> usize {
        let asks = self.messages(free).clamp(1, MAX_PER_CALL);
        self.under_way += 1;
        self.asked += asks;
        asks
    }

    /// Whether another poll is worth it beside those under way, and there is room for what it may bring.
    pub(super) fn another(&mut self, free: usize) -> Option<usize> {
        let left = self.messages(free).saturating_sub(self.asked);
        let another = self.under_way > 0 && self.under_way < self.wanted && left > 0;
        another.then(|| {
            self.under_way += 1;
            self.asked += left.min(MAX_PER_CALL);
            left.min(MAX_PER_CALL)
        })
    }

    /// A poll that asked for `asked` brought `count` messages, which take `places` places.
    pub(super) fn end(&mut self, asked: usize, count: usize, places: usize) {
        self.over(asked);
        self.wanted = match count {
            0 => 1,
            _ if count >= asked => (self.wanted * 2).min(MOST_POLLS),
            _ => self.wanted,
        };
        if count > 0 {
            let each = places as f64 / count as f64;
            self.places = each.max(self.places + (each - self.places) / 4.0);
        }
    }

    /// A poll that asked for `asked` failed.
    pub(super) fn fail(&mut self, asked: usize) {
        self.over(asked);
        self.wanted = 1;
    }

    fn over(&mut self, asked: usize) {
        self.under_way = self.under_way.saturating_sub(1);
        self.asked = self.asked.saturating_sub(asked);
    }

    fn messages(&self, free: usize) -> usize {
        (free as f64 / self.places.max(1.0)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins as many polls as there may be; what each asks for.
    fn all(polling: &mut Polling, free: usize) -> Vec<usize> {
        let first = (polling.under_way == 0).then(|| polling.begin(free));
        let more = std::iter::from_fn(|| polling.another(free));
        first.into_iter().chain(more).collect()
    }

    #[test]
    fn an_empty_lane_has_one_poll_and_a_full_one_has_more_each_time() {
        let mut polling = Polling::default();
        for expect in [1, 2, 4, 8, 8] {
            let polls = all(&mut polling, 1000);
            assert_eq!(polls, vec![10; expect]);
            polls.iter().take(1).for_each(|asked| polling.end(*asked, 10, 10));
            polls.iter().skip(1).for_each(|asked| polling.end(*asked, 7, 7));
        }
        all(&mut polling, 1000).iter().for_each(|asked| polling.end(*asked, 0, 0));
        assert_eq!(all(&mut polling, 1000), [10]);
        polling.fail(10);
        assert_eq!(all(&mut polling, 1000), [10]);
    }

    #[test]
    fn polls_never_ask_for_more_than_there_is_room_for() {
        let mut polling = Polling { wanted: 8, ..Polling::default() };
        assert_eq!(all(&mut polling, 25), [10, 10, 5]);
        assert_eq!(all(&mut polling, 30), [5]);
        assert_eq!(Polling::default().begin(3), 3);
    }

    #[test]
    fn where_messages_are_much_work_fewer_are_asked_for() {
        let mut polling = Polling::default();
        for _ in 0..30 {
            let asked = polling.begin(64);
            polling.end(asked, 1, 20);
        }
        assert_eq!(polling.begin(64), 3);
        polling.fail(3);
        assert_eq!(polling.begin(1), 1, "room for one is room for any");
    }
}

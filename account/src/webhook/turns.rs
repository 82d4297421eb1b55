//! Whose turn it is: endpoints take turns, few deliveries at a time an object. One endpoint whose tries succeed may have
//! several under way, and one whose last try failed has one: those that fail leave room for those that do not.

/// Deliveries under way at once. The runtime lets six connections of one event wait for their answers; two are left for
/// queue and bucket: <https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections>.
pub(super) const AT_ONCE: usize = 4;
/// Of these, to endpoints whose last try failed: such a try may take the whole timeout.
const TROUBLED_AT_ONCE: usize = 2;

/// How the last try of an endpoint went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Health {
    /// This life of the object has seen none.
    #[default]
    Unknown,
    /// It was taken.
    Well,
    /// It was not.
    Troubled,
}

/// An endpoint's line of deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// When the next delivery is due that is not under way, or earlier; none without any.
    pub due_ms: Option<u64>,
    /// How many are under way.
    pub under_way: usize,
    /// How the last try went.
    pub health: Health,
    /// The number of its last turn: the lower, the longer ago.
    pub turn: u64,
}

/// The place in `lines` of the one whose turn it is at `now_ms`: of those with the fewest under way the one that had its
/// last turn longest ago. So a long line makes no other wait for its end.
pub(super) fn next(lines: &[Turn], now_ms: u64) -> Option<usize> {
    let busy = |counted: fn(&Turn) -> bool| lines.iter().filter(|line| counted(line)).map(|line| line.under_way).sum();
    let room = AT_ONCE.saturating_sub(busy(|_| true));
    let troubled: usize = busy(|line| line.health == Health::Troubled);
    // The last place is for an endpoint that has none: should all tries of one hang at once, others go on.
    let kept_free = usize::from(lines.len() > 1);
    let goes = |line: &Turn| match (line.under_way, line.health) {
        (0, Health::Troubled) => room > 0 && troubled < TROUBLED_AT_ONCE,
        (0, _) => room > 0,
        (_, Health::Well) => room > kept_free,
        _ => false,
    };
    let due = |line: &Turn| line.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
    let going = lines.iter().enumerate().filter(|(_, line)| due(line) && goes(line));
    going.min_by_key(|(_, line)| (line.under_way, line.turn)).map(|(index, _)| index)
}

/// When somebody must look at the lines again if nothing happens until then: at the next time that something is due, and
/// `guard_ms` after anything that is under way or has no room.
pub(super) fn look_ms(lines: &[Turn], now_ms: u64, guard_ms: u64) -> Option<u64> {
    let guard = now_ms.saturating_add(guard_ms);
    let look = |line: &Turn| {
        let waits = line.due_ms.filter(|due_ms| *due_ms > now_ms);
        let guarded = line.under_way > 0 || line.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
        waits.into_iter().chain(guarded.then_some(guard)).min()
    };
    lines.iter().filter_map(look).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE: Turn = Turn { due_ms: None, under_way: 0, health: Health::Unknown, turn: 0 };
    const DUE: Turn = Turn { due_ms: Some(10), ..IDLE };
    const WELL: Turn = Turn { health: Health::Well, ..DUE };
    const TROUBLED: Turn = Turn { health: Health::Troubled, ..DUE };

    /// All that begin at once, in order, when none of them ends.
    fn going(mut lines: Vec<Turn>) -> Vec<usize> {
        let mut going = Vec::new();
        while let Some(index) = next(&lines, 10) {
            lines[index].under_way += 1;
            lines[index].turn = 1_000 + going.len() as u64;
            going.push(index);
        }
        going
    }

    #[test]
    fn endpoints_take_turns_and_those_that_fail_leave_room() {
        let late = |line| Turn { turn: 7, ..line };
        let with = |under_way, line| Turn { under_way, ..line };
        for (lines, expect) in [
            (vec![], vec![]),
            (vec![IDLE, Turn { due_ms: Some(11), ..IDLE }], vec![]),
            // Nobody knows yet how it does: one.
            (vec![DUE], vec![0]),
            (vec![WELL], vec![0, 0, 0, 0]),
            (vec![TROUBLED], vec![0]),
            (vec![WELL, IDLE], vec![0, 0, 0]),
            (vec![WELL, WELL], vec![0, 1, 0]),
            (vec![late(WELL), WELL], vec![1, 0, 1]),
            (vec![DUE; 6], vec![0, 1, 2, 3]),
            (vec![TROUBLED, TROUBLED, TROUBLED, DUE, DUE], vec![0, 1, 3, 4]),
            (vec![TROUBLED, TROUBLED, TROUBLED, WELL], vec![0, 1, 3]),
            (vec![with(3, WELL), DUE], vec![1]),
            // It failed while several of it were under way: they count.
            (vec![with(3, TROUBLED), TROUBLED, DUE], vec![2]),
            (vec![with(4, WELL), DUE], vec![]),
        ] {
            assert_eq!(going(lines.clone()), expect, "{lines:?}");
        }
    }

    #[test]
    fn somebody_looks_again_in_any_case() {
        let later = Turn { due_ms: Some(500), ..IDLE };
        assert_eq!(look_ms(&[], 10, 30), None);
        assert_eq!(look_ms(&[IDLE], 10, 30), None);
        assert_eq!(look_ms(&[IDLE, later], 10, 30), Some(500));
        assert_eq!(look_ms(&[later, Turn { under_way: 1, ..IDLE }], 10, 30), Some(40));
        assert_eq!(look_ms(&[later, DUE], 10, 30), Some(40));
        // What is due soon does not wait for the end of what is under way.
        assert_eq!(look_ms(&[Turn { due_ms: Some(15), under_way: 1, ..IDLE }], 10, 30), Some(15));
    }

    fn turns() -> impl Strategy<Value = Vec<Turn>> {
        let health = prop_oneof![Just(Health::Unknown), Just(Health::Well), Just(Health::Troubled)];
        let turn = (prop::option::of(0u64..20), 0usize..3, health, 0u64..9);
        let turn = turn.prop_map(|(due_ms, under_way, health, turn)| Turn { due_ms, under_way, health, turn });
        prop::collection::vec(turn, 0..12)
    }

    proptest! {
        #[test]
        fn one_at_a_time_goes_to_who_fails_and_healthy_ones_have_room(mut lines in turns()) {
            let busy = |lines: &[Turn]| lines.iter().map(|line| line.under_way).sum::<usize>();
            let fails = |line: &&Turn| line.health == Health::Troubled;
            while let Some(index) = next(&lines, 10) {
                let line = lines[index];
                prop_assert!(line.due_ms.unwrap() <= 10 && busy(&lines) < AT_ONCE);
                prop_assert!(line.under_way == 0 || line.health == Health::Well);
                let troubled: usize = lines.iter().filter(fails).map(|line| line.under_way).sum();
                prop_assert!(line.health != Health::Troubled || troubled < TROUBLED_AT_ONCE);
                lines[index].under_way += 1;
            }
            let waits = |line: &Turn| line.under_way == 0 && line.due_ms.is_some_and(|due| due <= 10);
            let waiting = lines.iter().any(|line| waits(line) && line.health != Health::Troubled);
            prop_assert!(!waiting || busy(&lines) >= AT_ONCE);
        }

        /// Whoever waits with nothing under way gets a turn before there have been more of others than there are
        /// endpoints, whatever those have waiting, and in whichever order what is under way ends, well or not.
        #[test]
        fn nobody_starves(
            count in 1usize..9,
            sick in prop::collection::vec(any::<bool>(), 9),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 200),
        ) {
            let mut lines = vec![DUE; count];
            let mut going: Vec<usize> = Vec::new();
            let mut since = vec![0usize; count];
            let mut turn = 0;
            for end in ends {
                while let Some(index) = next(&lines, 10) {
                    turn += 1;
                    lines[index].under_way += 1;
                    lines[index].turn = turn;
                    going.push(index);
                    since.iter_mut().for_each(|since| *since += 1);
                    since[index] = 0;
                }
                prop_assert!(!going.is_empty());
                let ended = going.remove(end.index(going.len()));
                lines[ended].under_way -= 1;
                // It begins to wait now.
                since[ended] = 0;
                lines[ended].health = if sick[ended] { Health::Troubled } else { Health::Well };
                // Of those that wait with nothing under way; the sick wait for each other besides.
                for (index, line) in lines.iter().enumerate() {
                    let held = line.health == Health::Troubled;
                    prop_assert!(line.under_way > 0 || held || since[index] <= count, "{index}: {since:?}");
                }
            }
        }
    }
}

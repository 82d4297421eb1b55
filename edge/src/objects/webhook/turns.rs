//! Whose turn it is: one delivery at a time an endpoint, few at a time an object, and those that fail leave room for
//! those that do not.

/// Deliveries under way at once. The runtime lets six connections of one event wait for their answers; two are left for
/// queue and bucket.
pub const AT_ONCE: usize = 4;
/// Of these, to endpoints whose last try failed: such a try may take the whole timeout.
const TROUBLED_AT_ONCE: usize = 2;

/// An endpoint's line of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When its next delivery is due; none without any.
    pub due_ms: Option<u64>,
    /// Whether one is under way.
    pub busy: bool,
    /// Whether the last try failed.
    pub troubled: bool,
}

/// The places in `lines` of those whose turn it is at `now_ms`, the longest due first.
pub fn next(lines: &[Turn], now_ms: u64) -> Vec<usize> {
    let busy = || lines.iter().filter(|line| line.busy);
    let mut room = AT_ONCE.saturating_sub(busy().count());
    let mut troubled_room = TROUBLED_AT_ONCE.saturating_sub(busy().filter(|line| line.troubled).count());
    let mut going: Vec<usize> = Vec::new();
    while room > 0 {
        let goes = |(index, line): &(usize, &Turn)| {
            !line.busy && !going.contains(index) && (!line.troubled || troubled_room > 0)
        };
        // Few, so that looking for the first each time is less than sorting them.
        let due = lines.iter().enumerate().filter(goes).filter_map(|(index, line)| Some((line.due_ms?, index)));
        let Some((_, index)) = due.filter(|(due_ms, _)| *due_ms <= now_ms).min() else { break };
        room -= 1;
        troubled_room -= usize::from(lines.get(index).is_some_and(|line| line.troubled));
        going.push(index);
    }
    going
}

/// When somebody must look at the lines again if nothing happens until then: at the next time that something is due, and
/// `guard_ms` after anything that is under way or has no room.
pub fn look_ms(lines: &[Turn], now_ms: u64, guard_ms: u64) -> Option<u64> {
    let guard = now_ms.saturating_add(guard_ms);
    let look = |line: &Turn| match line.due_ms {
        _ if line.busy => Some(guard),
        Some(due_ms) if due_ms <= now_ms => Some(guard),
        due_ms => due_ms,
    };
    lines.iter().filter_map(look).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE: Turn = Turn { due_ms: None, busy: false, troubled: false };

    #[test]
    fn the_longest_due_goes_first_and_those_that_fail_leave_room() {
        let due = |due_ms| Turn { due_ms: Some(due_ms), ..IDLE };
        let failing = |due_ms| Turn { troubled: true, ..due(due_ms) };
        let under_way = Turn { busy: true, ..due(0) };
        for (lines, expect) in [
            (vec![], vec![]),
            (vec![IDLE, due(11)], vec![]),
            (vec![due(9), due(3), due(10)], vec![1, 0, 2]),
            (vec![due(1), due(2), due(3), due(4), due(5)], vec![0, 1, 2, 3]),
            (vec![failing(1), failing(2), failing(3), failing(4), due(5), due(6)], vec![0, 1, 4, 5]),
            (vec![under_way, under_way, under_way, due(5), due(4)], vec![4]),
            (vec![Turn { troubled: true, ..under_way }, failing(1), failing(2), due(3)], vec![1, 3]),
        ] {
            assert_eq!(next(&lines, 10), expect, "{lines:?}");
        }
    }

    #[test]
    fn somebody_looks_again_in_any_case() {
        let later = Turn { due_ms: Some(500), ..IDLE };
        assert_eq!(look_ms(&[], 10, 30), None);
        assert_eq!(look_ms(&[IDLE], 10, 30), None);
        assert_eq!(look_ms(&[IDLE, later], 10, 30), Some(500));
        assert_eq!(look_ms(&[later, Turn { busy: true, ..IDLE }], 10, 30), Some(40));
        assert_eq!(look_ms(&[later, Turn { due_ms: Some(10), ..IDLE }], 10, 30), Some(40));
    }

    fn turns() -> impl Strategy<Value = Vec<Turn>> {
        let turn = (prop::option::of(0u64..20), any::<bool>(), any::<bool>());
        prop::collection::vec(turn.prop_map(|(due_ms, busy, troubled)| Turn { due_ms, busy, troubled }), 0..16)
    }

    proptest! {
        #[test]
        fn nobody_is_told_twice_at_once_and_healthy_ones_have_room(lines in turns()) {
            let going = next(&lines, 10);
            let busy = lines.iter().filter(|line| line.busy).count();
            prop_assert!(going.is_empty() || going.len() + busy <= AT_ONCE);
            prop_assert!(going.iter().all(|index| !lines[*index].busy && lines[*index].due_ms.unwrap() <= 10));
            let troubled = going.iter().filter(|index| lines[**index].troubled).count()
                + lines.iter().filter(|line| line.busy && line.troubled).count();
            prop_assert!(troubled <= TROUBLED_AT_ONCE || going.iter().all(|index| !lines[*index].troubled));
            let waits = |line: &Turn| !line.busy && !line.troubled && line.due_ms.is_some_and(|due| due <= 10);
            let healthy = lines.iter().filter(|line| waits(line)).count();
            let healthy_going = going.iter().filter(|index| !lines[**index].troubled).count();
            prop_assert!(healthy_going == healthy || going.len() + busy >= AT_ONCE);
        }
    }
}

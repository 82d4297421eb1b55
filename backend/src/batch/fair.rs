//! Whose turn it is: the lane that had the least for its weight, in it the account that had the least, and of its jobs
//! the one with the best rank.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    Item, Pending,
    draft::{Draft, RINGS},
    pending::{LaneQueue, charge},
};

impl Pending {
    /// The job of those `wanted` whose turn it is.
    pub(super) fn next(&self, wanted: impl Fn(&Item) -> bool) -> Option<&Item> {
        let mut lanes: Vec<&LaneQueue> = self.lanes.iter().collect();
        // Stable: of lanes that had alike, the heavier one goes first.
        lanes.sort_by_key(|queue| queue.attained.leading);
        lanes.into_iter().find_map(|queue| {
            let mut best: Option<(u64, &Item)> = None;
            for account in &queue.accounts {
                if best.is_some_and(|(least, _)| least <= account.attained.leading) {
                    continue;
                }
                if let Some(item) = account.items.iter().find(|item| wanted(item)) {
                    best = Some((account.attained.leading, item));
                }
            }
            best.map(|(_, item)| item)
        })
    }

    /// Offers every other job that suits the draft until it is closed: those of nearly the first one's length before
    /// those that need more padding, and of these in the order of their turns.
    pub(super) fn fill(&self, draft: &mut Draft<'_>, first: &Item, now_us: u64) {
        let mut turns = Turns::default();
        let mut rings: [Vec<Candidate<'_>>; RINGS] = Default::default();
        for queue in &self.lanes {
            let lane = turns.lanes.len();
            turns.lanes.push((queue, queue.attained.all));
            for account in &queue.accounts {
                let turn = turns.accounts.len();
                turns.accounts.push((lane, account.attained.all));
                for item in &account.items {
                    if item.ticket == first.ticket {
                        // It has its place already.
                        turns.charge(turn, item);
                    } else if let Some(ring) = draft.ring(item).and_then(|ring| rings.get_mut(ring))
                        && !item.is_expired(now_us)
                    {
                        ring.push(Candidate { turn, item });
                    }
                }
            }
        }
        for ring in rings {
            turns.serve(draft, &ring);
        }
    }
}

/// A job that could ride along, and its account's place among all.
struct Candidate<'a> {
    turn: usize,
    item: &'a Item,
}

/// What lanes and accounts had, counting what the draft gives them.
#[derive(Default)]
struct Turns<'a> {
    lanes: Vec<(&'a LaneQueue, u64)>,
    /// Each with the place of its lane.
    accounts: Vec<(usize, u64)>,
}

/// What an account had, its place among all, and the place of its next candidate: the least is the next.
type Turn = Reverse<(u64, usize, usize)>;

impl Turns<'_> {
    fn charge(&mut self, turn: usize, item: &Item) {
        let Some((lane, attained)) = self.accounts.get_mut(turn) else { return };
        *attained = attained.saturating_add(charge(item));
        if let Some((queue, attained)) = self.lanes.get_mut(*lane) {
            *attained = attained.saturating_add(queue.charge(item));
        }
    }

    /// Offers these, which stand account by account and in each by rank, until the draft is closed.
    fn serve(&mut self, draft: &mut Draft<'_>, candidates: &[Candidate<'_>]) {
        let mut waiting: Vec<Vec<Turn>> = self.lanes.iter().map(|_| Vec::new()).collect();
        let mut last = None;
        for (at, candidate) in candidates.iter().enumerate() {
            if last != Some(candidate.turn)
                && let Some((lane, attained)) = self.accounts.get(candidate.turn)
                && let Some(waiting) = waiting.get_mut(*lane)
            {
                waiting.push(Reverse((*attained, candidate.turn, at)));
            }
            last = Some(candidate.turn);
        }
        let mut waiting: Vec<BinaryHeap<Turn>> = waiting.into_iter().map(BinaryHeap::from).collect();
        while !draft.is_closed() {
            let lanes = self.lanes.iter().zip(&mut waiting).filter(|(_, waiting)| !waiting.is_empty());
            let Some((_, waiting)) = lanes.min_by_key(|((_, attained), _)| *attained) else { return };
            let Some(Reverse((_, turn, mut at))) = waiting.pop() else { return };
            while let Some(candidate) = candidates.get(at).filter(|candidate| candidate.turn == turn) {
                at += 1;
                if draft.offer(candidate.item) {
                    self.charge(turn, candidate.item);
                    if let Some((_, attained)) = self.accounts.get(turn) {
                        waiting.push(Reverse((*attained, turn, at)));
                    }
                    break;
                }
            }
        }
    }
}

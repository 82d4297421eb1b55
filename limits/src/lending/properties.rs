//! Ledger and holdings together: many holders, lost calls, odd clocks.

use std::collections::BTreeMap;

use forebay_contract::catalog::{Algorithm, Beyond, Dimension, LimitSpec, Unit, Window};
use proptest::prelude::*;

use super::{
    Scope,
    holdings::{Holdings, Need, SharedLimit},
    lease::{Answer, Ask, Returned},
    ledger::Ledger,
};

const START: u64 = 1_800_000_000_000;
const WINDOW_MS: u64 = 20_000;

fn spec(algorithm: Algorithm, quantity: u64) -> LimitSpec {
    LimitSpec {
        name: "everybody".to_owned(),
        dimension: Dimension::Global,
        algorithm,
        quantity,
        window: Some(Window::Seconds(WINDOW_MS / 1000)),
        unit: Unit::Requests,
        beyond: Beyond::Reject,
    }
}

fn shared() -> SharedLimit {
    SharedLimit { scope: Scope::Global, id: "everybody".to_owned() }
}

fn ask(spec: &LimitSpec, want: u64, returned: &[(u64, u64)]) -> Ask {
    let returned = returned.iter().map(|(lease, unused)| Returned { lease: *lease, unused: *unused }).collect();
    Ask { limit: shared().id, spec: spec.clone(), want, returned }
}

/// Lease, amount and end of what must have been granted.
fn granted(answer: Option<Answer>) -> (u64, u64, u64) {
    match answer {
        Some(Answer::Granted { lease, amount, expires_ms, .. }) => (lease, amount, expires_ms),
        other => panic!("not granted: {other:?}"),
    }
}

fn denied(answer: Option<Answer>) -> Option<u64> {
    match answer {
        Some(Answer::Denied { retry_after_ms, .. }) => retry_after_ms,
        other => panic!("not denied: {other:?}"),
    }
}

#[test]
fn a_holder_gets_a_block_or_what_it_needs_or_what_is_left() {
    let (mut ledger, spec) = (Ledger::default(), spec(Algorithm::FixedWindow, 100));
    assert_eq!(granted(ledger.answer("a", &ask(&spec, 1, &[]), START)).1, 5);
    assert_eq!(granted(ledger.answer("b", &ask(&spec, 92, &[]), START)).1, 92);
    assert_eq!(denied(ledger.answer("c", &ask(&spec, 4, &[]), START)), Some(WINDOW_MS - START % WINDOW_MS));
    assert_eq!(granted(ledger.answer("c", &ask(&spec, 2, &[]), START)).1, 3);
    assert_eq!(denied(ledger.answer("a", &ask(&spec, 101, &[]), START)), None);
}

#[test]
fn what_is_handed_back_is_there_for_others_and_only_once() {
    let (mut ledger, spec) = (Ledger::default(), spec(Algorithm::FixedWindow, 100));
    let (lease, _, expires_ms) = granted(ledger.answer("a", &ask(&spec, 100, &[]), START));
    assert_eq!(expires_ms, START + 5_000);
    // Neither somebody else's word counts, nor more than was lent.
    ledger.answer("b", &ask(&spec, 0, &[(lease, 50), (lease + 1, 50)]), START);
    denied(ledger.answer("b", &ask(&spec, 1, &[]), START));
    ledger.answer("a", &ask(&spec, 0, &[(lease, 60), (lease, 60)]), START);
    ledger.answer("a", &ask(&spec, 0, &[(lease, 60)]), START);
    assert_eq!(granted(ledger.answer("b", &ask(&spec, 60, &[]), START)).1, 60);
    denied(ledger.answer("c", &ask(&spec, 1, &[]), START));
}

#[test]
fn nobody_hands_back_more_than_was_lent_or_after_a_minute() {
    let spec = spec(Algorithm::TokenBucket, 100);
    let mut ledger = Ledger::default();
    let (lease, ..) = granted(ledger.answer("a", &ask(&spec, 10, &[]), START));
    ledger.answer("b", &ask(&spec, 90, &[]), START);
    assert_eq!(granted(ledger.answer("a", &ask(&spec, 10, &[(lease, u64::MAX)]), START)).1, 10);
    denied(ledger.answer("a", &ask(&spec, 1, &[]), START));

    let (lease, _, expires_ms) = granted(ledger.answer("a", &ask(&spec, 100, &[]), START + WINDOW_MS));
    let late = expires_ms + 60_001;
    let (.., whole) = granted(ledger.answer("b", &ask(&spec, 100, &[]), late));
    assert!(whole > late);
    ledger.answer("a", &ask(&spec, 0, &[(lease, 100)]), late);
    denied(ledger.answer("c", &ask(&spec, 1, &[]), late));
}

#[test]
fn an_even_pace_is_lent_one_submission_at_a_time() {
    let (mut ledger, spec) = (Ledger::default(), spec(Algorithm::LeakyBucket, 100));
    assert_eq!(granted(ledger.answer("a", &ask(&spec, 2, &[]), START)).1, 2);
    assert_eq!(denied(ledger.answer("b", &ask(&spec, 1, &[]), START)), Some(2 * WINDOW_MS / 100));
}

#[test]
fn jobs_in_flight_are_not_lent() {
    let spec = LimitSpec { window: None, ..spec(Algorithm::InFlight, 100) };
    assert_eq!(Ledger::default().answer("a", &ask(&spec, 1, &[]), START), None);
}

#[test]
fn ids_are_not_used_again_when_all_is_forgotten() {
    let (mut ledger, spec) = (Ledger::default(), spec(Algorithm::TokenBucket, 100));
    let (first, ..) = granted(ledger.answer("a", &ask(&spec, 1, &[]), START));
    ledger.sweep(START + 100_000);
    assert!(ledger.is_empty());
    let changes = ledger.take_changes();
    assert_eq!((changes.closed, changes.forgotten, changes.kept.len()), (vec![first], vec![shared().id], 0));
    let (second, ..) = granted(Ledger::default().answer("b", &ask(&spec, 1, &[]), START + 100_000));
    assert!(second > first && second < 1 << 53);
}

#[test]
fn a_holder_asks_once_a_block_and_believes_a_denial() {
    let (mut ledger, spec, limit) = (Ledger::default(), spec(Algorithm::FixedWindow, 40), shared());
    let mut holdings = Holdings::default();
    assert_eq!(holdings.need(&limit, 1, START), Need::Ask { want: 1 });
    assert!(!holdings.spend(&limit, 1, START));
    let asked = holdings.ask(&limit, &spec, 1, START);
    let answer = ledger.answer("a", &asked, START).unwrap();
    holdings.answered(&limit, &asked, &answer, START);
    assert!(holdings.spend(&limit, 1, START) && holdings.spend(&limit, 1, START + 4_499));
    assert_eq!(holdings.need(&limit, 1, START + 4_499), Need::Ask { want: 1 });

    let asked = holdings.ask(&limit, &spec, 40, START + 1);
    let answer = ledger.answer("a", &asked, START + 1).unwrap();
    holdings.answered(&limit, &asked, &answer, START + 1);
    let retry_after_ms = denied(Some(answer));
    assert_eq!(holdings.need(&limit, 40, START + 1), Need::Denied { retry_after_ms });
    // Less may still be there, and others may have handed something back since.
    assert_eq!(holdings.need(&limit, 39, START + 1), Need::Ask { want: 39 });
    assert_eq!(holdings.need(&limit, 40, START + 5_001), Need::Ask { want: 40 });
}

#[test]
fn a_lease_is_not_used_in_its_last_moments_and_its_rest_is_handed_back() {
    let (mut ledger, spec, limit) = (Ledger::default(), spec(Algorithm::TokenBucket, 100), shared());
    let mut holdings = Holdings::default();
    let asked = holdings.ask(&limit, &spec, 100, START);
    let answer = ledger.answer("a", &asked, START).unwrap();
    holdings.answered(&limit, &asked, &answer, START);
    assert!(holdings.spend(&limit, 30, START));
    assert_eq!(holdings.returns(START + 4_499), []);
    assert_eq!(holdings.return_at_ms(), Some(START + 4_500));
    assert_eq!(holdings.need(&limit, 1, START + 4_500), Need::Ask { want: 1 });
    let (lease, ..) = granted(Some(answer));
    let returned = vec![(limit.clone(), ask(&spec, 0, &[(lease, 70)]))];
    assert_eq!(holdings.returns(START + 4_500), returned);
    // The call was lost: it is made again, and nothing of it can be spent meanwhile, whatever the clock says.
    assert_eq!(holdings.need(&limit, 1, START + 1), Need::Ask { want: 1 });
    assert_eq!(holdings.returns(START + 5_000), returned);
    let (_, asked) = &returned[0];
    let answer = ledger.answer("a", asked, START + 5_000).unwrap();
    holdings.answered(&limit, asked, &answer, START + 5_000);
    assert_eq!((holdings.returns(START + 5_001), holdings.return_at_ms()), (Vec::new(), None));
    assert_eq!(granted(ledger.answer("b", &ask(&spec, 90, &[]), START + 5_000)).1, 90);
}

/// One thing that a holder does.
#[derive(Debug, Clone, Copy)]
struct Step {
    holder: usize,
    after_ms: u64,
    amount: u64,
    lost: Lost,
    sweep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lost {
    Nothing,
    Call,
    Answer,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lost = prop_oneof![6 => Just(Lost::Nothing), 1 => Just(Lost::Call), 1 => Just(Lost::Answer)];
    let step = (0usize..6, 0u64..2_000, 1u64..8, lost, any::<bool>())
        .prop_map(|(holder, after_ms, amount, lost, sweep)| Step { holder, after_ms, amount, lost, sweep });
    prop::collection::vec(step, 1..200)
}

/// What happened: times and amounts.
#[derive(Default)]
struct History {
    /// Lease → when, and how much of it was not handed back.
    granted: BTreeMap<u64, (u64, u64)>,
    /// Lease → when it was given back, and how much of it was not used.
    returned: BTreeMap<u64, (u64, u64)>,
    spent: Vec<(u64, u64)>,
}

impl History {
    /// Asks, as it may go in a network.
    fn call(&mut self, ledger: &mut Ledger, holder: &mut Holdings, ask: &Ask, now: u64, step: &Step) {
        if step.lost == Lost::Call {
            return;
        }
        let name = step.holder.to_string();
        let answer = ledger.answer(&name, ask, now).unwrap();
        // a return that comes twice.
        ledger.answer(&name, &Ask { want: 0, ..ask.clone() }, now);
        if let Answer::Granted { lease, amount, .. } = answer {
            self.granted.insert(lease, (now, amount));
        }
        for returned in &ask.returned {
            if self.returned.insert(returned.lease, (now, returned.unused)).is_none() {
                self.granted.get_mut(&returned.lease).unwrap().1 -= returned.unused;
            }
        }
        if step.lost == Lost::Nothing {
            holder.answered(&shared(), ask, &answer, now);
        }
    }
}

fn live(spec: &LimitSpec, steps: &[Step]) -> History {
    let (limit, mut ledger, mut history) = (shared(), Ledger::default(), History::default());
    let mut holders: Vec<Holdings> = (0..6).map(|_| Holdings::default()).collect();
    let mut now = START;
    for step in steps {
        now += step.after_ms;
        let holder = &mut holders[step.holder];
        if let Need::Ask { want } = holder.need(&limit, step.amount, now) {
            let asked = holder.ask(&limit, spec, want, now);
            history.call(&mut ledger, holder, &asked, now, step);
        }
        if holder.spend(&limit, step.amount, now) {
            history.spent.push((now, step.amount));
        }
        if step.sweep {
            for (_, asked) in holder.returns(now) {
                history.call(&mut ledger, holder, &asked, now, step);
            }
            ledger.sweep(now);
        }
    }
    history
}

/// Whether no stretch of time has more of `events` than a bucket of `quantity` gives in it and in `before_ms` before,
/// and the leases that were out then and came back: a full bucket would not have held those.
fn within_bucket(history: &History, events: &[(u64, u64)], quantity: u64, before_ms: u64) -> bool {
    let out = |from: u64, to: u64| {
        let returned = history.returned.iter().filter(|(_, (at_ms, _))| *at_ms >= from);
        returned.filter(|(lease, _)| history.granted[*lease].0 <= to).map(|(_, (_, unused))| unused).sum::<u64>()
    };
    events.iter().enumerate().all(|(first, (from, _))| {
        let mut sum = 0;
        let out = out(from - before_ms, *from);
        events.iter().skip(first).all(|(to, amount)| {
            sum += amount;
            (sum - out.min(sum)) * WINDOW_MS <= quantity * (WINDOW_MS + to - from + before_ms)
        })
    })
}

proptest! {
    #[test]
    fn all_holders_together_get_no_more_than_a_bucket_gives_and_the_leases_that_were_out(quantity in 1u64..60, steps in steps()) {
        let history = live(&spec(Algorithm::TokenBucket, quantity), &steps);
        let granted: Vec<_> = history.granted.values().copied().collect();
        prop_assert!(within_bucket(&history, &granted, quantity, 0), "granted {granted:?}");
        // What is spent was granted at most a lease's time before.
        prop_assert!(within_bucket(&history, &history.spent, quantity, 5_000), "spent {:?}", history.spent);
    }

    #[test]
    fn all_holders_together_never_get_more_than_a_window_has(quantity in 1u64..60, steps in steps()) {
        let history = live(&spec(Algorithm::FixedWindow, quantity), &steps);
        let mut windows = BTreeMap::<u64, u64>::new();
        for (at_ms, amount) in history.granted.values() {
            *windows.entry(at_ms / WINDOW_MS).or_default() += amount;
        }
        prop_assert!(windows.values().all(|sum| *sum <= quantity), "{windows:?}");
        let (spent, granted) = (history.spent.iter(), history.granted.values());
        prop_assert!(spent.map(|(_, amount)| amount).sum::<u64>() <= granted.map(|(_, amount)| amount).sum());
    }

    #[test]
    fn everything_that_was_not_used_can_be_granted_again(
        used in prop::collection::vec(0u64..4, 1..20),
        algorithm in prop_oneof![Just(Algorithm::TokenBucket), Just(Algorithm::FixedWindow)],
    ) {
        let (spec, mut ledger) = (spec(algorithm, 100), Ledger::default());
        let leases: Vec<_> =
            used.iter().map(|used| (granted(ledger.answer("a", &ask(&spec, 5, &[]), START)), *used)).collect();
        for ((lease, amount, _), used) in leases {
            ledger.answer("a", &ask(&spec, 0, &[(lease, amount - used)]), START);
        }
        let left = 100 - used.iter().sum::<u64>();
        denied(ledger.answer("b", &ask(&spec, left + 1, &[]), START));
        prop_assert_eq!(granted(ledger.answer("b", &ask(&spec, left, &[]), START)).1, left);
    }

    /// Ids are the clock's or follow the leases that are out: those of leases that are back may come again within their
    /// own millisecond, when nobody can give them back any more, and later never.
    #[test]
    fn a_ledger_that_is_stored_and_read_goes_on_as_it_was(
        steps in steps(),
        algorithm in prop_oneof![
            Just(Algorithm::TokenBucket),
            Just(Algorithm::LeakyBucket),
            Just(Algorithm::FixedWindow),
            Just(Algorithm::SlidingWindow),
            Just(Algorithm::SlidingLog),
        ],
    ) {
        let (spec, mut ledger) = (spec(algorithm, 40), Ledger::default());
        let (mut kept, mut lent, mut now) = (BTreeMap::new(), BTreeMap::new(), START);
        for step in steps {
            now += step.after_ms.max(1);
            let mut read = Ledger::of(kept.clone(), lent.values().cloned());
            let returned: Vec<_> = lent.keys().filter(|_| step.sweep).map(|lease| (*lease, step.amount)).collect();
            let ask = ask(&spec, step.amount, &returned);
            prop_assert_eq!(ledger.answer("a", &ask, now), read.answer("a", &ask, now));
            ledger.sweep(now);
            let changes = ledger.take_changes();
            kept.extend(changes.kept);
            kept.retain(|limit, _| !changes.forgotten.contains(limit));
            lent.extend(changes.lent.into_iter().map(|lent| (lent.id, lent)));
            lent.retain(|id, _| !changes.closed.contains(id));
        }
    }
}

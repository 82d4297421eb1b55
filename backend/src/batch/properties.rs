//! What holds for whatever waits.

use std::collections::{BTreeMap, BTreeSet};

use forebay_contract::Lane;
use proptest::prelude::*;

use super::{example::weights, *};
use crate::{cost::Price, features::Shape};

const PRICE: Price = Price { start_us: 20.0, row_us: 5.0, cell_us: 0.1 };
const LIMITS: [Limits; 2] = [
    Limits { max_rows: 6, max_cells: 600, max_us: u64::MAX, max_wait_us: 10, spare_cells: 0, price: PRICE },
    Limits { max_rows: 9, max_cells: u64::MAX, max_us: 90, max_wait_us: 30, spare_cells: 40, price: PRICE },
];

/// What waits, and by which weights.
#[derive(Debug, Clone)]
struct Jobs {
    weights: LaneWeights,
    list: Vec<(Lane, &'static str, Item)>,
}

fn jobs(most: usize) -> impl Strategy<Value = Jobs> {
    let account = prop::sample::select(vec!["a", "b", "c"]);
    let lane = any::<prop::sample::Index>();
    let shape = prop_oneof![
        (1_usize..300).prop_map(Shape::Padded),
        prop::sample::select(vec![2_usize, 3]).prop_map(|side| Shape::Fixed([side, 4].into())),
    ];
    let times = (0_u64..50, prop::option::weighted(0.1, 0_u64..100));
    let item = (0_usize..2, 1_usize..12, shape, 0_u64..200, times, prop::option::weighted(0.1, any::<u64>())).prop_map(
        |(model, rows, shape, cost_us, (since_us, deadline_us), alone)| Item {
            ticket: 0,
            model,
            rows,
            shape,
            cost_us,
            since_us,
            deadline_us,
            alone,
        },
    );
    (weights(), prop::collection::vec((lane, account, item), 0..most)).prop_map(|(weights, jobs)| {
        let lanes: Vec<Lane> = weights.lanes().collect();
        let numbered = jobs
            .into_iter()
            .zip(0..)
            .map(|((lane, account, item), ticket)| (*lane.get(&lanes), account, Item { ticket, ..item }));
        Jobs { list: numbered.collect(), weights }
    })
}

fn pending(jobs: &Jobs) -> Pending {
    let mut pending = Pending::new(jobs.weights.clone());
    jobs.list.iter().for_each(|(lane, account, item)| pending.add(*lane, account, item.clone()));
    pending
}

/// Of one model, of shapes that lie together, within every limit (or alone), with little padding, none expired, nobody with
/// company who runs alone.
fn check(batch: &[&Item], now_us: u64) -> Result<(), TestCaseError> {
    prop_assert!(!batch.is_empty());
    prop_assert_eq!(batch.iter().map(|item| item.ticket).collect::<BTreeSet<_>>().len(), batch.len());
    prop_assert_eq!(batch.iter().map(|item| item.model).collect::<BTreeSet<_>>().len(), 1);
    prop_assert!(batch.iter().all(|item| !item.is_expired(now_us)));
    let fixed: BTreeSet<_> = batch
        .iter()
        .filter(|item| matches!(item.shape, Shape::Fixed(_)))
        .map(|item| &item.shape)
        .map(|shape| format!("{shape:?}"))
        .collect();
    prop_assert!(
        fixed.is_empty() || (fixed.len() == 1 && batch.iter().all(|item| matches!(item.shape, Shape::Fixed(_))))
    );
    let rows: usize = batch.iter().map(|item| item.rows).sum();
    let longest = batch.iter().map(|item| item.shape.cells()).max().unwrap_or(0);
    let filled: u64 = batch.iter().map(|item| item.shape.cells() * item.rows as u64).sum();
    let cells = longest * rows as u64;
    let limits = LIMITS[batch[0].model];
    prop_assert!((cells - filled - (cells - filled).min(limits.spare_cells)) * 10 <= cells);
    let within =
        rows <= limits.max_rows && cells <= limits.max_cells && limits.price.batch_us(rows, longest) <= limits.max_us;
    prop_assert!(within || batch.len() == 1);
    prop_assert!(batch.len() == 1 || batch.iter().all(|item| item.alone.is_none()));
    Ok(())
}

proptest! {
    #[test]
    fn a_batch_is_alike_within_its_limits_and_without_doubles(jobs in jobs(60), now_us in 0_u64..100) {
        let by_ticket: BTreeMap<u64, &Item> = jobs.list.iter().map(|(_, _, item)| (item.ticket, item)).collect();
        for device in [Device::Free, Device::BusyUntil(50), Device::BusyUntil(500)] {
            let mut pending = pending(&jobs);
            match plan(&pending, now_us, &LIMITS, device) {
                Decision::Run(batch) => {
                    let batch: Vec<&Item> = batch.iter().map(|ticket| by_ticket[ticket]).collect();
                    check(&batch, now_us)?;
                    let tickets: Vec<u64> = batch.iter().map(|item| item.ticket).collect();
                    let taken: Vec<u64> = pending.take(&tickets).iter().map(|item| item.ticket).collect();
                    prop_assert_eq!(taken, tickets, "in the order of the decision");
                }
                Decision::Drop(late) => {
                    prop_assert!(!late.is_empty());
                    prop_assert!(late.iter().all(|ticket| by_ticket[ticket].is_expired(now_us)));
                }
                Decision::WaitUntil(at_us) => {
                    prop_assert!(at_us > now_us);
                    let deadlines = jobs.list.iter().filter_map(|(_, _, item)| item.deadline_us).min().unwrap_or(u64::MAX);
                    prop_assert!(at_us <= deadlines);
                }
                Decision::Idle => prop_assert!(jobs.list.is_empty()),
            }
        }
    }

    #[test]
    fn a_free_device_never_lets_anyone_wait_past_its_patience(jobs in jobs(60), now_us in 0_u64..100) {
        let pending = pending(&jobs);
        let due = jobs.list.iter().any(|(_, _, item)| item.since_us + LIMITS[item.model].max_wait_us <= now_us);
        let decision = plan(&pending, now_us, &LIMITS, Device::Free);
        prop_assert!(!due || matches!(decision, Decision::Run(_) | Decision::Drop(_)), "{decision:?}");
    }

    /// Jobs come while others run; in the end each ran once, or was dropped at its deadline.
    #[test]
    fn nothing_is_lost_or_doubled(jobs in jobs(60), canceled in prop::collection::btree_set(0_u64..60, 0..5)) {
        let mut arrivals = jobs.list.clone();
        arrivals.sort_by_key(|(_, _, item)| std::cmp::Reverse(item.since_us));
        let (mut pending, mut now_us, mut ended) = (Pending::new(jobs.weights), 0, Vec::new());
        for _ in 0..1000 {
            while let Some((lane, account, item)) = arrivals.pop_if(|(_, _, item)| item.since_us <= now_us) {
                pending.add(lane, account, item);
            }
            if now_us == 25 {
                ended.extend(pending.remove(&canceled.iter().copied().collect::<Vec<_>>()));
            }
            match plan(&pending, now_us, &LIMITS, Device::Free) {
                Decision::Run(batch) => {
                    let before = pending.len();
                    let taken = pending.take(&batch);
                    check(&taken.iter().collect::<Vec<_>>(), now_us)?;
                    prop_assert_eq!(before - pending.len(), batch.len());
                    ended.extend(taken);
                }
                Decision::Drop(late) => ended.extend(pending.remove(&late)),
                Decision::WaitUntil(_) | Decision::Idle => now_us += 1,
            }
        }
        let mut tickets: Vec<u64> = ended.iter().map(|item| item.ticket).collect();
        tickets.sort_unstable();
        prop_assert_eq!(tickets, (0..jobs.list.len() as u64).collect::<Vec<_>>());
        prop_assert!(pending.is_empty() && pending.items().next().is_none());
    }
}

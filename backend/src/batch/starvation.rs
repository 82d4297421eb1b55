//! Every job runs within a bound that grows with its rank, whatever the others do; and who waits all the time has the
//! share that is its own.

use std::collections::BTreeMap;

use forebay_contract::Lane;
use proptest::prelude::*;

use super::{
    example::{shipped_weights, weights_up_to},
    *,
};
use crate::{cost::Price, features::Shape};

const LIMITS: Limits = Limits {
    max_rows: 4,
    max_cells: u64::MAX,
    max_us: u64::MAX,
    max_wait_us: 0,
    spare_cells: 0,
    price: Price { start_us: 1.0, row_us: 1.0, cell_us: 0.0 },
};
const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];
const LEAST_US: u64 = 20;
const MOST_US: u64 = 100;

fn item(ticket: u64, tokens: usize, cost_us: u64, since_us: u64) -> Item {
    Item { ticket, model: 0, rows: 1, shape: Shape::Padded(tokens), cost_us, since_us, deadline_us: None, alone: None }
}

/// One other job: which of the lanes, account, tokens, cost.
type Other = (prop::sample::Index, &'static str, usize, u64);

fn others(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Other>> {
    let lane = any::<prop::sample::Index>();
    let account = prop::sample::select(ACCOUNTS.to_vec());
    prop::collection::vec((lane, account, 5_usize..200, 1..=MOST_US), count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Jobs of all lanes and accounts, its own among them, come without end and faster than they can be run; each batch
    /// takes as long as its jobs are predicted to. The bound: its own account's work of a better rank, and for that much
    /// the same from every account, by the lanes' weights. Counted in batches: each is led by who led the least, with
    /// the cheapest job at least, and a full one is the most that leading costs.
    #[test]
    fn every_job_runs_within_a_bound_that_grows_with_its_rank(
        // The bound grows with the ratio of weights, and the test with the bound's square.
        weights in weights_up_to(6, 30),
        before in others(0..40),
        stream in others(50..200),
        lane in any::<prop::sample::Index>(),
        tokens in 5_usize..200,
        cost_us in LEAST_US..=MOST_US,
    ) {
        let lanes: Vec<Lane> = weights.lanes().collect();
        let lane = *lane.get(&lanes);
        let mut pending = Pending::new(weights.clone());
        let own = item(0, tokens, cost_us, 0);
        let mut ahead = 0;
        let mut arrivals = before.into_iter().chain(stream.into_iter().cycle());
        let mut come = |pending: &mut Pending, tickets: std::ops::Range<u64>, now_us: u64| {
            for (ticket, (of, account, tokens, cost_us)) in tickets.zip(arrivals.by_ref()) {
                let of = *of.get(&lanes);
                let other = item(ticket, tokens, cost_us, now_us);
                if of == lane && account == "a" && other.rank() < own.rank() {
                    ahead += 1;
                }
                pending.add(of, account, other);
            }
            ahead
        };
        come(&mut pending, 1..40, 0);
        pending.add(lane, "a", own.clone());
        let (mut now_us, mut batches) = (1_u64, 0);
        loop {
            let ahead = come(&mut pending, 40 + 8 * batches..48 + 8 * batches, now_us);
            let Decision::Run(batch) = plan(&pending, now_us, &[LIMITS], Device::Free) else {
                return Err(TestCaseError::fail("all are due"));
            };
            let ran = pending.take(&batch);
            if batch.contains(&0) {
                break;
            }
            now_us += ran.iter().map(|item| item.cost_us).sum::<u64>();
            batches += 1;
            let full_us = LIMITS.max_rows as u64 * MOST_US;
            let of_an_account = (ahead + 2) * full_us;
            let of_a_lane = (of_an_account + full_us) * ACCOUNTS.len() as u64;
            let of_all = (of_a_lane + full_us * lanes.len() as u64) * weights.total() / weights.of(lane);
            prop_assert!(batches <= of_all / LEAST_US, "not within {batches} batches, {} wait", pending.len());
        }
    }
}

/// Runs `batches` batches while every flow always has 20 jobs waiting; what each had, in microseconds.
fn shares(
    weights: &LaneWeights,
    flows: &[(Lane, &'static str)],
    cost_us: impl Fn(usize) -> u64,
    batches: usize,
) -> BTreeMap<(Lane, &'static str), u64> {
    let (mut pending, mut attained) = (Pending::new(weights.clone()), BTreeMap::new());
    let mut tickets = 0_u64;
    let mut owner = BTreeMap::new();
    let mut add = |pending: &mut Pending, flow: usize, owner: &mut BTreeMap<u64, usize>| {
        let (lane, account) = flows[flow];
        pending.add(lane, account, item(tickets, 100, cost_us(flow), 0));
        owner.insert(tickets, flow);
        tickets += 1;
    };
    for flow in 0..flows.len() {
        (0..20).for_each(|_| add(&mut pending, flow, &mut owner));
    }
    for _ in 0..batches {
        let Decision::Run(batch) = plan(&pending, 1, &[LIMITS], Device::Free) else { panic!("all are due") };
        for ran in pending.take(&batch) {
            let flow = owner[&ran.ticket];
            *attained.entry(flows[flow]).or_insert(0) += ran.cost_us;
            add(&mut pending, flow, &mut owner);
        }
    }
    attained
}

#[test]
fn lanes_that_always_wait_share_by_weight_whatever_their_jobs_cost() {
    for weights in [&[8, 4, 2, 1][..], &[1], &[3, 3], &[20, 1, 1, 5, 8, 8, 2]] {
        let lane = |number: usize| format!("lane-{number}").parse::<Lane>().unwrap();
        let weights = LaneWeights::new(weights.iter().enumerate().map(|(number, weight)| (lane(number), *weight)));
        let flows: Vec<_> = weights.lanes().map(|lane| (lane, "a")).collect();
        let attained = shares(&weights, &flows, |flow| [3, 90, 17, 50][flow % 4], 4000);
        let total: u64 = attained.values().sum();
        for ((lane, _), us) in &attained {
            let (found, expect) = (*us as f64 / total as f64, weights.of(*lane) as f64 / weights.total() as f64);
            assert!((found / expect - 1.0).abs() < 0.08, "{lane} of {weights}: {found} instead of {expect}");
        }
    }
}

#[test]
fn accounts_that_always_wait_share_alike_whatever_their_jobs_cost() {
    let flows = ACCOUNTS.map(|account| (Lane::PAID_LIGHT, account));
    let attained = shares(&shipped_weights(), &flows, |flow| [1, 100, 30, 7][flow], 4000);
    let total: u64 = attained.values().sum();
    for ((_, account), us) in &attained {
        let found = *us as f64 / total as f64;
        assert!((found * 4.0 - 1.0).abs() < 0.03, "{account}: {found}");
    }
}

#[test]
fn who_comes_after_a_pause_has_saved_nothing_up() {
    let mut pending = Pending::new(shipped_weights());
    for ticket in 0..40 {
        pending.add(Lane::PAID_LIGHT, "always", item(ticket, 100, 10, 0));
    }
    for _ in 0..5 {
        let Decision::Run(batch) = plan(&pending, 1, &[LIMITS], Device::Free) else { panic!("all are due") };
        pending.take(&batch);
    }
    for ticket in 100..120 {
        pending.add(Lane::PAID_LIGHT, "late", item(ticket, 100, 10, 0));
    }
    let Decision::Run(batch) = plan(&pending, 1, &[LIMITS], Device::Free) else { panic!("all are due") };
    assert_eq!(batch.iter().filter(|ticket| **ticket >= 100).count(), 2, "half, not all: {batch:?}");
}

#[test]
fn who_leaves_and_comes_back_has_not_lost_what_it_owes() {
    let mut pending = Pending::new(shipped_weights());
    pending.add(Lane::PAID_LIGHT, "large", item(0, 100, 1000, 0));
    for ticket in 1..20 {
        pending.add(Lane::PAID_LIGHT, "small", item(ticket, 190, 10, 0));
    }
    // The first batch is the large one's, by name; the next one's first is not, although it came back.
    let Decision::Run(batch) = plan(&pending, 1, &[LIMITS], Device::Free) else { panic!("all are due") };
    assert_eq!(batch, [0]);
    pending.take(&batch);
    pending.add(Lane::PAID_LIGHT, "large", item(99, 100, 1000, 0));
    for _ in 0..4 {
        let Decision::Run(batch) = plan(&pending, 1, &[LIMITS], Device::Free) else { panic!("all are due") };
        assert!(!batch.contains(&99), "{batch:?}");
        pending.take(&batch);
    }
}

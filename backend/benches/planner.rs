//! Nanoseconds a decision with 1,000 jobs pending, and how much is padded on texts of 5 to 200 tokens, beside batches in
//! the order of arrival.
//!
//! ```sh
//! cargo bench -p forebay-backend --no-default-features --bench planner
//! ```
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::print_stdout, reason = "its second half is a table")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use forebay_backend::{
    Shape,
    batch::{Decision, Device, Item, Limits, Pending, Slack, plan},
    cost::Price,
    settings::built_in_lanes,
};
use forebay_contract::Lane;

const PRICE: Price = Price { start_us: 900.0, row_us: 40.0, cell_us: 3.5 };
const LIMITS: [Limits; 1] = [Limits {
    max_rows: 32,
    max_cells: u64::MAX,
    max_us: u64::MAX,
    max_wait_us: 10_000,
    spare_cells: 20,
    price: PRICE,
}];
const NOW_US: u64 = 100_000_000;

/// Evenly spread, and the same in every run (SplitMix64).
fn spread(number: u64, below: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % below
}

fn item(ticket: u64, shape: Shape, since_us: u64) -> Item {
    let cost_us = PRICE.batch_us(1, shape.cells());
    Item { ticket, model: 0, rows: 1, shape, cost_us, since_us, deadline_us: None, alone: None }
}

fn text(number: u64) -> Shape {
    Shape::Padded(5 + spread(number, 196) as usize)
}

fn picture(_: u64) -> Shape {
    Shape::Fixed([3, 224, 224].into())
}

/// `count` jobs of `accounts` accounts over all lanes.
fn pending(count: u64, accounts: u64, shape: fn(u64) -> Shape, since_us: u64) -> Pending {
    let weights = built_in_lanes();
    let lanes: Vec<Lane> = weights.lanes().collect();
    let mut pending = Pending::new(weights);
    for (number, lane) in (0..count).zip(lanes.iter().cycle()) {
        let account = format!("account-{}", spread(number + 1_000_000, accounts));
        pending.add(*lane, &account, item(number, shape(number), since_us + 450 * number));
    }
    pending
}

fn decisions(criterion: &mut Criterion) {
    let busy = Device::BusyUntil(NOW_US + 50_000);
    for (case, jobs, device) in [
        ("texts of 1 account", pending(1000, 1, text, 0), Device::Free),
        ("texts of 100 accounts", pending(1000, 100, text, 0), Device::Free),
        ("texts of 100 accounts, device busy", pending(1000, 100, text, 0), busy),
        ("texts of 100 accounts, none due", pending(1000, 100, text, NOW_US), Device::Free),
        ("texts of 1000 accounts", pending(1000, 1000, text, 0), Device::Free),
        ("pictures of 1 account", pending(1000, 1, picture, 0), Device::Free),
        ("pictures of 1000 accounts", pending(1000, 1000, picture, 0), Device::Free),
    ] {
        criterion.bench_function(&format!("decide/{case}"), |bencher| {
            bencher.iter(|| plan(black_box(&jobs), NOW_US, &LIMITS, device));
        });
    }
    criterion.bench_function("decide, take and add/texts of 100 accounts", |bencher| {
        let mut jobs = pending(1000, 100, text, 0);
        bencher.iter(|| {
            let Decision::Run(batch) = plan(&jobs, NOW_US, &LIMITS, Device::Free) else { return };
            for item in jobs.take(&batch) {
                let account = format!("account-{}", spread(item.ticket, 100));
                jobs.add(Lane::FREE_LIGHT, &account, item);
            }
        });
    });
}

/// Batches, rows and the padded share of all cells, in per cent.
#[derive(Default)]
struct Laid {
    batches: u64,
    rows: u64,
    cells: u64,
    filled: u64,
}

impl Laid {
    fn lay(&mut self, lengths: &[u64]) -> (u64, u64) {
        let cells = lengths.iter().max().unwrap_or(&0) * lengths.len() as u64;
        let filled = lengths.iter().sum::<u64>();
        self.batches += 1;
        self.rows += lengths.len() as u64;
        self.cells += cells;
        self.filled += filled;
        (cells, cells - filled)
    }

    fn line(&self) -> String {
        let padding = 100.0 * (self.cells - self.filled) as f64 / self.cells as f64;
        let us =
            PRICE.start_us * self.batches as f64 + PRICE.row_us * self.rows as f64 + PRICE.cell_us * self.cells as f64;
        let (rows, each) = (self.rows as f64 / self.batches as f64, us / self.rows as f64);
        format!("{padding:5.1} % padding, {rows:5.1} rows a batch, {each:6.0} µs of the device a job")
    }
}

/// A device that is never idle, with `waiting` jobs pending at any time.
fn padding(_: &mut Criterion) {
    println!("\n20,000 texts of 5 to 200 tokens, batches of up to 32, the price of a small CPU:");
    for waiting in [32, 64, 128, 256, 1000] {
        let mut jobs = pending(waiting, 20, text, 0);
        let (mut next, mut slack) = (waiting, Slack::default());
        let (mut planned, mut arrival) = (Laid::default(), Laid::default());
        while planned.rows < 20_000 {
            let limits = LIMITS.map(|limits| Limits { spare_cells: slack.spare_cells(), ..limits });
            let Decision::Run(batch) = plan(&jobs, NOW_US, &limits, Device::Free) else { return };
            let (cells, padding) =
                planned.lay(&jobs.take(&batch).iter().map(|item| item.shape.cells()).collect::<Vec<_>>());
            slack.spend(cells, padding);
            for _ in 0..batch.len() {
                let account = format!("account-{}", spread(next, 20));
                jobs.add(Lane::FREE_LIGHT, &account, item(next, text(next), 450 * next));
                next += 1;
            }
        }
        for first in (0..20_000).step_by(32) {
            arrival.lay(&(first..first + 32).map(|number| text(number).cells()).collect::<Vec<_>>());
        }
        println!("{waiting:5} pending, planned:        {}", planned.line());
        println!("{waiting:5} pending, as they arrive: {}", arrival.line());
    }
}

criterion_group!(benches, decisions, padding);
criterion_main!(benches);

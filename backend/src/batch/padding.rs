//! How much of what the device computes is padding, on texts of mixed lengths.

use forebay_contract::Lane;
use proptest::prelude::*;

use super::{example::shipped_weights, *};
use crate::{cost::Price, features::Shape};

const PRICE: Price = Price { start_us: 900.0, row_us: 40.0, cell_us: 3.5 };
const LIMITS: Limits =
    Limits { max_rows: 32, max_cells: u64::MAX, max_us: u64::MAX, max_wait_us: 10_000, spare_cells: 0, price: PRICE };

/// Runs texts of these lengths, `waiting` of which are pending at any time; all cells, those filled, and batches.
fn lay(lengths: &[usize], waiting: usize) -> (u64, u64, u64) {
    let (mut pending, mut slack, mut laid) = (Pending::new(shipped_weights()), Slack::default(), (0, 0, 0));
    let mut arrivals = lengths.iter().enumerate();
    loop {
        for (ticket, tokens) in arrivals.by_ref().take(waiting.saturating_sub(pending.len())) {
            let shape = Shape::Padded(*tokens);
            let (ticket, cost_us) = (ticket as u64, PRICE.batch_us(1, shape.cells()));
            let item = Item {
                ticket,
                model: 0,
                rows: 1,
                shape,
                cost_us,
                since_us: 450 * ticket,
                deadline_us: None,
                alone: None,
            };
            pending.add(Lane::FREE_LIGHT, ["a", "b", "c"][ticket as usize % 3], item);
        }
        let limits = [Limits { spare_cells: slack.spare_cells(), ..LIMITS }];
        match plan(&pending, 1 << 40, &limits, Device::Free) {
            Decision::Run(batch) => {
                let lengths: Vec<u64> = pending.take(&batch).iter().map(|item| item.shape.cells()).collect();
                let (cells, filled) =
                    (lengths.iter().max().unwrap() * lengths.len() as u64, lengths.iter().sum::<u64>());
                slack.spend(cells, cells - filled);
                laid = (laid.0 + cells, laid.1 + filled, laid.2 + 1);
            }
            _ => return laid,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn less_than_a_tenth_is_padding_whatever_the_lengths(
        lengths in prop::collection::vec(5_usize..=200, 1..500),
        waiting in 1_usize..300,
    ) {
        let (cells, filled, _) = lay(&lengths, waiting);
        prop_assert_eq!(filled, lengths.iter().sum::<usize>() as u64, "all of them ran");
        prop_assert!((cells - filled) * 10 <= cells, "{} of {} cells are padding", cells - filled, cells);
    }
}

#[test]
fn batches_stay_large_on_mixed_lengths() {
    let lengths: Vec<usize> = (0..4000_usize).map(|number| 5 + number * 7919 % 196).collect();
    for (waiting, rows) in [(64, 8), (128, 14), (1000, 28)] {
        let (.., batches) = lay(&lengths, waiting);
        assert!(4000 / batches >= rows, "{} rows a batch with {waiting} pending", 4000 / batches);
    }
}

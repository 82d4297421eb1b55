use std::{net::SocketAddr, sync::atomic::AtomicU64, time::Duration};

use anyhow::Result;

use super::{
    load::{Load, Stretch, latency},
    ratio::{Ratio, Round},
    workerd::Workerd,
};
use crate::{
    console::{self, Console},
    process::interrupt,
};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(2);
/// A round's slices, of one side and the other in turn: machines that others use change their speed within seconds.
const SLICES: u32 = 10;
const SLICE: Duration = Duration::from_millis(400);

/// What is put side by side.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) definition: &'a str,
    pub(super) target: f64,
    pub(super) ours: Side<'a>,
    pub(super) bound: Side<'a>,
}

/// One side of it.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) address: SocketAddr,
    pub(super) request: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
    pub(super) expect: u16,
}

impl Pair<'_> {
    /// Rounds of both in turn. Who comes first changes, so that neither always meets the other's leftovers.
    pub(super) fn compare(&self, workerd: &mut Workerd, console: Console) -> Result<Ratio> {
        let name = self.name.replace(' ', "-");
        console.begin(&name, &format!("{ROUNDS} rounds beside the floor, about {} s", total().as_secs()));
        let counter = AtomicU64::new(0);
        let load = |side: Side<'_>, lasting| {
            let Side { address, request, expect } = side;
            Load { address, connections: CONNECTIONS, request, expect, counter: &counter }.run(lasting)
        };
        load(self.bound, WARM_UP)?;
        load(self.ours, WARM_UP)?;
        let (mut rounds, mut ours, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..ROUNDS {
            interrupt::check()?;
            let (mut our, mut bound) = (Stretch::default(), Stretch::default());
            for slice in 0..SLICES {
                if slice % 2 == 0 {
                    our = our.and(load(self.ours, SLICE)?);
                    bound = bound.and(load(self.bound, SLICE)?);
                } else {
                    bound = bound.and(load(self.bound, SLICE)?);
                    our = our.and(load(self.ours, SLICE)?);
                }
            }
            workerd.check_alive()?;
            let (our, bound) = (our.measured(), bound.measured());
            let said = format!("round {}: {:.0}/s beside {:.0}/s", number + 1, our.per_second, bound.per_second);
            console.note(&name, &said);
            rounds.push(Round { ours: our.per_second, bound: bound.per_second });
            ours.push(our);
            bounds.push(bound);
        }
        console.done(&name, &console::duration(total()));
        let definition = format!(
            "{}; both in one raw workerd, {CONNECTIONS} connections that each wait for their answer, rounds of {SLICES} slices of \
             both in turn; the median of the rounds",
            self.definition
        );
        let mut ratio = Ratio::new(self.name, &definition, self.target, rounds);
        ratio.notes.push(format!("latency of ours: {}; of the floor: {}", latency(&ours, 1), latency(&bounds, 1)));
        Ok(ratio)
    }
}

fn total() -> Duration {
    2 * (WARM_UP + SLICE * SLICES * ROUNDS as u32)
}

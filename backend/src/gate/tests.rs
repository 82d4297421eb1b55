use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use proptest::prelude::*;

use super::*;

type Entering<'a> = Pin<Box<dyn Future<Output = Pass> + 'a>>;

fn poll(waiting: &mut Entering<'_>) -> Option<Pass> {
    match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(pass) => Some(pass),
        Poll::Pending => None,
    }
}

fn waits<'a>(gate: &'a Gate, account: &'a str) -> Entering<'a> {
    let mut waiting: Entering<'a> = Box::pin(gate.enter(account));
    assert!(poll(&mut waiting).is_none());
    waiting
}

#[test]
fn a_crowd_costs_another_account_one_turn() {
    let gate = Gate::new(1);
    let inside = poll(&mut (Box::pin(gate.enter("crowd")) as Entering<'_>)).unwrap();
    let mut crowd: Vec<_> = (0..10).map(|_| waits(&gate, "crowd")).collect();
    let mut lone = waits(&gate, "lone");
    drop(inside);
    let first = poll(&mut crowd[0]).unwrap();
    assert!(poll(&mut lone).is_none() && poll(&mut crowd[1]).is_none());
    drop(first);
    assert!(poll(&mut crowd[1]).is_none());
    drop(poll(&mut lone).unwrap());
    for one in &mut crowd[1..] {
        drop(poll(one).unwrap());
    }
    assert_eq!(gate.state().free, 1);
    assert!(gate.state().waiting.is_empty() && gate.state().turns.is_empty());
}

fn enters<'a>(gate: &'a Gate, account: &'a str, weight: usize) -> Entering<'a> {
    Box::pin(gate.enter_with(account, weight))
}

#[test]
fn what_is_heavy_waits_for_room_and_is_not_overtaken() {
    let gate = Gate::new(10);
    let six = poll(&mut enters(&gate, "a", 6)).unwrap();
    let mut seven = enters(&gate, "b", 7);
    assert!(poll(&mut seven).is_none());
    let mut one = enters(&gate, "c", 1);
    assert!(poll(&mut one).is_none(), "it would fit, and came later");
    drop(six);
    let (seven, one) = (poll(&mut seven).unwrap(), poll(&mut one).unwrap());
    assert_eq!(gate.state().free, 2);
    drop((seven, one));
    assert_eq!(gate.state().free, 10);
}

#[test]
fn what_is_heavier_than_all_there_is_goes_through_alone() {
    let gate = Gate::new(10);
    let small = poll(&mut enters(&gate, "a", 1)).unwrap();
    let mut large = enters(&gate, "b", 1_000);
    assert!(poll(&mut large).is_none());
    drop(small);
    let mut large = poll(&mut large).unwrap();
    assert!(poll(&mut enters(&gate, "c", 1)).is_none());
    large.lighten(4);
    assert_eq!(gate.state().free, 6, "what it does not take is there for others");
    large.lighten(5);
    drop(large);
    assert_eq!(gate.state().free, 10);
}

#[test]
fn who_gave_up_holds_up_nobody() {
    let gate = Gate::new(10);
    let nine = poll(&mut enters(&gate, "a", 9)).unwrap();
    let mut heavy = enters(&gate, "b", 10);
    assert!(poll(&mut heavy).is_none());
    drop(heavy);
    assert!(poll(&mut enters(&gate, "c", 1)).is_some());
    drop(nine);
}

proptest! {
    #[test]
    fn what_is_inside_is_never_heavier_than_the_room(
        room in 1_usize..20, steps in prop::collection::vec((0_u8..4, 0_usize..30), 0..60),
    ) {
        let gate = Gate::new(room);
        let (mut inside, mut outside): (Vec<Pass>, Vec<Entering<'_>>) = (Vec::new(), Vec::new());
        for (step, which) in steps {
            match step {
                0 => outside.push(enters(&gate, ["a", "b", "c"][which % 3], which)),
                1 if !inside.is_empty() => drop(inside.swap_remove(which % inside.len())),
                2 if !outside.is_empty() => drop(outside.swap_remove(which % outside.len())),
                3 if !inside.is_empty() => {
                    let at = which % inside.len();
                    inside[at].lighten(which / 2);
                }
                _ => {}
            }
            // Who comes may let somebody in who stands before it in this list.
            for _ in 0..2 {
                let mut still = Vec::new();
                for mut one in outside.drain(..) {
                    match poll(&mut one) {
                        Some(pass) => inside.push(pass),
                        None => still.push(one),
                    }
                }
                outside = still;
            }
            let weight: usize = inside.iter().map(|pass| pass.weight).sum();
            prop_assert_eq!(weight + gate.state().free, room);
            prop_assert!(outside.is_empty() || !inside.is_empty(), "somebody waits for nobody");
        }
        drop((outside, inside));
        prop_assert_eq!(gate.state().free, room);
    }

    /// Each step: someone comes, someone leaves, someone who waits gives up (perhaps just after being let in).
    #[test]
    fn no_place_is_lost_or_given_twice(
        room in 1_usize..4, steps in prop::collection::vec((0_u8..4, 0_usize..8), 0..60),
    ) {
        let gate = Gate::new(room);
        let (mut inside, mut outside): (Vec<Pass>, Vec<Entering<'_>>) = (Vec::new(), Vec::new());
        for (step, which) in steps {
            match step {
                0 => {
                    let mut new: Entering<'_> = Box::pin(gate.enter(["a", "b", "c"][which % 3]));
                    match poll(&mut new) {
                        Some(pass) => inside.push(pass),
                        None => outside.push(new),
                    }
                }
                1 if !inside.is_empty() => drop(inside.swap_remove(which % inside.len())),
                2 if !outside.is_empty() => drop(outside.swap_remove(which % outside.len())),
                _ => {
                    let mut still = Vec::new();
                    for mut one in outside.drain(..) {
                        match poll(&mut one) {
                            Some(pass) => inside.push(pass),
                            None => still.push(one),
                        }
                    }
                    outside = still;
                    prop_assert!(outside.is_empty() || inside.len() == room, "nobody waits before an open gate");
                }
            }
            prop_assert!(inside.len() <= room);
        }
        drop((outside, inside));
        prop_assert_eq!(gate.state().free, room);
    }
}

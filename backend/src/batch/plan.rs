use super::{Decision, Device, Item, Limits, Pending, draft::Draft};

/// Decides. `limits` are the models', by [`Item::model`].
///
/// The batch is made around the job whose turn it is among those that are due: those that waited as long as their model
/// lets the oldest of a batch wait, and longer where others would have to make room for the model. It runs when the device
/// is free, or before when it is full. Where nothing is due, a batch that is full need not wait.
pub fn plan(pending: &Pending, now_us: u64, limits: &[Limits], device: Device) -> Decision {
    let expired = pending.expired(now_us);
    if !expired.is_empty() {
        return Decision::Drop(expired);
    }
    let busy_until_us = match device {
        Device::BusyUntil(until_us) if now_us < until_us => Some(until_us),
        Device::Free | Device::BusyUntil(_) => None,
    };
    let fallback = Limits::default();
    let of = |model: usize| limits.get(model).unwrap_or(&fallback);
    let due_us =
        |item: &Item| item.since_us.saturating_add(of(item.model).max_wait_us).max(pending.held_until_us(item));

    if let Some(first) = pending.next(|item| due_us(item) <= now_us && pending.lets(item)) {
        // A turn of one that runs alone is that of the first of all who do.
        let first = first.alone.and_then(|_| pending.first_alone()).unwrap_or(first);
        let draft = around(pending, first, of(first.model), now_us);
        return match busy_until_us {
            Some(until_us) if !draft.is_full() => Decision::WaitUntil(soonest(pending, until_us)),
            _ => Decision::Run(draft.tickets),
        };
    }
    let mut tried: Vec<usize> = Vec::new();
    let lets = |item: &Item| item.alone.is_none() && pending.held_until_us(item) <= now_us;
    while let Some(first) = pending.next(|item| lets(item) && !tried.contains(&item.model)) {
        let draft = around(pending, first, of(first.model), now_us);
        if draft.is_full() {
            return Decision::Run(draft.tickets);
        }
        tried.push(first.model);
    }
    match pending.items().filter(|item| pending.lets(item)).map(due_us).min() {
        Some(due_us) => Decision::WaitUntil(soonest(pending, due_us.max(busy_until_us.unwrap_or(0)))),
        None => Decision::Idle,
    }
}

fn around<'a>(pending: &Pending, first: &'a Item, limits: &'a Limits, now_us: u64) -> Draft<'a> {
    let mut draft = Draft::new(limits, first);
    pending.fill(&mut draft, first, now_us);
    draft
}

fn soonest(pending: &Pending, at_us: u64) -> u64 {
    pending.next_deadline_us().map_or(at_us, |deadline_us| deadline_us.min(at_us))
}

#[cfg(test)]
mod tests {
    use forebay_contract::Lane;

    use super::*;
    use crate::batch::example::shipped_weights;
    use crate::{cost::Price, features::Shape};

    const LIMITS: Limits = Limits {
        max_rows: 4,
        max_cells: 4000,
        max_us: u64::MAX,
        max_wait_us: 10,
        spare_cells: 0,
        price: Price { start_us: 100.0, row_us: 10.0, cell_us: 0.0 },
    };

    /// Job by job: lane, account, since, cost, tokens; the ticket is the position.
    fn waiting(jobs: &[(Lane, &str, u64, u64, usize)]) -> Pending {
        let mut pending = Pending::new(shipped_weights());
        for (ticket, (lane, account, since_us, cost_us, tokens)) in jobs.iter().enumerate() {
            let shape = Shape::Padded(*tokens);
            let (ticket, since_us, cost_us) = (ticket as u64, *since_us, *cost_us);
            let item = Item { ticket, model: 0, rows: 1, shape, cost_us, since_us, deadline_us: None, alone: None };
            pending.add(*lane, account, item);
        }
        pending
    }

    fn alike(count: usize, account: &'static str, since_us: u64) -> Vec<(Lane, &'static str, u64, u64, usize)> {
        vec![(Lane::FREE_LIGHT, account, since_us, 1, 100); count]
    }

    fn decide(pending: &Pending, now_us: u64, device: Device) -> Decision {
        plan(pending, now_us, &[LIMITS, LIMITS], device)
    }

    fn run(tickets: &[u64]) -> Decision {
        Decision::Run(tickets.to_vec())
    }

    #[test]
    fn nothing_pending_is_idle() {
        assert_eq!(decide(&Pending::new(shipped_weights()), 5, Device::Free), Decision::Idle);
        assert_eq!(decide(&Pending::new(shipped_weights()), 5, Device::BusyUntil(9)), Decision::Idle);
    }

    #[test]
    fn a_lone_job_waits_for_company_and_then_runs() {
        let pending = waiting(&alike(1, "a", 100));
        assert_eq!(decide(&pending, 100, Device::Free), Decision::WaitUntil(110));
        assert_eq!(decide(&pending, 110, Device::Free), run(&[0]));
    }

    #[test]
    fn patience_counts_from_the_oldest_member() {
        let pending = waiting(&[alike(1, "a", 100), alike(1, "b", 109)].concat());
        assert_eq!(decide(&pending, 109, Device::Free), Decision::WaitUntil(110));
        assert_eq!(decide(&pending, 110, Device::Free), run(&[0, 1]));
    }

    #[test]
    fn a_full_batch_waits_for_nobody() {
        assert_eq!(decide(&waiting(&alike(5, "a", 100)), 100, Device::Free), run(&[0, 1, 2, 3]));
        assert_eq!(decide(&waiting(&alike(5, "a", 100)), 100, Device::BusyUntil(900)), run(&[0, 1, 2, 3]));
    }

    #[test]
    fn the_next_batch_grows_until_the_device_is_about_to_be_free() {
        let pending = waiting(&alike(3, "a", 0));
        assert_eq!(decide(&pending, 500, Device::BusyUntil(900)), Decision::WaitUntil(900));
        assert_eq!(decide(&pending, 900, Device::BusyUntil(900)), run(&[0, 1, 2]));
        let young = waiting(&alike(3, "a", 895));
        assert_eq!(decide(&young, 896, Device::BusyUntil(900)), Decision::WaitUntil(905));
        assert_eq!(decide(&young, 896, Device::BusyUntil(990)), Decision::WaitUntil(990));
    }

    #[test]
    fn a_full_batch_of_another_model_does_not_go_before_who_is_due() {
        let mut pending = waiting(&alike(1, "a", 0));
        for ticket in 10..20 {
            let shape = Shape::Padded(100);
            let item =
                Item { ticket, model: 1, rows: 1, shape, cost_us: 1, since_us: 5, deadline_us: None, alone: None };
            pending.add(Lane::FREE_LIGHT, "b", item);
        }
        assert_eq!(decide(&pending, 12, Device::BusyUntil(90)), Decision::WaitUntil(90));
        assert_eq!(decide(&pending, 12, Device::Free), run(&[0]));
        assert_eq!(decide(&pending, 9, Device::Free), run(&[10, 11, 12, 13]));
    }

    #[test]
    fn lengths_that_would_be_padded_too_much_go_apart() {
        let texts = [100, 20, 96, 119, 190, 21, 105];
        let jobs: Vec<_> = texts.iter().map(|tokens| (Lane::FREE_LIGHT, "a", 0, 1, *tokens)).collect();
        assert_eq!(decide(&waiting(&jobs), 50, Device::Free), run(&[0, 2, 6]));
    }

    #[test]
    fn fixed_shapes_share_a_batch_only_with_their_own() {
        let mut pending = Pending::new(shipped_weights());
        for (ticket, sides) in [[3, 8, 8], [3, 8, 9], [3, 8, 8]].into_iter().enumerate() {
            let (ticket, shape) = (ticket as u64, Shape::Fixed(sides.into()));
            let item =
                Item { ticket, model: 0, rows: 1, shape, cost_us: 1, since_us: 0, deadline_us: None, alone: None };
            pending.add(Lane::FREE_LIGHT, "a", item);
        }
        assert_eq!(decide(&pending, 50, Device::Free), run(&[0, 2]));
    }

    #[test]
    fn cells_and_predicted_time_bound_a_batch_like_rows_do() {
        let pending = waiting(&alike(4, "a", 0));
        for (limits, expect) in [
            (Limits { max_cells: 399, ..LIMITS }, &[0, 1, 2][..]),
            (Limits { max_us: 125, ..LIMITS }, &[0, 1]),
            (Limits { max_us: 1, ..LIMITS }, &[0]),
            (Limits { max_cells: 1, ..LIMITS }, &[0]),
            (Limits { max_rows: 1, ..LIMITS }, &[0]),
        ] {
            // Not one of them waits: there is no room for more.
            assert_eq!(plan(&pending, 0, &[limits], Device::BusyUntil(900)), run(expect), "{limits:?}");
        }
    }

    #[test]
    fn a_crowd_leaves_room_for_the_others() {
        let pending = waiting(&[alike(10, "crowd", 0), alike(1, "lone", 9)].concat());
        assert_eq!(decide(&pending, 20, Device::Free), run(&[0, 10, 1, 2]));
    }

    #[test]
    fn the_heavier_lane_has_more_of_the_batch_and_the_lighter_its_share() {
        let mut jobs = vec![(Lane::FREE_HEAVY, "free", 0, 100, 100); 20];
        jobs.extend(vec![(Lane::PAID_LIGHT, "paid", 0, 100, 100); 20]);
        let limits = [Limits { max_rows: 9, ..LIMITS }];
        let Decision::Run(tickets) = plan(&waiting(&jobs), 50, &limits, Device::Free) else { panic!("all are due") };
        assert_eq!(tickets.iter().filter(|ticket| **ticket >= 20).count(), 8, "{tickets:?}");
    }

    #[test]
    fn the_cheapest_goes_first_until_the_others_have_waited() {
        let jobs = [
            (Lane::FREE_LIGHT, "a", 0, 50, 100),
            (Lane::FREE_LIGHT, "a", 300, 5, 40),
            (Lane::FREE_LIGHT, "a", 500, 5, 40),
        ];
        assert_eq!(decide(&waiting(&jobs), 600, Device::Free), run(&[1, 2]), "40 above 300 is before 400");
        assert_eq!(decide(&waiting(&[jobs[0], jobs[2]]), 600, Device::Free), run(&[0]), "40 above 500 is not");
    }

    #[test]
    fn what_is_past_its_deadline_is_dropped_and_never_runs() {
        let mut pending = waiting(&alike(2, "a", 0));
        let shape = Shape::Padded(100);
        let late =
            Item { ticket: 7, model: 0, rows: 1, shape, cost_us: 1, since_us: 0, deadline_us: Some(40), alone: None };
        pending.add(Lane::PAID_LIGHT, "b", late);
        assert_eq!(decide(&pending, 5, Device::BusyUntil(900)), Decision::WaitUntil(40));
        assert_eq!(decide(&pending, 40, Device::Free), Decision::Drop(vec![7]));
        assert_eq!(pending.remove(&[7]).len(), 1);
        assert_eq!(decide(&pending, 40, Device::Free), run(&[0, 1]));
    }

    #[test]
    fn who_runs_alone_waits_until_it_is_due_and_goes_in_an_order_of_its_own() {
        let mut pending = waiting(&alike(2, "a", 0));
        for (ticket, alone) in [(7, 50), (8, 20), (9, 90)] {
            let shape = Shape::Padded(100);
            let (deadline_us, alone) = (None, Some(alone));
            let item = Item { ticket, model: 0, rows: 1, shape, cost_us: 1, since_us: 0, deadline_us, alone };
            pending.add(Lane::FREE_LIGHT, if ticket == 8 { "c" } else { "b" }, item);
        }
        assert_eq!(decide(&pending, 5, Device::Free), Decision::WaitUntil(10), "the five would have been a full batch");
        pending.hold_alone(true);
        assert_eq!(decide(&pending, 10, Device::Free), run(&[0, 1]));
        pending.take(&[0, 1]);
        assert_eq!(decide(&pending, 10, Device::Free), Decision::Idle);
        pending.hold_alone(false);
        let mut order = Vec::new();
        while let Decision::Run(tickets) = decide(&pending, 10, Device::Free) {
            pending.take(&tickets);
            order.push(tickets);
        }
        assert_eq!(order, [vec![8], vec![7], vec![9]]);
    }

    #[test]
    fn a_job_over_the_limit_runs_alone() {
        let mut pending = waiting(&alike(1, "b", 1));
        let shape = Shape::Padded(100);
        let large =
            Item { ticket: 9, model: 0, rows: 64, shape, cost_us: 64, since_us: 0, deadline_us: None, alone: None };
        pending.add(Lane::PAID_LIGHT, "a", large);
        assert_eq!(decide(&pending, 20, Device::BusyUntil(900)), run(&[9]));
        pending.take(&[9]);
        assert_eq!(decide(&pending, 20, Device::Free), run(&[0]));
    }
    /// Two jobs of the model that has no place, one of the other.
    fn crowded(until_us: u64) -> Pending {
        let mut pending = waiting(&alike(1, "a", 100));
        for ticket in 10..12 {
            let shape = Shape::Padded(100);
            let item =
                Item { ticket, model: 1, rows: 1, shape, cost_us: 1, since_us: 50, deadline_us: None, alone: None };
            pending.add(Lane::PAID_LIGHT, "b", item);
        }
        pending.hold_models(vec![0, until_us]);
        pending
    }

    #[test]
    fn who_has_a_place_goes_before_who_has_none_until_it_is_time() {
        for (now_us, until_us, expect) in [
            (110, 500, run(&[0])),
            (105, 500, Decision::WaitUntil(110)),
            (110, 110, run(&[10, 11])),
            (110, 0, run(&[10, 11])),
        ] {
            assert_eq!(decide(&crowded(until_us), now_us, Device::Free), expect, "{now_us} {until_us}");
        }
        let mut pending = crowded(500);
        pending.take(&[0]);
        assert_eq!(decide(&pending, 300, Device::Free), Decision::WaitUntil(500));
        assert_eq!(decide(&pending, 500, Device::Free), run(&[10, 11]));
    }

    #[test]
    fn a_full_batch_waits_for_its_place_too() {
        let mut pending = waiting(&alike(5, "a", 100));
        pending.hold_models(vec![900]);
        assert_eq!(decide(&pending, 100, Device::Free), Decision::WaitUntil(900));
        assert_eq!(decide(&pending, 100, Device::BusyUntil(2000)), Decision::WaitUntil(2000));
        assert_eq!(decide(&pending, 900, Device::Free), run(&[0, 1, 2, 3]));
    }
}

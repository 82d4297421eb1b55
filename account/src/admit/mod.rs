//! Whether a submission becomes a job, joins one, or must come back later.

pub(crate) mod expected;

use forebay_contract::{
    JobState,
    catalog::{Beyond, LimitSpec},
};
use forebay_limits::{
    lending::holdings::SharedLimit,
    policy::{Accounts, Buckets, LimitStatus, Taken, Verdict, Violation},
};

use crate::{
    call::{Reuse, SubmitCall},
    job::{Job, interests, offer::Offer},
    room::Room,
};

/// What the object knows when a submission comes.
pub(crate) struct Present<'a> {
    /// Its limits' memory.
    pub accounts: Accounts<'a>,
    /// A job of the same digest that may answer for it.
    pub twin: Option<Job>,
    /// Whether its result is stored already.
    pub stored: bool,
    /// How many jobs wait for the queue.
    pub outbox_jobs: usize,
    /// How many may.
    pub outbox_max_jobs: usize,
    /// How much more the object may store.
    pub room: Room,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// Take what it takes; the twin answers.
    Join { job: Box<Job>, taken: Taken, statuses: Vec<LimitStatus> },
    /// Take what it takes and store the new job.
    Accept { taken: Taken, statuses: Vec<LimitStatus> },
    /// Ask the keepers of shared limits, then again.
    Ask(Vec<(SharedLimit, LimitSpec, u64)>),
    /// Wait for a while, then again; when that is no use, store nothing.
    Wait { wait: Wait, refused: Refused },
    /// Look for another answer, with the limits excused that say so; where there is none, store nothing.
    Degrade(Refused),
    /// Store nothing.
    Deny(Refused),
    /// Store nothing: the queue is out of reach.
    Full,
    /// Store nothing: the object has no room.
    NoRoom,
}

/// What limits said against it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    /// The limits.
    pub violations: Vec<Violation>,
    /// How the caller stands.
    pub statuses: Vec<LimitStatus>,
    /// Buckets to be kept although nothing was taken.
    pub normalized: Buckets,
}

/// How long to wait, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    /// Until it may pass.
    pub now_ms: u64,
    /// Altogether, at most.
    pub most_ms: u64,
}

/// Decides for `offer`; `excused` limits are not asked. A submission counts against its limits whether it joins or not,
/// unless the plan gives hits away; one that outbox or object have no room for does not.
pub(crate) fn admit(call: &SubmitCall, offer: &Offer, excused: &[String], present: Present<'_>) -> Admission {
    let subject = call.subject(offer);
    let policy = &call.policy;
    let statuses = |taken: &Taken, opened: u64| {
        let accounts = Accounts { in_flight: present.accounts.in_flight + opened, ..present.accounts };
        policy.statuses(&subject, &taken.buckets, &accounts)
    };
    // What opens no job is not refused for the jobs that are open.
    let opens = present.twin.is_none() && !present.stored;
    let in_flight = if opens { present.accounts.in_flight } else { 0 };
    let hit = present.stored || present.twin.as_ref().is_some_and(|twin| twin.state == JobState::Succeeded);
    let taken = if hit && call.free_hits {
        Taken::default()
    } else {
        match policy.judge(&subject, &skipped(call, excused), &Accounts { in_flight, ..present.accounts }) {
            Verdict::Pass(taken) => taken,
            Verdict::Ask(asks) => return Admission::Ask(asks),
            Verdict::Refuse { violations, normalized } => {
                let statuses = statuses(&Taken::default(), 0);
                return beyond(Refused { violations, statuses, normalized });
            }
        }
    };
    let statuses = statuses(&taken, u64::from(opens));
    match present.twin {
        Some(job) => Admission::Join { job: Box::new(job), taken, statuses },
        None if !present.room.takes(present.stored) => Admission::NoRoom,
        None if !present.stored && present.outbox_jobs >= present.outbox_max_jobs => Admission::Full,
        None => Admission::Accept { taken, statuses },
    }
}

/// Who has solved a challenge passes the limits that asked for one.
fn skipped(call: &SubmitCall, excused: &[String]) -> Vec<String> {
    let mut skipped = excused.to_vec();
    if call.challenged {
        let limits = call.policy.limits.iter().chain(&call.policy.common);
        skipped.extend(limits.filter(|limit| limit.beyond == Beyond::Challenge).map(|limit| limit.name.clone()));
    }
    skipped
}

/// The hardest of what the violated limits say: refusals, then challenges, then other answers, then waiting.
fn beyond(refused: Refused) -> Admission {
    let any = |beyond: fn(&Beyond) -> bool| refused.violations.iter().any(|violation| beyond(&violation.beyond));
    if any(|beyond| matches!(beyond, Beyond::Reject | Beyond::Challenge)) {
        return Admission::Deny(refused);
    }
    if any(|beyond| *beyond == Beyond::Degrade) {
        return Admission::Degrade(refused);
    }
    let waits = refused.violations.iter().map(|violation| match violation.beyond {
        Beyond::Wait(most_ms) => {
            violation.retry_after_ms.filter(|wait_ms| *wait_ms <= most_ms).map(|wait| (wait, most_ms))
        }
        _ => None,
    });
    let longest = waits.reduce(|one, other| {
        let ((wait, most), (other_wait, other_most)) = (one?, other?);
        Some((wait.max(other_wait), most.min(other_most)))
    });
    match longest.flatten().filter(|(now_ms, most_ms)| now_ms <= most_ms) {
        Some((now_ms, most_ms)) => Admission::Wait { wait: Wait { now_ms, most_ms }, refused },
        None => Admission::Deny(refused),
    }
}

/// Whether an earlier job may answer for this call.
pub(crate) fn may_answer(reuse: Reuse, twin: &Job) -> bool {
    match reuse {
        Reuse::Any => true,
        Reuse::Unfinished => !twin.state.is_final(),
        Reuse::Nothing => false,
    }
}

/// The new job of `call`, running `offer`, that the limits let in at `at_ms`; the bucket is asked about it at `check_ms`.
pub(crate) fn new_job(call: &SubmitCall, offer: &Offer, at_ms: u64, check_ms: u64) -> Job {
    let key = call.idempotency.as_ref().map(|idempotency| idempotency.key.as_str());
    Job {
        no_store: u8::from(!call.store),
        interests: Some(interests::first(&call.key, key)),
        input_key: call.input_key.clone(),
        retention: call.retention.as_ref().and_then(|retention| serde_json::to_string(retention).ok()),
        ..Job::accepted(call.id, offer.clone(), at_ms, check_ms)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use forebay_contract::catalog::{Algorithm, Dimension, Unit, Window};

    use super::*;
    use crate::job::{
        example::{START_MS, queued},
        known_result::KnownResult,
        timing::Timing,
    };
    use forebay_limits::{
        lending::{Scope, holdings::Need},
        policy::Policy,
    };

    pub(crate) fn limit(name: &str, quantity: u64, beyond: Beyond) -> LimitSpec {
        LimitSpec {
            name: name.to_owned(),
            dimension: Dimension::Account,
            algorithm: Algorithm::TokenBucket,
            quantity,
            window: Some(Window::Seconds(60)),
            unit: Unit::Requests,
            beyond,
        }
    }

    pub(crate) fn call(limits: Vec<LimitSpec>) -> SubmitCall {
        let job = queued();
        SubmitCall {
            id: job.id,
            offer: Offer {
                digest: job.digest,
                model: job.model,
                version: job.version,
                parameters: job.parameters,
                lane: job.lane,
                cost_ms: job.cost_ms,
                shared: false,
            },
            lighter: None,
            stale: Vec::new(),
            policy: Policy { plan: "free".to_owned(), limits, common: Vec::new(), multiplier: 1.0 },
            key: "k1".to_owned(),
            ip: "203.0.113.7/32".to_owned(),
            endpoint: "/v1/jobs".to_owned(),
            reuse: Reuse::Any,
            free_hits: false,
            known: None,
            keep_ms: None,
            input_key: None,
            retention: None,
            again: false,
            idempotency: None,
            nothing_new: false,
            challenged: false,
            store: true,
            dry_run: false,
            wait_ms: 0,
            timing: Timing::default(),
        }
    }

    /// Decides twice: with fresh limits, and with what the first decision left.
    fn twice(call: &SubmitCall, twin: Option<&Job>, outbox_jobs: usize) -> [Admission; 2] {
        let mut buckets = Buckets::new();
        [(); 2].map(|()| {
            let accounts =
                Accounts { buckets: &buckets, shared: &|_, want| Need::Ask { want }, in_flight: 1, now_ms: START_MS };
            let (twin, room) = (twin.cloned(), Room::Ample);
            let present = Present { accounts, twin, stored: false, outbox_jobs, outbox_max_jobs: 2, room };
            let admission = admit(call, &call.offer, &[], present);
            if let Admission::Join { taken, .. } | Admission::Accept { taken, .. } = &admission {
                buckets.extend(taken.buckets.clone());
            }
            admission
        })
    }

    fn done() -> Job {
        Job { state: JobState::Succeeded, ..queued() }
    }

    #[test]
    fn limits_come_first_then_twins_then_room() {
        let one = call(vec![limit("submit", 1, Beyond::Reject)]);
        let [first, second] = twice(&one, Some(&queued()), 0);
        assert!(matches!(first, Admission::Join { .. }));
        let Admission::Deny(Refused { violations, statuses, .. }) = second else { panic!("{second:?}") };
        assert_eq!((violations[0].name.as_str(), violations[0].retry_after_ms), ("submit", Some(60_000)));
        assert_eq!(statuses[0].remaining, 0);
        let [first, second] = twice(&one, None, 2);
        assert_eq!((first, second), (Admission::Full, Admission::Full));
    }

    #[test]
    fn an_object_without_room_tells_what_is_there_and_takes_nothing_new() {
        let one = call(Vec::new());
        let admitted = |twin: Option<Job>, stored, room| {
            let buckets = Buckets::new();
            let accounts =
                Accounts { buckets: &buckets, shared: &|_, want| Need::Ask { want }, in_flight: 1, now_ms: START_MS };
            admit(&one, &one.offer, &[], Present { accounts, twin, stored, outbox_jobs: 0, outbox_max_jobs: 2, room })
        };
        for (room, new, stored) in [(Room::Ample, true, true), (Room::Low, false, true), (Room::Out, false, false)] {
            for (admission, taken) in [(admitted(None, false, room), new), (admitted(None, true, room), stored)] {
                assert_eq!(matches!(admission, Admission::Accept { .. }), taken, "{room:?}: {admission:?}");
                assert_eq!(admission == Admission::NoRoom, !taken, "{room:?}: {admission:?}");
            }
            for twin in [queued(), done()] {
                assert!(matches!(admitted(Some(twin), false, room), Admission::Join { .. }));
            }
        }
    }

    #[test]
    fn a_hit_costs_what_the_plan_says() {
        let mut one = call(vec![limit("submit", 1, Beyond::Reject)]);
        assert!(matches!(twice(&one, Some(&done()), 0)[1], Admission::Deny(_)));
        one.free_hits = true;
        assert!(matches!(twice(&one, Some(&done()), 0)[1], Admission::Join { .. }));
        // A job that has not ended is no hit.
        assert!(matches!(twice(&one, Some(&queued()), 0)[1], Admission::Deny(_)));
    }

    #[test]
    fn beyond_a_limit_the_hardest_word_counts() {
        let second = |limits| {
            let [_, second] = twice(&call(limits), None, 0);
            second
        };
        use Beyond::{Challenge, Degrade, Reject, Wait};
        assert!(matches!(second(vec![limit("a", 1, Degrade), limit("b", 1, Reject)]), Admission::Deny(_)));
        assert!(matches!(second(vec![limit("a", 1, Degrade), limit("b", 1, Challenge)]), Admission::Deny(_)));
        assert!(matches!(
            second(vec![limit("a", 1, Degrade), limit("b", 1, Wait(60_000))]),
            Admission::Degrade(refused) if refused.violations.len() == 2
        ));
        let wait = super::Wait { now_ms: 60_000, most_ms: 60_000 };
        let Admission::Wait { wait: found, .. } =
            second(vec![limit("a", 60, Wait(5_000)), limit("b", 1, Wait(60_000))])
        else {
            panic!("no wait")
        };
        assert_eq!(found, wait);
        // A wait that would be too long is refused at once.
        assert!(matches!(second(vec![limit("b", 1, Wait(59_999))]), Admission::Deny(_)));
    }

    #[test]
    fn a_solved_challenge_passes_the_limits_that_asked_for_it_and_no_other() {
        let mut both = call(vec![limit("a", 1, Beyond::Challenge), limit("b", 2, Beyond::Reject)]);
        assert!(matches!(twice(&both, None, 0)[1], Admission::Deny(_)));
        both.challenged = true;
        let [first, second] = twice(&both, None, 0);
        assert!(matches!((first, second), (Admission::Accept { .. }, Admission::Accept { .. })));
    }

    #[test]
    fn jobs_in_flight_are_capped() {
        let in_flight = |quantity| LimitSpec {
            algorithm: Algorithm::InFlight,
            window: None,
            ..limit("f", quantity, Beyond::Reject)
        };
        assert!(matches!(twice(&call(vec![in_flight(2)]), None, 0)[0], Admission::Accept { .. }));
        assert!(matches!(twice(&call(vec![in_flight(1)]), None, 0)[0], Admission::Deny(_)));
        assert!(matches!(twice(&call(vec![in_flight(1)]), Some(&queued()), 0)[0], Admission::Join { .. }));
        let Admission::Accept { statuses, .. } = &twice(&call(vec![in_flight(5)]), None, 0)[0] else { panic!() };
        assert_eq!(statuses[0].remaining, 3);
    }

    #[test]
    fn a_shared_limit_asks_its_keeper_by_name() {
        let shared = LimitSpec { dimension: Dimension::Global, ..limit("all", 5, Beyond::Reject) };
        let [Admission::Ask(asks), _] = twice(&call(vec![shared]), None, 0) else { panic!("not asked") };
        let expect = SharedLimit { scope: Scope::Global, id: "free/all".to_owned() };
        assert_eq!((&asks[0].0, asks[0].2), (&expect, 1));
    }

    #[test]
    fn a_job_whose_result_is_known_is_born_finished() {
        let one = call(Vec::new());
        let made = Job { interests: Some("+ k1".to_owned()), ..queued() };
        let mut job = new_job(&one, &one.offer, START_MS, START_MS + 30_000);
        assert_eq!(job, made);
        let known =
            KnownResult { media_type: Some("image/png".to_owned()), bytes: Some(9), stored_ms: Some(START_MS - 1) };
        known.answer(&mut job);
        assert_eq!((job.state, job.cached, job.check_ms), (JobState::Succeeded, 1, None));
        assert_eq!((job.bytes, job.finished_ms), (Some(9), Some(START_MS)));
        assert_eq!((job.stored_ms, job.interests), (Some(START_MS - 1), None));
    }

    #[test]
    fn clients_that_want_no_cached_answer_still_join_what_runs() {
        for (reuse, open, ended) in
            [(Reuse::Any, true, true), (Reuse::Unfinished, true, false), (Reuse::Nothing, false, false)]
        {
            assert_eq!((may_answer(reuse, &queued()), may_answer(reuse, &done())), (open, ended));
        }
    }
}

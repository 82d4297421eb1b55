//! What is to become of a submission: decided with what is known, as often as leases or turns are waited for.

use forebay_admission::lifetime::Lifetime;
use forebay_contract::{JobState, catalog::Beyond};
use forebay_limits::{lending::holdings::Need, policy::Accounts};

use super::{Stop, Submission};
use crate::{
    admit::{Admission, Present, Refused, admit, expected::expected, may_answer},
    call::{Reuse, SubmitCall},
    job::{Degraded, Job, known_result::KnownResult, offer::Offer},
    limits::wait_queue::{ExpectedAdmission, Ticket},
    object::{core::Core, leases},
    platform::Result,
};

/// How often keepers of shared limits are asked for one submission.
const MOST_ASKED: u32 = 3;

/// What was decided, when, and for which offer.
pub(super) struct Decided<'a> {
    pub admission: Admission,
    /// What the limits took for now. A new job was accepted at this moment: what is read off the clock later is later by
    /// as much as the machine is busy, and two acceptances would be closer together than their limit let them in.
    pub at_ms: u64,
    pub offer: &'a Offer,
    pub degraded: Option<Degraded>,
    /// The result, where it is stored already.
    pub known: Option<KnownResult>,
}

impl<'a> Decided<'a> {
    fn denied(call: &'a SubmitCall, refused: Refused, at_ms: u64) -> Self {
        Self { admission: Admission::Deny(refused), at_ms, offer: &call.offer, degraded: None, known: None }
    }
}

/// Decides, after leases were asked for and turns waited for.
pub(super) async fn decided<'a>(submission: &Submission<'a>) -> Result<Decided<'a>, Stop> {
    let Submission { core, call, .. } = submission;
    let began_ms = core.now_ms();
    let mut asked = 0;
    let mut ticket: Option<Ticket> = None;
    // Who may wait comes after those who wait already.
    if let Some(most_ms) = call.patience_ms()
        && !core.limits.wait_queue.is_empty()
        && !call.dry_run
    {
        ticket = match join(submission, began_ms + most_ms) {
            Ok(ticket) => ticket,
            Err(refused) => return Ok(Decided::denied(call, refused, began_ms)),
        };
        wait_for_turn(core, &mut ticket, most_ms).await;
    }
    loop {
        let decided = choose(core, call, core.now_ms())?;
        match &decided.admission {
            Admission::Ask(asks) if asked < MOST_ASKED => {
                asked += 1;
                leases::ask(core, asks).await;
            }
            Admission::Wait { wait, .. } if !call.dry_run => {
                let left_ms = (began_ms + wait.most_ms).saturating_sub(core.now_ms());
                if ticket.is_none() {
                    ticket = match join(submission, began_ms + wait.most_ms) {
                        Ok(ticket) => ticket,
                        Err(refused) => return Ok(Decided::denied(call, refused, decided.at_ms)),
                    };
                }
                if wait.now_ms > left_ms || ticket.is_none() {
                    return Ok(decided);
                }
                if !wait_for_turn(core, &mut ticket, left_ms).await {
                    return Ok(decided);
                }
                core.platform.sleep(wait.now_ms).await;
            }
            _ => return Ok(decided),
        }
    }
}

/// A ticket at the end of the queue; none for who would not pass by `until_ms`, and is refused at once instead.
fn join(submission: &Submission<'_>, until_ms: u64) -> Result<Option<Ticket>, Refused> {
    let core = submission.core;
    Ok(core.limits.wait_queue.join(turn(submission, until_ms, core.now_ms())?))
}

/// When its turn comes after all who wait already.
pub(super) fn turn(submission: &Submission<'_>, until_ms: u64, now_ms: u64) -> Result<ExpectedAdmission, Refused> {
    let limits = &submission.core.limits;
    let nobody = || ExpectedAdmission { at_ms: now_ms, buckets: limits.buckets().clone() };
    expected(submission.call, limits.wait_queue.expected().unwrap_or_else(nobody), until_ms, now_ms)
}

/// Whether the turn came in time.
async fn wait_for_turn(core: &Core, ticket: &mut Option<Ticket>, most_ms: u64) -> bool {
    let Some(turn) = ticket.as_mut().and_then(|ticket| ticket.turn.take()) else { return true };
    core.platform.within(most_ms, Box::pin(turn)).await.is_some()
}

/// What an earlier job of the same question does for a submission.
pub(super) enum Earlier {
    /// It is the answer.
    Answers(Box<Job>),
    /// Its result is: there is one for long enough, but the job's own URL would not show it so long.
    Stored(KnownResult),
    /// There is none, or none that may answer.
    Nothing,
}

/// What an earlier job does for `call` at `now_ms`.
pub(super) fn earlier(core: &Core, call: &SubmitCall, now_ms: u64) -> Result<Earlier> {
    if call.reuse == Reuse::Nothing {
        return Ok(Earlier::Nothing);
    }
    let retention = call.retention.as_ref().and_then(|retention| serde_json::to_string(retention).ok());
    // What is kept otherwise is another job, though the result may be one.
    let alike = |twin: &Job| twin.retention == retention && !twin.is_once();
    let joins = |twin: &Job| {
        let answers = may_answer(call.reuse, twin) && call.timing.may_join(twin, now_ms);
        answers && (alike(twin) || twin.state.is_final() && !twin.is_once())
    };
    let Some(twin) = core.tables.twin(&call.offer.digest)?.filter(joins) else { return Ok(Earlier::Nothing) };
    if !twin.state.is_final() {
        return Ok(Earlier::Answers(Box::new(twin)));
    }
    let lifetime = lifetime(core, call)?;
    if !lifetime.outlasts(twin.result_stored_ms(), now_ms) {
        return Ok(Earlier::Nothing);
    }
    let is_shown = alike(&twin) && twin.is_shown(lifetime, now_ms);
    Ok(if is_shown { Earlier::Answers(Box::new(twin)) } else { Earlier::Stored(KnownResult::of(&twin)) })
}

/// The result that the edge has a copy of. What was erased answers nobody, wherever a copy is left.
fn told(core: &Core, call: &SubmitCall) -> Result<Option<KnownResult>> {
    let Some(known) = &call.known else { return Ok(None) };
    Ok(if core.tables.is_erased(&call.offer.digest)? { None } else { Some(known.clone()) })
}

/// What answers are held to.
fn lifetime(core: &Core, call: &SubmitCall) -> Result<Lifetime> {
    Ok(core.settings()?.lifetime(call.keep_ms))
}

/// Decides with what is known, for the moment `at_ms`: for what was asked for, else for what may answer instead.
fn choose<'a>(core: &Core, call: &'a SubmitCall, at_ms: u64) -> Result<Decided<'a>> {
    let (twin, found) = match earlier(core, call, at_ms)? {
        Earlier::Answers(twin) => (Some(*twin), None),
        Earlier::Stored(known) => (None, Some(known)),
        Earlier::Nothing => (None, None),
    };
    let known = told(core, call)?.or(found);
    let admission = judge(core, call, &call.offer, &[], Precedent { twin, stored: known.is_some(), at_ms })?;
    let Admission::Degrade(refused) = admission else {
        return Ok(Decided { admission, at_ms, offer: &call.offer, degraded: None, known });
    };
    let excused: Vec<String> = refused
        .violations
        .iter()
        .filter(|violation| violation.beyond == Beyond::Degrade)
        .map(|violation| violation.name.clone())
        .collect();
    // A degraded answer is a job of its own, so that it stays labelled; what is stored already need not run for it.
    let lifetime = lifetime(core, call)?;
    let lasts = |twin: &Job| twin.state == JobState::Succeeded && lifetime.outlasts(twin.result_stored_ms(), at_ms);
    let stored = |offer: &Offer| -> Result<Option<KnownResult>> {
        Ok(core.tables.twin(&offer.digest)?.filter(lasts).as_ref().map(KnownResult::of))
    };
    for offer in &call.stale {
        if let Some(known) = stored(offer)? {
            let admission = judge(core, call, offer, &excused, Precedent { twin: None, stored: true, at_ms })?;
            let degraded = Some(Degraded::StaleResult);
            return Ok(Decided { admission, at_ms, offer, degraded, known: Some(known) });
        }
    }
    let Some(offer) = call.lighter.as_deref() else {
        return Ok(Decided::denied(call, refused, at_ms));
    };
    let known = stored(offer)?;
    let admission = judge(core, call, offer, &excused, Precedent { twin: None, stored: known.is_some(), at_ms })?;
    Ok(Decided { admission, at_ms, offer, degraded: Some(Degraded::LighterModel), known })
}

/// What was there before the submission, and for which moment it is judged.
struct Precedent {
    twin: Option<Job>,
    /// Whether a result is stored.
    stored: bool,
    at_ms: u64,
}

/// What limits, outbox and room say of `offer`, with the `excused` limits left out.
fn judge(core: &Core, call: &SubmitCall, offer: &Offer, excused: &[String], precedent: Precedent) -> Result<Admission> {
    let now_ms = precedent.at_ms;
    let (buckets, holdings) = (core.limits.buckets(), core.limits.holdings());
    let accounts = Accounts {
        buckets: &buckets,
        // A dry run leases nothing: it looks at what it can see.
        shared: &|limit, amount| match holdings.need(limit, amount, now_ms) {
            Need::Ask { .. } if call.dry_run => Need::Enough,
            need => need,
        },
        in_flight: core.load.borrow().jobs(),
        now_ms,
    };
    let present = Present {
        accounts,
        twin: precedent.twin,
        stored: precedent.stored,
        outbox_jobs: core.outbox.unsent(offer.lane),
        outbox_max_jobs: core.settings()?.outbox_max_jobs,
        room: core.room(),
    };
    Ok(admit(call, offer, excused, present))
}

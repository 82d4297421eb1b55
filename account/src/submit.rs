//! A submission, from the call to the commit.
//!
//! Deciding may wait, for leases of shared limits and for its turn; between the last decision and the commit nothing
//! waits, so what was decided is what is written.

use std::rc::Rc;

use forebay_contract::{JobState, catalog::Beyond};
use forebay_limits::{
    lending::holdings::Need,
    policy::{Accounts, Buckets, LimitStatus, Policy, Subject, Taken, Violation},
};

use super::{
    Job, KnownResult, Offer, Reuse, SubmitAnswer, SubmitCall, UsageRow,
    admit::{Admission, Birth, Present, Refused, Wait, admit, answers, new_job},
    core::Core,
    flush,
    idempotent::{Claim, claim},
    interests,
    job::Degraded,
    leases,
    room::Room,
    tally,
    turn::{Expected, expected},
    usage,
    wait_queue::Ticket,
    webhook,
};
use crate::platform::Result;
use forebay_admission::lifetime::Lifetime;

/// When to come back after too many jobs that start later.
const DELAYED_RETRY_MS: u64 = 60_000;
/// How often keepers of shared limits are asked for one submission.
const MOST_ASKED: u32 = 3;

/// The messages of a submission, one for each offer.
pub(crate) struct Messages<'a> {
    pub first: &'a str,
    pub lighter: &'a str,
}

/// What was decided, when, and for which offer.
struct Decision<'a> {
    admission: Admission,
    /// What the limits took for now. A new job was accepted at this moment: what is read off the clock later is later by
    /// as much as the machine is busy, and two acceptances would be closer together than their limit let them in.
    at_ms: u64,
    offer: &'a Offer,
    degraded: Option<Degraded>,
    /// Set when the result is stored already.
    known: Option<KnownResult>,
}

impl<'a> Decision<'a> {
    fn no(call: &'a SubmitCall, refused: Refused, at_ms: u64) -> Self {
        Self { admission: Admission::Deny(refused), at_ms, offer: &call.offer, degraded: None, known: None }
    }
}

/// Everything a submission writes is written in one turn: job, message, limits, key and alarm stand or fall together,
/// and the runtime holds the answer back until they are on disk.
pub(crate) async fn submit(core: &Rc<Core>, call: &SubmitCall, messages: Messages<'_>) -> Result<SubmitAnswer> {
    if core.revoked_keys.borrow().contains(&call.key) {
        return Ok(SubmitAnswer::Revoked);
    }
    let asked_ms = core.now_ms();
    if let Some(job) = done_before(core, call)? {
        return told_again(core, call, job).await;
    }
    let claimed = match &call.idempotency {
        None => None,
        Some(idempotency) => match claim(core, idempotency, core.now_ms())? {
            Claim::Free(claimed) => Some(claimed),
            Claim::Taken(job) => {
                let standings = standings(core, &call.policy, &call.subject(&call.offer));
                return finish(core, call, *job, true, standings).await;
            }
            Claim::Mismatch => return Ok(SubmitAnswer::IdempotencyMismatch),
            Claim::InProgress => return Ok(SubmitAnswer::IdempotencyInProgress),
        },
    };
    if call.nothing_new && matches!(earlier(core, call, asked_ms)?, Earlier::Nothing) {
        return Ok(SubmitAnswer::NothingToTell);
    }
    let decision = decide(core, call).await?;
    // The first try may have waited as long as this one.
    if let Some(job) = done_before(core, call)? {
        return told_again(core, call, job).await;
    }
    // Whoever sends the key again from here on finds its job.
    drop(claimed);
    let spent = |taken| Spent { taken, at_ms: decision.at_ms };
    match decision.admission {
        Admission::Join { job, taken, standings } => {
            if !call.dry_run {
                commit_join(core, call, &job, spent(taken))?;
            }
            finish(core, call, *job, true, standings).await
        }
        // The twin is gone since.
        Admission::Accept { .. } if call.nothing_new && decision.known.is_none() => Ok(SubmitAnswer::NothingToTell),
        Admission::Accept { taken, standings } => {
            let birth = Birth {
                degraded: decision.degraded,
                known: decision.known,
                now_ms: decision.at_ms,
                reconcile_after_ms: core.settings()?.reconcile_after_ms,
            };
            let mut job = new_job(call, decision.offer, birth);
            let timed = call.timing.mark(&mut job, asked_ms);
            let text = if decision.offer == &call.offer { messages.first } else { messages.lighter };
            accept(core, call, Newborn { job, text, timed }, spent(taken), standings).await
        }
        Admission::Full => {
            let lane = decision.offer.lane;
            Ok(SubmitAnswer::OutboxFull { retry_after_ms: core.outbox.retry_ms(lane, core.now_ms()) })
        }
        Admission::NoRoom => Ok(SubmitAnswer::AccountFull),
        Admission::Wait { wait, refused } if call.dry_run => Ok(foretold(core, call, wait, refused.standings)),
        Admission::Deny(refused) | Admission::Degrade(refused) | Admission::Wait { refused, .. } => {
            let Refused { violations, standings, normalized } = refused;
            core.buckets.borrow_mut().extend(normalized);
            Ok(SubmitAnswer::Denied { violations, standings })
        }
        Admission::Ask(asks) => {
            let violations = asks.into_iter().map(|(_, spec, amount)| uncounted(spec.name, amount)).collect();
            let standings = standings(core, &call.policy, &call.subject(decision.offer));
            Ok(SubmitAnswer::Denied { violations, standings })
        }
    }
}

/// A dry run: whether its turn would come in time.
fn foretold(core: &Core, call: &SubmitCall, wait: Wait, standings: Vec<LimitStatus>) -> SubmitAnswer {
    let now_ms = core.now_ms();
    match turn(core, call, now_ms.saturating_add(wait.most_ms), now_ms) {
        Ok(turn) => {
            let expected_ms = turn.at_ms.saturating_sub(now_ms);
            SubmitAnswer::Waits { expected_ms, most_ms: wait.most_ms, standings }
        }
        Err(Refused { violations, standings, .. }) => SubmitAnswer::Denied { violations, standings },
    }
}

/// Writes the new job, unless this is a dry run.
async fn accept(
    core: &Rc<Core>,
    call: &SubmitCall,
    newborn: Newborn<'_>,
    spent: Spent,
    standings: Vec<LimitStatus>,
) -> Result<SubmitAnswer> {
    if !call.dry_run {
        if newborn.job.not_before_ms.is_some() && core.tables.delayed_jobs()? >= core.settings()?.outbox_max_jobs {
            return Ok(SubmitAnswer::OutboxFull { retry_after_ms: DELAYED_RETRY_MS });
        }
        if let Some(before) = commit_new(core, call, &newborn, spent).await? {
            return told_again(core, call, before).await;
        }
    }
    finish(core, call, newborn.job, false, standings).await
}

/// The job of a submission that is sent again. One that joined another is decided anew.
fn done_before(core: &Core, call: &SubmitCall) -> Result<Option<Job>> {
    if call.again { core.tables.job(&call.id) } else { Ok(None) }
}

/// What was decided is told once more: nothing is spent and nothing written.
async fn told_again(core: &Rc<Core>, call: &SubmitCall, job: Job) -> Result<SubmitAnswer> {
    let standings = standings(core, &call.policy, &call.subject(&call.offer));
    finish(core, call, job, false, standings).await
}

/// The keeper is out of reach. Nobody may pass a limit that nobody counts.
fn uncounted(name: String, amount: u64) -> Violation {
    Violation { name, amount, beyond: Beyond::Reject, retry_after_ms: Some(1000), blocks_all: false }
}

/// How a caller stands, for nothing but knowing.
pub(crate) fn standings(core: &Core, policy: &Policy, subject: &Subject<'_>) -> Vec<LimitStatus> {
    let (buckets, in_flight) = (core.buckets.borrow(), core.load.borrow().jobs());
    let accounts =
        Accounts { buckets: &buckets, shared: &|_, want| Need::Ask { want }, in_flight, now_ms: core.now_ms() };
    policy.statuses(subject, &Buckets::new(), &accounts)
}

async fn finish(
    core: &Rc<Core>,
    call: &SubmitCall,
    job: Job,
    joined: bool,
    standings: Vec<LimitStatus>,
) -> Result<SubmitAnswer> {
    let ended = if call.dry_run { None } else { core.job_if_waited(job.id, call.wait_ms).await? };
    let job = core.placed(ended.unwrap_or(job));
    Ok(SubmitAnswer::Admitted { job: Box::new(job), joined, standings })
}

async fn decide<'a>(core: &Rc<Core>, call: &'a SubmitCall) -> Result<Decision<'a>> {
    let began_ms = core.now_ms();
    let mut asked = 0;
    let mut ticket: Option<Ticket> = None;
    // Who may wait comes after those who wait already.
    if let Some(most_ms) = call.patience_ms()
        && !core.wait_queue.is_empty()
        && !call.dry_run
    {
        ticket = match join(core, call, began_ms + most_ms) {
            Ok(ticket) => ticket,
            Err(refused) => return Ok(Decision::no(call, refused, began_ms)),
        };
        wait_for_turn(core, &mut ticket, most_ms).await;
    }
    loop {
        let decision = choose(core, call, core.now_ms())?;
        match &decision.admission {
            Admission::Ask(asks) if asked < MOST_ASKED => {
                asked += 1;
                leases::ask(core, asks).await;
            }
            Admission::Wait { wait, .. } if !call.dry_run => {
                let left_ms = (began_ms + wait.most_ms).saturating_sub(core.now_ms());
                if ticket.is_none() {
                    ticket = match join(core, call, began_ms + wait.most_ms) {
                        Ok(ticket) => ticket,
                        Err(refused) => return Ok(Decision::no(call, refused, decision.at_ms)),
                    };
                }
                if wait.now_ms > left_ms || ticket.is_none() {
                    return Ok(decision);
                }
                if !wait_for_turn(core, &mut ticket, left_ms).await {
                    return Ok(decision);
                }
                core.platform.sleep(wait.now_ms).await;
            }
            _ => return Ok(decision),
        }
    }
}

/// A ticket at the end of the line; none for who would not pass by `until_ms`, and is refused at once instead.
fn join(core: &Core, call: &SubmitCall, until_ms: u64) -> std::result::Result<Option<Ticket>, Refused> {
    Ok(core.wait_queue.join(turn(core, call, until_ms, core.now_ms())?))
}

/// When its turn comes after all who wait already.
fn turn(core: &Core, call: &SubmitCall, until_ms: u64, now_ms: u64) -> std::result::Result<Expected, Refused> {
    let nobody = || Expected { at_ms: now_ms, buckets: core.buckets.borrow().clone() };
    expected(call, core.wait_queue.expected().unwrap_or_else(nobody), until_ms, now_ms)
}

/// Whether the turn came in time.
async fn wait_for_turn(core: &Core, ticket: &mut Option<Ticket>, most_ms: u64) -> bool {
    let Some(turn) = ticket.as_mut().and_then(|ticket| ticket.turn.take()) else { return true };
    core.platform.within(most_ms, Box::pin(turn)).await.is_some()
}

/// What an earlier job of the same question does for a submission.
enum Earlier {
    /// It is the answer.
    Answers(Box<Job>),
    /// Its result is: there is one for long enough, but the job's own URL would not show it so long.
    Stored(KnownResult),
    Nothing,
}

fn earlier(core: &Core, call: &SubmitCall, now_ms: u64) -> Result<Earlier> {
    if call.reuse == Reuse::Nothing {
        return Ok(Earlier::Nothing);
    }
    let joins = |twin: &Job| answers(call.reuse, twin) && call.timing.may_join(twin, now_ms);
    let Some(twin) = core.tables.twin(&call.offer.digest)?.filter(joins) else { return Ok(Earlier::Nothing) };
    if !twin.state.is_final() {
        return Ok(Earlier::Answers(Box::new(twin)));
    }
    let lifetime = lifetime(core, call)?;
    if !lifetime.outlasts(twin.result_stored_ms(), now_ms) {
        return Ok(Earlier::Nothing);
    }
    let is_shown = twin.is_shown(lifetime, now_ms);
    Ok(if is_shown { Earlier::Answers(Box::new(twin)) } else { Earlier::Stored(KnownResult::of(&twin)) })
}

/// What answers are held to.
fn lifetime(core: &Core, call: &SubmitCall) -> Result<Lifetime> {
    Ok(core.settings()?.lifetime(call.keep_ms))
}

/// Decides with what is known, for the moment `at_ms`.
fn choose<'a>(core: &Core, call: &'a SubmitCall, at_ms: u64) -> Result<Decision<'a>> {
    let (twin, found) = match earlier(core, call, at_ms)? {
        Earlier::Answers(twin) => (Some(*twin), None),
        Earlier::Stored(known) => (None, Some(known)),
        Earlier::Nothing => (None, None),
    };
    let known = call.known.clone().or(found);
    let admission = judge(core, call, &call.offer, &[], Before { twin, stored: known.is_some(), at_ms })?;
    let Admission::Degrade(refused) = admission else {
        return Ok(Decision { admission, at_ms, offer: &call.offer, degraded: None, known });
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
            let admission = judge(core, call, offer, &excused, Before { twin: None, stored: true, at_ms })?;
            let degraded = Some(Degraded::StaleResult);
            return Ok(Decision { admission, at_ms, offer, degraded, known: Some(known) });
        }
    }
    let Some(offer) = call.lighter.as_deref() else {
        return Ok(Decision::no(call, refused, at_ms));
    };
    let known = stored(offer)?;
    let admission = judge(core, call, offer, &excused, Before { twin: None, stored: known.is_some(), at_ms })?;
    Ok(Decision { admission, at_ms, offer, degraded: Some(Degraded::LighterModel), known })
}

/// What was there before the submission, and what it is judged for as now.
struct Before {
    twin: Option<Job>,
    stored: bool,
    at_ms: u64,
}

fn judge(core: &Core, call: &SubmitCall, offer: &Offer, excused: &[String], before: Before) -> Result<Admission> {
    let now_ms = before.at_ms;
    let (buckets, holdings) = (core.buckets.borrow(), core.holdings.borrow());
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
        twin: before.twin,
        stored: before.stored,
        outbox_jobs: core.outbox.unsent(offer.lane),
        outbox_max_jobs: core.settings()?.outbox_max_jobs,
        room: core.room(),
    };
    Ok(admit(call, offer, excused, present))
}

fn commit_join(core: &Rc<Core>, call: &SubmitCall, job: &Job, spent: Spent) -> Result<()> {
    let idempotency = call.idempotency.as_ref();
    let key = idempotency.map(|idempotency| idempotency.key.as_str());
    if !job.state.is_final()
        && let Some(joined) = interests::add(job.interests.as_deref(), &call.key, key)
    {
        core.tables.put_interests(&job.id, &joined)?;
    }
    core.tables.put_buckets(&spent.taken.buckets)?;
    core.use_up((job.state == JobState::Succeeded).then(|| UsageRow::hit(job, core.now_ms())))?;
    // Without its key the request joins the same job again.
    if let Some(idempotency) = idempotency.filter(|_| core.room() != Room::Out) {
        core.tables.put_idempotency(idempotency, &job.id, core.now_ms())?;
    }
    take(core, spent);
    Ok(())
}

/// When a job that was just accepted needs its object: at its start and at its deadline.
fn appointment(job: &Job) -> Option<u64> {
    [job.not_before_ms, job.deadline_ms].into_iter().flatten().min()
}

/// A job to be written.
struct Newborn<'a> {
    job: Job,
    text: &'a str,
    /// Whether it has what few jobs have.
    timed: bool,
}

/// The job of that id, if there is one: this try comes after the one that was sent because nobody knew of it.
async fn commit_new(core: &Rc<Core>, call: &SubmitCall, newborn: &Newborn<'_>, spent: Spent) -> Result<Option<Job>> {
    let Newborn { job, text, timed } = newborn;
    let message = (!job.state.is_final()).then(|| core.outbox.message(job.id, job.lane, text));
    let written = core.tables.submit(job, message.as_ref(), &spent.taken.buckets, call.idempotency.as_ref());
    if let Err(error) = written {
        return core.tables.job(&job.id)?.map(Some).ok_or(error);
    }
    if *timed {
        core.tables.put_timing(job)?;
    }
    core.use_up(usage::change(None, job))?;
    webhook::tell(core, None, job)?;
    flush::settle_along(core);
    take(core, spent);
    if let Some(message) = message {
        match job.not_before_ms {
            Some(due_ms) => core.tables.delay_message(&job.id, message.seq, due_ms)?,
            None => {
                core.outbox.with(message.lane, |outbox| {
                    outbox.unsent += 1;
                    outbox.pending.push(message);
                });
            }
        }
        core.load.borrow_mut().opened(job);
        // It was made for what was asked for: a lighter model has another cost, and perhaps another lane.
        if let Some(promise) = call.timing.promise.filter(|_| job.degraded.is_none()) {
            core.load.borrow_mut().promised(job, promise);
        }
        tally::start(core);
    }
    let armed = match appointment(job) {
        Some(at_ms) => core.wake_by(at_ms).await.and(core.arrange_alarm().await),
        None => core.arrange_alarm().await,
    };
    // What is written is sent, whether or not an alarm stands behind it.
    flush::start(core);
    armed.map(|()| None)
}

/// What the limits gave, and for which moment.
struct Spent {
    taken: Taken,
    at_ms: u64,
}

fn take(core: &Rc<Core>, Spent { taken, at_ms }: Spent) {
    core.buckets.borrow_mut().extend(taken.buckets);
    if !taken.shared.is_empty() {
        for (limit, amount) in &taken.shared {
            // Nothing has waited since it was found to be there. By a later clock a lease may have ended, and what was
            // let in would be counted by nobody.
            core.holdings.borrow_mut().spend(limit, *amount, at_ms);
        }
        leases::return_unused(core);
    }
}

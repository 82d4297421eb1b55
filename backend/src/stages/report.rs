//! Events → edge: signed, many with one call, and only ever a hint.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use forebay_contract::{EventKind, JobId, Report, ReportAnswer, ReportEvent, report::MAX_EVENTS};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tracing::{debug, warn};

use super::{
    job::Job,
    watched::{Watch, WatchedJobs},
};
use crate::{
    clock::wall_ms,
    edge::{Edge, EdgeError},
    metrics::Metrics,
    retry::Backoff,
    vitals::Vitals,
};

/// So long the first event of a report waits for others. Jobs wait for the answer to their first one, so it is short.
const LINGER: Duration = Duration::from_millis(10);
/// So long a job waits to hear whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(500);
/// Events that may wait while the edge is slow; what is more is dropped.
const BACKLOG: usize = 8192;
/// How often it is looked which waiting jobs are to be asked about again.
const ROUND: Duration = Duration::from_millis(250);
/// After so long without an event the edge hears that the worker is there: else nobody could tell an idle one from none.
const SILENCE: Duration = Duration::from_secs(60);
/// The same while the edge is away.
const UNHEARD: Duration = Duration::from_secs(5);
/// How often one report is tried.
const TRIES: usize = 3;

/// One event, and who waits for the edge's answer to it.
struct Note {
    event: ReportEvent,
    answer: Option<oneshot::Sender<bool>>,
}

/// The stages' end: takes events without ever waiting.
#[derive(Clone)]
pub(crate) struct Reporter {
    /// `None` when no edge is configured.
    notes: Option<mpsc::Sender<Note>>,
    /// Whether the last report arrived: nobody waits for an edge that is away.
    reachable: Arc<AtomicBool>,
    watched: WatchedJobs,
    vitals: Arc<Vitals>,
}

/// The stage's end: takes notes off the channel and posts them.
pub(crate) struct Reporting {
    edge: Arc<dyn Edge>,
    worker: String,
    notes: mpsc::Receiver<Note>,
    reachable: Arc<AtomicBool>,
    watched: WatchedJobs,
    vitals: Arc<Vitals>,
}

/// Both ends; without an edge, nothing is reported and every job is wanted.
pub(crate) fn channel(
    edge: Option<Arc<dyn Edge>>,
    worker: String,
    vitals: Arc<Vitals>,
) -> (Reporter, Option<Reporting>) {
    let reachable = Arc::new(AtomicBool::new(true));
    let mut reporter = Reporter { notes: None, reachable, watched: WatchedJobs::default(), vitals };
    let Some(edge) = edge else { return (reporter, None) };
    let (sender, notes) = mpsc::channel(BACKLOG);
    reporter.notes = Some(sender);
    let Reporter { reachable, watched, vitals, .. } = reporter.clone();
    (reporter, Some(Reporting { edge, worker, notes, reachable, watched, vitals }))
}

impl Reporter {
    /// Something happened to `job`.
    pub(crate) fn report(&self, job: &Job, kind: EventKind) {
        self.note(job, kind, None);
    }

    /// From now on the edge is asked about `job` now and then; `None` without an edge.
    pub(crate) fn watch(&self, job: &Job) -> Option<Watch> {
        self.notes.as_ref().map(|_| self.watched.watch(job))
    }

    /// Reports that `job` is received and asks whether it is still wanted; when the edge does not say, it is.
    pub(crate) async fn is_wanted(&self, job: &Job) -> bool {
        let reachable = self.reachable.load(Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        if !self.note(job, EventKind::Received, Some(answer)) || !reachable {
            return true;
        }
        match timeout(PATIENCE, answered).await {
            Ok(wanted) => wanted.unwrap_or(true),
            Err(_) => {
                self.reachable.store(false, Ordering::Relaxed);
                true
            }
        }
    }

    fn note(&self, job: &Job, kind: EventKind, answer: Option<oneshot::Sender<bool>>) -> bool {
        measure(&self.vitals.metrics, job, &kind);
        debug!(parent: &job.span, event = kind.name(), "reported");
        let Some(notes) = &self.notes else { return false };
        let event = ReportEvent { job_id: job.id, attempt: job.attempt, at_ms: wall_ms(), kind };
        let queued = notes.try_send(Note { event, answer }).is_ok();
        if !queued {
            self.vitals.metrics.event_dropped();
            debug!(job = %job.id, "an event is dropped: too many wait");
        }
        queued
    }
}

/// Every event passes here, whether an edge hears of it or not.
fn measure(metrics: &Metrics, job: &Job, kind: &EventKind) {
    let age = Duration::from_millis(wall_ms().saturating_sub(job.accepted_ms));
    match kind {
        EventKind::Received => metrics.received(job.visibility.lane, age),
        EventKind::Started { .. } => {
            metrics.began(&job.model, job.ready.map(|ready| ready.elapsed()).unwrap_or_default());
        }
        EventKind::Succeeded { .. } => metrics.ended(&job.model, age, None),
        EventKind::Failed { code, .. } => metrics.ended(&job.model, age, Some(*code)),
        EventKind::Progress { .. } => {}
        EventKind::Returned { .. } => metrics.returned(&job.model),
    }
}

/// Sends reports, one after the other so that they arrive in order, until every [`Reporter`] is gone.
pub(crate) async fn run(mut reporting: Reporting) {
    let mut notes = Vec::new();
    let mut round = Instant::now() + ROUND;
    // Nobody has heard of it yet.
    let mut silent_until = Instant::now();
    loop {
        let first = tokio::select! {
            first = reporting.notes.recv() => first,
            () = sleep_until(round) => {
                reporting.ask_again().await;
                if Instant::now() >= silent_until {
                    let heard = reporting.say_hello().await;
                    silent_until = Instant::now() + if heard { SILENCE } else { UNHEARD };
                }
                round = Instant::now() + ROUND;
                continue;
            }
        };
        let Some(first) = first else { return };
        notes.push(first);
        let deadline = Instant::now() + LINGER;
        while notes.len() < MAX_EVENTS {
            match timeout_at(deadline, reporting.notes.recv()).await {
                Ok(Some(note)) => notes.push(note),
                Ok(None) | Err(_) => break,
            }
        }
        reporting.send(std::mem::take(&mut notes)).await;
        silent_until = Instant::now() + SILENCE;
    }
}

impl Reporting {
    async fn send(&self, notes: Vec<Note>) {
        let (events, answers): (Vec<ReportEvent>, Vec<_>) =
            notes.into_iter().map(|note| ((note.event.job_id, note.answer), note.event)).map(|(a, e)| (e, a)).unzip();
        let report = Report { worker: self.worker.clone(), events };
        let answer = self.post(&report).await;
        let canceled = self.hear(answer);
        for (job_id, answer) in answers {
            if let Some(answer) = answer {
                // Who asked may have stopped waiting.
                let _ = answer.send(!canceled.contains(&job_id));
            }
        }
    }

    /// Asks about the jobs that wait for long. A question that is lost is asked again, so it is tried once.
    async fn ask_again(&self) {
        let due = self.watched.due(Instant::now());
        for events in due.chunks(MAX_EVENTS) {
            let report = Report { worker: self.worker.clone(), events: events.to_vec() };
            let answer = self.edge.post(&report).await.inspect_err(|error| debug!(%error, "a question is dropped"));
            let arrived = answer.is_ok();
            self.hear(answer.ok());
            if !arrived {
                return;
            }
        }
    }

    /// A report of nothing; whether it arrived.
    async fn say_hello(&self) -> bool {
        let report = Report { worker: self.worker.clone(), events: Vec::new() };
        let answer = self.edge.post(&report).await.inspect_err(|error| debug!(%error, "a greeting is dropped"));
        let arrived = answer.is_ok();
        self.hear(answer.ok());
        arrived
    }

    /// Whoever asked: what the edge names as canceled shall not begin.
    fn hear(&self, answer: Option<ReportAnswer>) -> HashSet<JobId> {
        self.reachable.store(answer.is_some(), Ordering::Relaxed);
        let canceled: HashSet<JobId> = answer.unwrap_or_default().canceled.into_iter().collect();
        self.watched.cancel(&canceled);
        canceled
    }

    async fn post(&self, report: &Report) -> Option<ReportAnswer> {
        let mut backoff = Backoff::default();
        for left in (0..TRIES).rev() {
            match self.edge.post(report).await {
                Ok(answer) => {
                    self.vitals.metrics.reported("arrived");
                    return Some(answer);
                }
                Err(EdgeError::Unavailable(error)) if left > 0 => {
                    self.vitals.metrics.reported("tried_again");
                    self.reachable.store(false, Ordering::Relaxed);
                    debug!(error, "the edge is away, trying again");
                    tokio::time::sleep(backoff.next()).await;
                }
                Err(error) => {
                    self.vitals.metrics.reported("dropped");
                    warn!(%error, events = report.events.len(), "a report is dropped");
                    return None;
                }
            }
        }
        None
    }
}

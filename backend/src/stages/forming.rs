//! The jobs of the batch stage: what the planner sees of each, and what it is made of.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use forebay_contract::catalog::LONGEST_WORK_MS;
use tokio::time::Instant;
use tracing::error;

use super::job::{Batched, Decoded, Job};
use crate::{
    batch::{Decision, Device, GATHER_US, Item, LaneWeights, Limits, Pace, Pending, Slack, plan, position_alone},
    device::{DeviceLoad, HandedOver},
    features::{BatchInput, Features},
    model::{Model, Task},
    visibility::Fits,
};

/// So long before the device is predicted to be free the next batch is made, besides the time that this takes.
const LEAD: Duration = Duration::from_millis(2);

/// What no batch may be predicted to take, in microseconds.
const LONGEST_WORK_US: u64 = LONGEST_WORK_MS as u64 * 1000;

/// What is to be done next.
pub(super) enum Decided {
    /// Hand this batch over to a device.
    Run(Batched, HandedOver),
    /// These go without having run.
    Leave(Vec<Job>, NotBatched),
    /// Ask again then, or when anything changes.
    WaitUntil(Option<Instant>),
}

/// Why jobs go without having run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotBatched {
    /// Nobody wants them any more: they were canceled.
    Unwanted,
    /// Their deadline is over.
    Expired,
    /// They would take longer than their messages can be held.
    Outlasting,
}

/// Jobs that wait, models that were seen, and the planner's clock.
pub(super) struct Forming {
    load: Arc<DeviceLoad>,
    /// When the planner's clock stood at zero.
    started: Instant,
    next_ticket: u64,
    jobs: HashMap<u64, Decoded>,
    pending: Pending,
    /// The last job that ran alone. What it answered dies with the worker until it is stored, and the next one may be
    /// what ends it.
    alone: Weak<()>,
    models: Vec<Paced>,
    /// The models' limits today, by the same position.
    limits: Vec<Limits>,
    /// How long the last batch took to be put together.
    assembling: Duration,
}

struct Paced {
    model: Arc<Model>,
    pace: Pace,
    slack: Slack,
}

impl Forming {
    pub(super) fn new(load: Arc<DeviceLoad>, weights: LaneWeights) -> Self {
        Self {
            load,
            started: Instant::now(),
            next_ticket: 0,
            jobs: HashMap::new(),
            pending: Pending::new(weights),
            alone: Weak::new(),
            models: Vec::new(),
            limits: Vec::new(),
            assembling: Duration::ZERO,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn into_jobs(self) -> impl Iterator<Item = Job> {
        self.jobs.into_values().map(|decoded| decoded.job)
    }

    /// A job waits from now on.
    pub(super) fn add(&mut self, decoded: Decoded) {
        let model = self.number(&decoded.model);
        let limits = self.limits.get(model).copied().unwrap_or_default();
        let (rows, shape) = (decoded.features.rows(), decoded.features.shape());
        let job = &decoded.job;
        let alone = job.past.is_suspect().then(|| position_alone(job.id, job.attempt));
        let item = Item {
            ticket: self.next_ticket,
            model,
            rows,
            cost_us: limits.price.batch_us(rows, shape.cells()).saturating_mul(calls(&decoded)),
            shape,
            since_us: self.now_us().saturating_add(alone.map_or(0, |_| GATHER_US)),
            deadline_us: decoded.job.deadline.map(|deadline| self.us(deadline)),
            alone,
        };
        self.next_ticket += 1;
        self.pending.add(decoded.job.visibility.lane, &decoded.job.account, item);
        self.jobs.insert(self.next_ticket - 1, decoded);
    }

    /// Lets prices and paces follow the batches that ran.
    pub(super) fn learn(&mut self) {
        let finished = self.load.learn();
        for ran in &finished {
            if let Some(paced) = self.models.iter_mut().find(|paced| paced.model.id == ran.batch.model) {
                paced.pace.observe(ran.batch.jobs, u64::try_from(ran.busy.as_micros()).unwrap_or(u64::MAX));
            }
        }
        if !finished.is_empty() {
            self.limits = self.models.iter().map(|paced| paced.limits(&self.load)).collect();
        }
    }

    /// Takes out what was canceled.
    pub(super) fn take_canceled(&mut self) -> Vec<Job> {
        let canceled = self.jobs.iter().filter(|(_, decoded)| decoded.job.unwanted.is_cancelled());
        let tickets: Vec<u64> = canceled.map(|(ticket, _)| *ticket).collect();
        if tickets.is_empty() {
            return Vec::new();
        }
        self.take(&tickets)
    }

    /// Asks the planner, and puts together what it says.
    pub(super) fn decide(&mut self) -> Decided {
        let device = match self.load.free_at() {
            None => Device::Free,
            Some(free_at) => Device::BusyUntil(self.us(free_at).saturating_sub(micros(LEAD + self.assembling * 2))),
        };
        // A device that ran out of memory says so between two batches that anything is learned from.
        for (paced, limits) in self.models.iter().zip(&mut self.limits) {
            limits.max_rows = limits.max_rows.min(paced.model.capacity.rows());
        }
        let held_until = |paced: &Paced| self.load.not_before(&paced.model.id).map_or(0, |at| self.us(at));
        self.pending.hold_models(self.models.iter().map(held_until).collect());
        self.pending.hold_alone(self.alone.strong_count() > 0);
        match plan(&self.pending, self.now_us(), &self.limits, device) {
            Decision::Run(tickets) => self.assemble(&tickets),
            Decision::Drop(tickets) => Decided::Leave(self.take(&tickets), NotBatched::Expired),
            Decision::WaitUntil(at_us) => Decided::WaitUntil(self.started.checked_add(Duration::from_micros(at_us))),
            Decision::Idle => Decided::WaitUntil(None),
        }
    }

    fn assemble(&mut self, tickets: &[u64]) -> Decided {
        let is_canceled = |ticket: &u64| self.jobs.get(ticket).is_some_and(|it| it.job.unwanted.is_cancelled());
        if tickets.iter().any(is_canceled) {
            return Decided::Leave(self.take_canceled(), NotBatched::Unwanted);
        }
        let outlasting: Vec<u64> = tickets.iter().copied().filter(|ticket| self.outlasts(*ticket)).collect();
        if !outlasting.is_empty() {
            return Decided::Leave(self.take(&outlasting), NotBatched::Outlasting);
        }
        let started = Instant::now();
        let first = self.pending.take(tickets).into_iter().next();
        let number = first.as_ref().map_or(usize::MAX, |item| item.model);
        let taken = self.jobs_of(tickets);
        let input = BatchInput::assemble(taken.iter().map(|decoded| &decoded.features));
        let (Some(input), Some(model)) = (input, taken.first().map(|decoded| Arc::clone(&decoded.model))) else {
            // Cannot be while only features of one model and shape are put together. The jobs are redelivered.
            error!(jobs = taken.len(), "features of one batch do not fit together");
            return Decided::WaitUntil(Some(Instant::now()));
        };
        let (rows, row_cells) = (input.rows(), input.row_cells());
        let cells = row_cells.saturating_mul(rows as u64);
        let filled = |features: &Features| features.shape().cells().saturating_mul(features.rows() as u64);
        let padding = cells.saturating_sub(taken.iter().map(|decoded| filled(&decoded.features)).sum());
        let calls = taken.iter().map(calls).max().unwrap_or(1);
        let mut predicted_us = 0;
        if let (Some(paced), Some(limits)) = (self.models.get_mut(number), self.limits.get_mut(number)) {
            predicted_us = limits.price.batch_us(rows, row_cells).saturating_mul(calls);
            paced.slack.spend(cells, padding);
            limits.spare_cells = paced.slack.spare_cells();
        }
        let handed_over =
            HandedOver { model: model.id.clone(), jobs: taken.len(), rows, row_cells, padding, calls, predicted_us };
        let mut jobs: Vec<(Job, usize)> =
            taken.into_iter().map(|decoded| (decoded.job, decoded.features.rows())).collect();
        jobs.iter().for_each(|(job, _)| job.visibility.begin());
        if let (Some(_), Some((job, _))) = (first.and_then(|item| item.alone), jobs.first_mut()) {
            let token = Arc::new(());
            self.alone = Arc::downgrade(&token);
            job.alone = Some(token);
        }
        self.assembling = started.elapsed();
        let predicted = Duration::from_micros(predicted_us);
        Decided::Run(Batched { model, jobs, input, predicted }, handed_over)
    }

    /// Whether a job would still run when its message is given to somebody else, however soon it begins.
    fn outlasts(&self, ticket: u64) -> bool {
        let Some(decoded) = self.jobs.get(&ticket) else { return false };
        let number = self.models.iter().position(|paced| paced.model.id == decoded.model.id);
        let Some(limits) = number.and_then(|number| self.limits.get(number)) else { return false };
        let features = &decoded.features;
        let call_us = limits.price.batch_us(features.rows(), features.shape().cells());
        let work = Duration::from_micros(call_us.saturating_mul(calls(decoded)));
        decoded.job.visibility.fits(work) == Fits::Never
    }

    /// Takes these out, as jobs that do not run.
    fn take(&mut self, tickets: &[u64]) -> Vec<Job> {
        self.pending.remove(tickets);
        self.jobs_of(tickets).into_iter().map(|decoded| decoded.job).collect()
    }

    fn jobs_of(&mut self, tickets: &[u64]) -> Vec<Decoded> {
        tickets.iter().filter_map(|ticket| self.jobs.remove(ticket)).collect()
    }

    /// The model's position among the limits; models are as many as the registry has.
    fn number(&mut self, model: &Arc<Model>) -> usize {
        if let Some(known) = self.models.iter().position(|paced| paced.model.id == model.id) {
            return known;
        }
        let paced = Paced { model: Arc::clone(model), pace: model.manifest.batch.pace(), slack: Slack::default() };
        self.limits.push(paced.limits(&self.load));
        self.models.push(paced);
        self.models.len() - 1
    }

    fn now_us(&self) -> u64 {
        self.us(Instant::now())
    }

    fn us(&self, at: Instant) -> u64 {
        micros(at.saturating_duration_since(self.started))
    }
}

/// How often the model is predicted to be called for a job. A text that is continued calls it for each new token, and what
/// the message says it costs tells of how many it asks for; how many calls it is for other models, the rows say.
fn calls(decoded: &Decoded) -> u64 {
    match decoded.model.manifest.task {
        // Saturates; NaN is 0.
        Task::TextGenerate(..) => (decoded.job.cost_ms / decoded.model.manifest.spec.cost_ms).round().max(1.0) as u64,
        _ => 1,
    }
}

impl Paced {
    fn limits(&self, load: &DeviceLoad) -> Limits {
        let price = load.costs().price(&self.model.id, self.model.manifest.spec.cost_ms);
        let limits = self.pace.limits(price);
        // No batch outlasts its messages for the company's sake.
        Limits { spare_cells: self.slack.spare_cells(), max_us: limits.max_us.min(LONGEST_WORK_US), ..limits }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    batch::{Arrival, Residence, Residency},
    cost::{CostModel, Measurement},
};

/// How busy the devices are, what they were given and what that cost: what the planner asks, and what shows how well they
/// are fed.
pub struct DeviceLoad {
    /// Batches handed over and not finished.
    batches: watch::Sender<usize>,
    devices: AtomicUsize,
    hung: AtomicBool,
    busy_ns: AtomicU64,
    rows: AtomicU64,
    cells: AtomicU64,
    padding: AtomicU64,
    schedule: Mutex<Schedule>,
    costs: CostModel,
}

/// A batch that is handed over.
#[derive(Debug, Clone, PartialEq)]
pub struct HandedOver {
    /// `name@version`
    pub model: String,
    /// How many jobs it is made of.
    pub jobs: usize,
    /// How many rows these take.
    pub rows: usize,
    /// The cells of each row, padding included.
    pub row_cells: u64,
    /// The cells that are padding.
    pub padding: u64,
    /// How often it is predicted to call the model: once, but for texts that are continued.
    pub calls: u64,
    /// What it is predicted to take, in microseconds.
    pub predicted_us: u64,
}

/// A batch that ran whole, and how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// What was handed over.
    pub batch: HandedOver,
    /// Its time on the device.
    pub busy: Duration,
}

#[derive(Default)]
struct Schedule {
    /// In the order in which they run.
    handed_over: VecDeque<HandedOver>,
    /// Since when the first of them runs.
    since: Option<Instant>,
    /// When the last of them ended.
    ran: Option<Instant>,
    finished: VecDeque<Finished>,
    residence: Residence,
}

/// Finished batches that nobody has learned from yet; the oldest are forgotten beyond it.
const MOST_FINISHED: usize = 64;

impl Default for DeviceLoad {
    fn default() -> Self {
        Self {
            batches: watch::Sender::new(0),
            devices: AtomicUsize::new(1),
            hung: AtomicBool::new(false),
            busy_ns: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            cells: AtomicU64::new(0),
            padding: AtomicU64::new(0),
            schedule: Mutex::default(),
            costs: CostModel::default(),
        }
    }
}

impl DeviceLoad {
    /// Follows the count of batches that were handed over and are not finished.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.batches.subscribe()
    }

    /// A batch is handed over; each device finishes its own in this order.
    pub fn hand_over(&self, mut batch: HandedOver) {
        self.cells.fetch_add(batch.row_cells.saturating_mul(batch.rows as u64), Ordering::Relaxed);
        self.padding.fetch_add(batch.padding, Ordering::Relaxed);
        let mut schedule = self.schedule();
        schedule.since.get_or_insert_with(Instant::now);
        if !schedule.comes(&batch.model) {
            let loading = schedule.residence.takes_place(&batch.model).unwrap_or_default();
            batch.predicted_us = batch.predicted_us.saturating_add(micros(loading));
        }
        schedule.handed_over.push_back(batch);
        drop(schedule);
        self.batches.send_modify(|batches| *batches += 1);
    }

    /// A batch of `model` is finished after `rows` rows ran for `busy` on a device.
    pub fn finish(&self, model: &str, rows: usize, busy: Duration) {
        self.busy_ns.fetch_add(u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        let mut schedule = self.schedule();
        // Where several devices finish in any order, batches alike are as good as one another.
        let alike = |batch: &HandedOver| batch.model == model && batch.rows == rows;
        let at = schedule.handed_over.iter().position(alike).unwrap_or(0);
        let first = schedule.handed_over.remove(at);
        schedule.since = (!schedule.handed_over.is_empty()).then(Instant::now);
        schedule.ran = Some(Instant::now());
        // Another count: some were canceled, or it did not run at all. Its time says nothing about such batches.
        if let Some(batch) = first.filter(alike) {
            if schedule.finished.len() >= MOST_FINISHED {
                schedule.finished.pop_front();
            }
            schedule.finished.push_back(Finished { batch, busy });
        }
        drop(schedule);
        self.batches.send_modify(|batches| *batches = batches.saturating_sub(1));
    }

    /// A model begins to be loaded onto a device.
    pub fn arrives(&self, device: &str, arrival: Arrival<'_>) {
        self.schedule().residence.arrives(device, arrival, Instant::now());
    }

    /// A model is loaded onto a device, which took so long.
    pub fn loaded(&self, device: &str, model: &str, took: Duration) {
        self.schedule().residence.loaded(device, model, took, Instant::now());
    }

    /// It made room on a device, or was not loaded after all.
    pub fn leaves(&self, device: &str, model: &str) {
        self.schedule().residence.leaves(device, model, Instant::now());
    }

    /// From when on a batch of `model` may be handed over, where others must make room for the model; `None` for at once.
    pub fn not_before(&self, model: &str) -> Option<Instant> {
        let (schedule, now) = (self.schedule(), Instant::now());
        if schedule.comes(model) {
            return None;
        }
        // While another takes a place, nobody else can have one: what runs behind it would have to load again.
        let coming = schedule.handed_over.iter().rev().find_map(|batch| schedule.residence.takes_place(&batch.model));
        if let Some(loading) = coming {
            return now.checked_add(loading);
        }
        let ran = if schedule.handed_over.is_empty() { schedule.ran } else { Some(now) };
        schedule.residence.not_before(model, ran)
    }

    /// Where `model` is, seen from a device.
    pub fn residency(&self, device: &str, model: &str) -> Residency {
        self.schedule().residence.residency(device, model)
    }

    /// How many devices there are.
    pub fn devices(&self) -> usize {
        self.devices.load(Ordering::Relaxed)
    }

    /// Whether a device's call did not end: the worker is unhealthy and must be restarted.
    pub fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, devices: usize) {
        self.devices.store(devices.max(1), Ordering::Relaxed);
    }

    pub(crate) fn hang(&self) {
        self.hung.store(true, Ordering::Relaxed);
    }

    /// When all that is handed over is predicted to be finished; `None` when a device has nothing.
    pub fn free_at(&self) -> Option<Instant> {
        let schedule = self.schedule();
        let devices = self.devices();
        if schedule.handed_over.len() < devices {
            return None;
        }
        let predicted_us = schedule.handed_over.iter().fold(0_u64, |sum, batch| sum.saturating_add(batch.predicted_us));
        schedule.since?.checked_add(Duration::from_micros(predicted_us / devices as u64))
    }

    /// Learns from the batches that finished since the last call, and returns them.
    pub fn learn(&self) -> Vec<Finished> {
        let finished: Vec<Finished> = self.schedule().finished.drain(..).collect();
        for Finished { batch, busy } in &finished {
            // The price is that of one call.
            let us = busy.as_secs_f64() * 1e6 / batch.calls.max(1) as f64;
            self.costs
                .learn(&batch.model, Measurement { rows: batch.rows as f64, row_cells: batch.row_cells as f64, us });
        }
        finished
    }

    /// What batches cost here.
    pub fn costs(&self) -> &CostModel {
        &self.costs
    }

    /// How long the devices together have run batches so far.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed))
    }

    /// How many rows they have run so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// How many cells it was handed so far, and how many of them were padding.
    pub fn cells_and_padding(&self) -> (u64, u64) {
        (self.cells.load(Ordering::Relaxed), self.padding.load(Ordering::Relaxed))
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // Nothing panics under this lock.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule {
    /// Whether the model will take a place: a batch of it is handed over, and loading it has not begun.
    fn comes(&self, model: &str) -> bool {
        self.handed_over.iter().any(|batch| batch.model == model && self.residence.takes_place(model).is_some())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::watch;

/// How busy the devices are: what the planner asks and what shows how well they are fed.
pub struct DeviceLoad {
    /// Batches handed over and not finished.
    batches: watch::Sender<usize>,
    devices: AtomicUsize,
    hung: AtomicBool,
    busy_ns: AtomicU64,
    rows: AtomicU64,
}

impl Default for DeviceLoad {
    fn default() -> Self {
        Self {
            batches: watch::Sender::new(0),
            devices: AtomicUsize::new(1),
            hung: AtomicBool::new(false),
            busy_ns: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }
}

impl DeviceLoad {
    /// Follows the count of batches that were handed over and are not finished.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.batches.subscribe()
    }

    /// A batch is handed over.
    pub fn hand_over(&self) {
        self.batches.send_modify(|batches| *batches += 1);
    }

    /// A batch of `rows` rows is finished after `busy` on the device.
    pub fn finish(&self, rows: usize, busy: Duration) {
        self.busy_ns.fetch_add(u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.batches.send_modify(|batches| *batches = batches.saturating_sub(1));
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

    /// How long the devices together have run batches so far.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed))
    }

    /// How many rows they have run so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

//! The devices' threads: how they are started, and how it is seen that one is in trouble.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};

use super::{
    Infer, Trouble,
    batch_queue::BatchQueue,
    device::{DeviceThread, Surroundings},
    watchdog::{self, Pulse},
};
use crate::{
    engine::Devices,
    stages::{
        exits::Exits,
        job::{Batched, Inferred},
    },
};

/// Starts the devices' threads, which run until no more batches come, and says when one is in trouble.
pub(crate) fn spawn(
    infer: Infer,
    batched: mpsc::Receiver<Batched>,
    exits: Exits<Inferred>,
) -> std::io::Result<oneshot::Receiver<Trouble>> {
    let Infer { devices: Devices { engines, patience, model_memory }, load, reporter, vitals, stop } = infer;
    load.count(engines.len());
    // One device's thread takes the next batch when it has nothing to do.
    let queue = Arc::new(BatchQueue::new(batched));
    // The last device's thread drops the last sender: then the watchdog ends too.
    let (alive, ended) = std::sync::mpsc::channel();
    let (alarm, troubled) = Alarm::new();
    let (device_load, watchdogs) = (Arc::clone(&load), alarm.clone());
    let around = Arc::new(Surroundings { exits, load, reporter, vitals, stop, patience, alarm });
    let mut pulses = Vec::new();
    for engine in engines {
        let pulse = Pulse::default();
        pulses.push((engine.device(), pulse.clone()));
        let name = format!("device {}", engine.device());
        let panic_guard = PanicGuard { alarm: around.alarm.clone(), _alive: alive.clone() };
        let device = DeviceThread::new(engine, model_memory, pulse, Arc::clone(&around));
        let queue = Arc::clone(&queue);
        // Each thread has a runtime of its own: it has nothing else to do while it waits.
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name(name).spawn(move || {
            let _panic_guard = panic_guard;
            runtime.block_on(device.serve(&queue, None));
        })?;
    }
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        if watchdog::watch(&pulses, &ended) {
            device_load.hang();
            watchdogs.ring(Trouble::Hung);
        }
    })?;
    Ok(troubled)
}

/// How long a batch of so many rows keeps the device, beyond its computing.
pub(crate) type BatchTime = Box<dyn FnMut(usize) -> Duration + Send>;

/// The same without threads, for one device that nobody watches: on a simulation's runtime, where a batch holds up
/// everything else while it computes, and only `batch_time` says how long it took. It runs as the returned future does.
pub(crate) fn run(
    infer: Infer,
    batched: mpsc::Receiver<Batched>,
    exits: Exits<Inferred>,
    batch_time: BatchTime,
) -> (impl Future<Output = ()> + Send, oneshot::Receiver<Trouble>) {
    let Infer { devices: Devices { engines, patience, model_memory }, load, reporter, vitals, stop } = infer;
    let (alarm, troubled) = Alarm::new();
    let around = Arc::new(Surroundings { exits, load, reporter, vitals, stop, patience, alarm });
    let running = async move {
        let Some(engine) = engines.into_iter().next() else { return };
        let device = DeviceThread::new(engine, model_memory, Pulse::default(), around);
        device.serve(&BatchQueue::new(batched), Some(batch_time)).await;
    };
    (running, troubled)
}

/// Rings once, at the first trouble of any device, from whichever thread sees it.
#[derive(Clone)]
pub(super) struct Alarm {
    sender: Arc<Mutex<Option<oneshot::Sender<Trouble>>>>,
}

impl Alarm {
    fn new() -> (Self, oneshot::Receiver<Trouble>) {
        let (sender, troubled) = oneshot::channel();
        (Self { sender: Arc::new(Mutex::new(Some(sender))) }, troubled)
    }

    /// Says what the trouble is, unless one was known before.
    pub(super) fn ring(&self, trouble: Trouble) {
        if let Some(sender) = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = sender.send(trouble);
        }
    }
}

/// Rings when its thread ends by a panic.
struct PanicGuard {
    alarm: Alarm,
    _alive: std::sync::mpsc::Sender<()>,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.alarm.ring(Trouble::Panicked);
        }
    }
}

//! [`Batched`] → [`Inferred`]: one thread for each device, which owns it.

mod bisect;
mod device;
mod generate;
mod loading;
mod residents;
mod runner;
mod sample;
mod sequence;
mod watchdog;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    runtime,
    sync::{self, mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use super::report::Reporter;
use crate::{
    device::DeviceLoad,
    engine::Devices,
    job::{Batched, Inferred, Settled},
    vitals::Vitals,
};
use device::{Around, DeviceThread, Ran};
use watchdog::Pulse;

/// What the devices' threads need.
pub(crate) struct Infer {
    pub(crate) devices: Devices,
    pub(crate) load: Arc<DeviceLoad>,
    pub(crate) reporter: Reporter,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) stop: CancellationToken,
}

/// The ways out of this stage.
#[derive(Clone)]
pub(crate) struct Exits {
    pub(crate) inferred: mpsc::Sender<Inferred>,
    /// Unwanted or given back.
    pub(crate) settled: mpsc::Sender<Settled>,
}

/// Why a device can do nothing more. What it holds comes back when its leases end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A call does not end.
    Hung,
    /// Its thread panicked.
    Panicked,
}

/// Starts the devices' threads, which run until no more batches come, and says when one is in trouble.
pub(crate) fn spawn(
    infer: Infer,
    batched: mpsc::Receiver<Batched>,
    exits: &Exits,
) -> std::io::Result<oneshot::Receiver<Trouble>> {
    let Infer { devices: Devices { engines, patience, model_memory }, load, reporter, vitals, stop } = infer;
    load.count(engines.len());
    // One device's thread takes the next batch when it has nothing to do.
    let line = Arc::new(sync::Mutex::new(batched));
    // Dropped by the last device's thread: then the watchdog ends too.
    let (alive, ended) = std::sync::mpsc::channel();
    let (trouble, troubled) = oneshot::channel();
    let trouble = Arc::new(Mutex::new(Some(trouble)));
    let mut pulses = Vec::new();
    for engine in engines {
        let pulse = Pulse::default();
        pulses.push((engine.device(), pulse.clone()));
        let name = format!("device {}", engine.device());
        let around = Around { reporter: reporter.clone(), vitals: Arc::clone(&vitals), pulse, patience };
        let device = DeviceThread::new(engine, model_memory, around);
        let lifeline = Lifeline { trouble: Arc::clone(&trouble), _alive: alive.clone() };
        let (line, exits, load, stop) = (Arc::clone(&line), exits.clone(), Arc::clone(&load), stop.clone());
        // Of this thread's own: it has nothing else to do while it waits.
        let runtime = runtime::Builder::new_current_thread().build()?;
        thread::Builder::new().name(name).spawn(move || {
            let _lifeline = lifeline;
            runtime.block_on(serve(device, &line, &exits, &load, &stop, None));
        })?;
    }
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        if watchdog::watch(&pulses, &ended) {
            load.hang();
            tell(&trouble, Trouble::Hung);
        }
    })?;
    Ok(troubled)
}

/// How long a batch of so many rows keeps the device, beyond its computing.
pub(crate) type Pace = Box<dyn FnMut(usize) -> Duration + Send>;

/// The same without threads, for one device that nobody watches: on a simulation's runtime, where a batch holds up
/// everything else while it computes, and only `pace` says how long it took.
pub(crate) async fn run(infer: Infer, batched: mpsc::Receiver<Batched>, exits: Exits, pace: Pace) {
    let Infer { devices: Devices { engines, patience, model_memory }, load, reporter, vitals, stop } = infer;
    let Some(engine) = engines.into_iter().next() else { return };
    let around = Around { reporter, vitals, pulse: Pulse::default(), patience };
    let device = DeviceThread::new(engine, model_memory, around);
    serve(device, &sync::Mutex::new(batched), &exits, &load, &stop, Some(pace)).await;
}

/// Runs batches until no more come or nobody takes the answers.
async fn serve(
    mut device: DeviceThread,
    line: &sync::Mutex<mpsc::Receiver<Batched>>,
    exits: &Exits,
    load: &DeviceLoad,
    stop: &CancellationToken,
    mut pace: Option<Pace>,
) {
    loop {
        let next = line.lock().await.recv().await;
        let Some(batch) = next else { return };
        if stop.is_cancelled() {
            for (job, _) in batch.jobs {
                let _ = exits.settled.send(Settled::Returned(job)).await;
            }
            continue;
        }
        let model = Arc::clone(&batch.model);
        let Ran { rows, mut busy, answers, unwanted, returned } = device.run(batch, stop);
        if let Some(pace) = &mut pace {
            busy = pace(rows);
            if !busy.is_zero() {
                tokio::time::sleep(busy).await;
            }
        }
        // First the next batch may be formed, then this one's answers go their way.
        load.finish(&model.id, rows, busy);
        for job in unwanted {
            let _ = exits.settled.send(Settled::Stored(job, None)).await;
        }
        for job in returned {
            let _ = exits.settled.send(Settled::Returned(job)).await;
        }
        for answer in answers {
            if exits.inferred.send(answer).await.is_err() {
                return;
            }
        }
    }
}

type Bell = Arc<Mutex<Option<oneshot::Sender<Trouble>>>>;

fn tell(bell: &Bell, trouble: Trouble) {
    if let Some(bell) = bell.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = bell.send(trouble);
    }
}

/// Tells of a thread that ended by a panic.
struct Lifeline {
    trouble: Bell,
    _alive: std::sync::mpsc::Sender<()>,
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        if thread::panicking() {
            tell(&self.trouble, Trouble::Panicked);
        }
    }
}

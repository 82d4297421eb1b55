//! [`Batched`] → [`Inferred`]: one thread for each device, which owns it.

mod batch_queue;
mod bisect;
mod device;
mod generate;
mod loading;
mod refusals;
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
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    exits::Exits,
    job::{Batched, Disposition, Inferred, ReturnReason},
    report::Reporter,
};
use crate::{batch::Residency, device::DeviceLoad, engine::Devices, vitals::Vitals};
use batch_queue::BatchQueue;
use device::{DeviceThread, Lost, Observers, Ran};
use watchdog::Pulse;

/// What the devices' threads need.
pub(crate) struct Infer {
    pub(crate) devices: Devices,
    pub(crate) load: Arc<DeviceLoad>,
    pub(crate) reporter: Reporter,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) stop: CancellationToken,
}

/// Why a device can do nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A call does not end. What the device holds comes back when its visibility timeouts end.
    Hung,
    /// Every call fails from now on. What the device held is handed back.
    Lost,
    /// Its thread panicked. What the device holds comes back when its visibility timeouts end.
    Panicked,
}

/// Starts the devices' threads, which run until no more batches come, and says when one is in trouble.
pub(crate) fn spawn(
    infer: Infer,
    batched: mpsc::Receiver<Batched>,
    exits: Exits<Inferred>,
) -> std::io::Result<oneshot::Receiver<Trouble>> {
    let Infer { devices: Devices { engines, patience, model_memory }, load, reporter, vitals, stop } = infer;
    load.count(engines.len());
    let exits = Arc::new(exits);
    // One device's thread takes the next batch when it has nothing to do.
    let queue = Arc::new(BatchQueue::new(batched));
    // Dropped by the last device's thread: then the watchdog ends too.
    let (alive, ended) = std::sync::mpsc::channel();
    let (trouble, troubled) = oneshot::channel();
    let trouble = Arc::new(Mutex::new(Some(trouble)));
    let mut pulses = Vec::new();
    for engine in engines {
        let pulse = Pulse::default();
        pulses.push((engine.device(), pulse.clone()));
        let name = format!("device {}", engine.device());
        let (reporter, vitals) = (reporter.clone(), Arc::clone(&vitals));
        let observers = Observers { reporter, vitals, pulse, patience, load: Arc::clone(&load) };
        let device = DeviceThread::new(engine, model_memory, observers);
        let panic_guard = PanicGuard { trouble: Arc::clone(&trouble), _alive: alive.clone() };
        let (exits, load, stop, trouble) = (Arc::clone(&exits), Arc::clone(&load), stop.clone(), Arc::clone(&trouble));
        let (queue, server) = (Arc::clone(&queue), DeviceServer { exits, load, stop, trouble });
        // Of this thread's own: it has nothing else to do while it waits.
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name(name).spawn(move || {
            let _panic_guard = panic_guard;
            runtime.block_on(server.serve(device, &queue, None));
        })?;
    }
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        if watchdog::watch(&pulses, &ended) {
            load.hang();
            announce(&trouble, Trouble::Hung);
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
    let (trouble, troubled) = oneshot::channel();
    let Infer { devices: Devices { engines, patience, model_memory }, load, reporter, vitals, stop } = infer;
    let running = async move {
        let Some(engine) = engines.into_iter().next() else { return };
        let observers = Observers { reporter, vitals, pulse: Pulse::default(), patience, load: Arc::clone(&load) };
        let device = DeviceThread::new(engine, model_memory, observers);
        let server = DeviceServer { exits: Arc::new(exits), load, stop, trouble: Arc::new(Mutex::new(Some(trouble))) };
        server.serve(device, &BatchQueue::new(batched), Some(batch_time)).await;
    };
    (running, troubled)
}

/// Where a device's batches go, and who hears of it.
struct DeviceServer {
    exits: Arc<Exits<Inferred>>,
    load: Arc<DeviceLoad>,
    stop: CancellationToken,
    trouble: TroubleSender,
}

impl DeviceServer {
    /// Runs batches until no more come, nobody takes the answers, or the device is lost.
    async fn serve(&self, mut device: DeviceThread, queue: &BatchQueue, mut batch_time: Option<BatchTime>) {
        let (mut lost, mut idle_since) = (false, Instant::now());
        let name = device.engine.device();
        loop {
            // What a lost device takes is handed back, whoever has its model.
            let residency = |model: &str| if lost { Residency::Here } else { self.load.residency(&name, model) };
            let Some(batch) = queue.next(idle_since, residency).await else { break };
            if lost || self.stop.is_cancelled() {
                for (job, _) in batch.jobs {
                    self.exits.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await;
                }
                continue;
            }
            let ready = batch.jobs.iter().filter_map(|(job, _)| job.ready).min();
            if let Some(gap) = gap(ready, idle_since, Instant::now()) {
                device.vitals.metrics.device_waited(&name, gap);
            }
            let model = Arc::clone(&batch.model);
            let mut ran = device.run(batch, &self.stop);
            if let Some(batch_time) = &mut batch_time {
                ran.busy = batch_time(ran.rows);
                if !ran.busy.is_zero() {
                    tokio::time::sleep(ran.busy).await;
                }
            }
            idle_since = Instant::now();
            if let Some(Lost { why, jobs }) = &ran.lost {
                lost = true;
                let jobs = jobs.len();
                error!(device = name, model = model.id, jobs, why, "the device is lost: the worker must be restarted");
                announce(&self.trouble, Trouble::Lost);
            }
            // First the next batch may be formed, then this one's answers go their way.
            self.load.finish(&model.id, ran.rows, ran.busy);
            if !self.send(ran).await {
                break;
            }
        }
        if lost {
            // To free what a lost device holds may end the process in C++, before it says how it ended.
            let DeviceThread { engine, .. } = device;
            std::mem::forget(engine);
        }
    }

    /// Sends each job its way; whether somebody takes the answers.
    async fn send(&self, ran: Ran) -> bool {
        let Ran { answers, unwanted, returned, unable, lost, rows: _, busy: _ } = ran;
        for job in unwanted {
            self.exits.dispose(Disposition::Unwanted(job)).await;
        }
        for job in returned {
            self.exits.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await;
        }
        for job in unable {
            self.exits.unable(job).await;
        }
        for job in lost.into_iter().flat_map(|lost| lost.jobs) {
            self.exits.dispose(Disposition::Returned(job, ReturnReason::Lost)).await;
        }
        for answer in answers {
            if !self.exits.pass(answer).await {
                return false;
            }
        }
        true
    }
}

/// So long a device that has been idle since then had nothing to run, although a job that begins `now` was ready.
fn gap(ready: Option<Instant>, idle_since: Instant, now: Instant) -> Option<Duration> {
    Some(now.saturating_duration_since(ready?.max(idle_since)))
}

type TroubleSender = Arc<Mutex<Option<oneshot::Sender<Trouble>>>>;

fn announce(sender: &TroubleSender, trouble: Trouble) {
    if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = sender.send(trouble);
    }
}

/// Announces that its thread ended by a panic.
struct PanicGuard {
    trouble: TroubleSender,
    _alive: std::sync::mpsc::Sender<()>,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            announce(&self.trouble, Trouble::Panicked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_the_time_in_which_a_job_and_the_device_waited_for_one_another() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        for (ready, idle_since, now, expect) in [(10, 50, 80, 30), (60, 50, 80, 20), (80, 50, 80, 0), (90, 50, 80, 0)] {
            let found = gap(Some(at(ready)), at(idle_since), at(now));
            assert_eq!(found, Some(Duration::from_millis(expect)), "{ready} {idle_since} {now}");
        }
        assert_eq!(gap(None, at(50), at(80)), None);
    }
}

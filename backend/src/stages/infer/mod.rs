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
mod threads;
mod watchdog;

use std::{sync::Arc, time::Duration};

use forebay_contract::EventKind;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    exits::Exits,
    job::{Batched, Disposition, Inferred, ReturnReason},
    report::Reporter,
};
use crate::{
    batch::Residency, device::DeviceLoad, engine::Devices, metrics::BatchRun, model::Task, output::Answer,
    visibility::Fits, vitals::Vitals,
};
use batch_queue::BatchQueue;
use bisect::{Answered, Bisected};
use device::{DeviceThread, Lost, Ran};
use loading::Readiness;
use runner::{BatchRunner, failure};
pub(crate) use threads::{BatchTime, run, spawn};

/// What the devices' threads need besides the batches.
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

impl DeviceThread {
    /// Runs batches until no more come, nobody takes the answers, or the device is lost.
    async fn serve(mut self, queue: &BatchQueue, mut batch_time: Option<BatchTime>) {
        let (mut lost, mut idle_since) = (false, Instant::now());
        let name = self.engine.device();
        loop {
            // What a lost device takes is handed back, whoever has its model.
            let residency = |model: &str| if lost { Residency::Here } else { self.around.load.residency(&name, model) };
            let Some(batch) = queue.next(idle_since, residency).await else { break };
            if lost || self.around.stop.is_cancelled() {
                for (job, _) in batch.jobs {
                    self.around.exits.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await;
                }
                continue;
            }
            let ready = batch.jobs.iter().filter_map(|(job, _)| job.ready).min();
            if let Some(gap) = gap(ready, idle_since, Instant::now()) {
                self.around.vitals.metrics.device_waited(&name, gap);
            }
            let model = Arc::clone(&batch.model);
            let mut ran = self.run(batch);
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
                self.around.alarm.ring(Trouble::Lost);
            }
            // First the next batch may be formed, then this one's answers go their way.
            self.around.load.finish(&model.id, ran.rows, ran.busy);
            if !self.around.exits.send_each(ran).await {
                break;
            }
        }
        if lost {
            // To free what a lost device holds may end the process in C++, before it says how it ended.
            std::mem::forget(self.engine);
        }
    }

    /// Runs a batch of one model; each of its jobs is in what it returns.
    fn run(&mut self, batch: Batched) -> Ran {
        let readiness = self.make_ready(&batch.model);
        if !matches!(readiness, Readiness::Ready) {
            return Ran::without_model(batch, readiness);
        }
        let (batch, unwanted) = batch.without(|job| job.unwanted.is_cancelled());
        let Some(batch) = batch else { return Ran { unwanted, ..Ran::default() } };
        // What has waited for so long that it would still run when its message is given to another worker goes back first,
        // and has all the time that there is when it comes again.
        let predicted = batch.predicted;
        let (batch, returned) = batch.without(|job| job.visibility.fits(predicted) == Fits::Afresh);
        let Some(batch) = batch else { return Ran { unwanted, returned, ..Ran::default() } };
        let batch_size = u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
        for (job, _) in &batch.jobs {
            self.report(job, EventKind::Started { batch_size });
        }
        let model = Arc::clone(&batch.model);
        let (jobs, padding) = (batch.jobs.len(), batch.input.padding());
        let mut ran = match &model.manifest.task {
            Task::TextGenerate(_, steps) => generate::run(self, batch, steps),
            _ => self.run_once(batch),
        };
        let measured = BatchRun { jobs, rows: ran.rows, padding, predicted, busy: ran.busy };
        self.around.vitals.metrics.ran(&model.id, measured);
        self.measure_memory_now_and_then();
        ran.unwanted.extend(unwanted);
        ran.returned.extend(returned);
        ran
    }

    fn run_once(&mut self, batch: Batched) -> Ran {
        let Batched { model, mut jobs, input, predicted } = batch;
        // What runs once is not broken off, so nobody need ask whether it is canceled.
        jobs.iter_mut().for_each(|(job, _)| job.watch = None);
        let rows: Vec<usize> = jobs.iter().map(|(_, rows)| *rows).collect();
        let mut runner = BatchRunner::new(self, &model, &input, predicted);
        let Bisected { outcomes, lost } = bisect::run(&rows, &mut runner);
        let busy = runner.busy();
        let (mut answers, mut unanswered) = (Vec::with_capacity(jobs.len()), Vec::new());
        for ((job, _), outcome) in jobs.into_iter().zip(outcomes) {
            let Some(Answered { answer, busy }) = outcome else {
                unanswered.push(job);
                continue;
            };
            let answer =
                answer.map(|output| (Arc::clone(&model), Answer::Rows(output))).map_err(|error| failure(&error));
            answers.push(Inferred { job, answer, device_ms: busy.as_secs_f64() * 1000.0 });
        }
        // What ended in the middle says nothing about what such a batch takes.
        let rows = if lost.is_some() { 0 } else { input.rows() };
        Ran { rows, busy, answers, lost: lost.map(|why| Lost { why, jobs: unanswered }), ..Ran::default() }
    }
}

impl Exits<Inferred> {
    /// Sends each job of a batch its way; whether somebody takes the answers.
    async fn send_each(&self, ran: Ran) -> bool {
        let Ran { answers, unwanted, returned, unable, lost, rows: _, busy: _ } = ran;
        for job in unwanted {
            self.dispose(Disposition::Unwanted(job)).await;
        }
        for job in returned {
            self.dispose(Disposition::Returned(job, ReturnReason::Stopped)).await;
        }
        for job in unable {
            self.unable(job).await;
        }
        for job in lost.into_iter().flat_map(|lost| lost.jobs) {
            self.dispose(Disposition::Returned(job, ReturnReason::Lost)).await;
        }
        for answer in answers {
            if !self.pass(answer).await {
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

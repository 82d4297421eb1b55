//! Texts are continued token by token: the device is called once a step with all texts that are not finished.

use std::{sync::Arc, time::Duration};

use forebay_contract::{EventKind, FailureCode};

use super::{
    bisect::{self, Answered, Bisected},
    device::{DeviceThread, Lost, Ran},
    runner::{BatchRunner, failure},
    sequence::Sequence,
};
use crate::{
    failure::Failure,
    features::{BatchInput, Features},
    model::{Model, StepsTable},
    output::Answer,
    stages::job::{Batched, Inferred, Job},
};

/// One job on its way.
struct Writing {
    job: Job,
    sequence: Sequence,
    busy: Duration,
    failed: Option<Failure>,
}

/// Runs a batch to its end. A job that is canceled on the way is left where it is; when the worker stops, all are
/// handed back: their steps may take longer than a stop does.
pub(super) fn run(device: &mut DeviceThread, batch: Batched, steps: &StepsTable) -> Ran {
    let Batched { model, jobs, input, .. } = batch;
    let rows = input.rows();
    let prompts = texts(&input);
    let mut writing: Vec<Writing> = jobs
        .into_iter()
        .zip(prompts)
        .map(|((job, _), prompt)| {
            let sequence = Sequence::new(prompt, steps, &job.parameters);
            Writing { job, sequence, busy: Duration::ZERO, failed: None }
        })
        .collect();
    let mut ran = Ran { rows, ..Ran::default() };
    let mut broken_off = 0;
    while !device.around.stop.is_cancelled() {
        for written in writing.extract_if(.., |writing| writing.job.unwanted.is_cancelled()) {
            ran.unwanted.push(written.job);
        }
        for late in writing.iter_mut().filter(|writing| !writing.is_finished() && writing.job.visibility.is_over()) {
            late.failed = Some(too_long());
            broken_off += 1;
        }
        for written in writing.extract_if(.., |writing| writing.is_finished()) {
            ran.answers.push(written.into_inferred(&model));
        }
        if writing.is_empty() {
            break;
        }
        let (busy, lost) = step(device, &model, steps, &mut writing);
        ran.busy += busy;
        if let Some(why) = lost {
            let finished = writing.extract_if(.., |writing| writing.is_finished());
            ran.answers.extend(finished.map(|written| written.into_inferred(&model)));
            ran.lost = Some(Lost { why, jobs: writing.drain(..).map(|writing| writing.job).collect() });
            break;
        }
    }
    ran.returned = writing.into_iter().map(|writing| writing.job).collect();
    // What was left on the way says nothing about what such a batch takes.
    let left = ran.unwanted.len() + ran.returned.len() + broken_off;
    ran.rows = if ran.lost.is_some() { 0 } else { rows.saturating_sub(left) };
    ran
}

/// One token more for each; how long it took, and why the device is lost, if it is.
fn step(
    device: &mut DeviceThread,
    model: &Arc<Model>,
    steps: &StepsTable,
    writing: &mut [Writing],
) -> (Duration, Option<String>) {
    let texts: Vec<Features> = writing
        .iter()
        .filter_map(|writing| writing.sequence.open())
        .map(|ids| Features::Tokens(ids.to_vec()))
        .collect();
    let Some(input) = BatchInput::assemble(&texts) else {
        writing.iter_mut().for_each(|writing| writing.failed = Some(no_logits()));
        return (Duration::ZERO, None);
    };
    // A step is a small part of what was predicted of the batch.
    let mut runner = BatchRunner::new(device, model, &input, Duration::ZERO);
    let Bisected { outcomes, lost } = bisect::run(&vec![1; writing.len()], &mut runner);
    let busy = runner.busy();
    for (writing, outcome) in writing.iter_mut().zip(outcomes) {
        let Some(Answered { answer, busy }) = outcome else { continue };
        writing.busy += busy;
        match answer {
            Ok(output) if writing.sequence.step(output.data(), &model.marks).is_ok() => {
                let (done, total) = (writing.sequence.done(), writing.sequence.total());
                if done.is_multiple_of(steps.report_every.max(1)) && done < total && done > 0 {
                    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                    device.report(&writing.job, EventKind::Progress { done: count(done), total: count(total) });
                }
            }
            Ok(_) => writing.failed = Some(no_logits()),
            Err(error) => writing.failed = Some(failure(&error)),
        }
    }
    (busy, lost)
}

impl Writing {
    fn is_finished(&self) -> bool {
        self.failed.is_some() || self.sequence.open().is_none()
    }

    fn into_inferred(self, model: &Arc<Model>) -> Inferred {
        let answer = match self.failed {
            Some(failure) => Err(failure),
            None => Ok((Arc::clone(model), Answer::Text(self.sequence.into_continuation()))),
        };
        Inferred { job: self.job, answer, device_ms: self.busy.as_secs_f64() * 1000.0 }
    }
}

/// Each row's tokens without its padding.
fn texts(input: &BatchInput) -> Vec<Vec<i64>> {
    let BatchInput::Tokens { ids, mask } = input else { return Vec::new() };
    let longest = ids.row_shape().first().copied().unwrap_or(1).max(1);
    let rows = ids.data().chunks(longest).zip(mask.data().chunks(longest));
    let own = |(ids, mask): (&[i64], &[i64])| {
        ids.iter().zip(mask).filter(|(_, mask)| **mask == 1).map(|(id, _)| *id).collect()
    };
    rows.map(own).collect()
}

/// Going on would be of no use: another worker is about to be given the job and begin from nothing. It finds this failure
/// instead.
fn too_long() -> Failure {
    let detail = "the text was not finished within the twelve hours for which a job can be held: ask for fewer tokens";
    Failure::new(FailureCode::WorkTooLong, detail)
}

fn no_logits() -> Failure {
    Failure::new(FailureCode::OutputInvalid, "the model answered NaN, infinity or no logits")
}

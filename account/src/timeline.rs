//! How long each stage had a job.

use super::Job;

/// A stage and its milliseconds.
pub(crate) type Stage = (&'static str, u64);

/// The stages that a job has been through, in order. The worker's clock is another than the edge's: what comes out
/// negative is nothing.
pub fn stages(job: &Job) -> Vec<Stage> {
    let waited_ms = job.waited_ms.unwrap_or(0);
    let asked_ms = job.accepted_ms.saturating_sub(waited_ms);
    let mut stages = vec![("edge", asked_ms.saturating_sub(job.id.made_at_ms())), ("admission", waited_ms)];
    let mut since_ms = job.accepted_ms;
    for (stage, until_ms) in
        [("outbox", job.sent_ms), ("lane", job.received_ms.or(job.started_ms)), ("worker", job.started_ms)]
    {
        let Some(until_ms) = until_ms else { continue };
        stages.push((stage, until_ms.saturating_sub(since_ms)));
        since_ms = until_ms;
    }
    if let (Some(started_ms), Some(finished_ms)) = (job.started_ms, job.finished_ms) {
        let rest_ms = finished_ms.saturating_sub(started_ms);
        // A job's share of the device, times those that shared it: how long the batch ran.
        let batch_ms = job.device_ms.unwrap_or(0.0) * f64::from(job.batch_size.unwrap_or(1));
        let infer_ms = (batch_ms.max(0.0).round() as u64).min(rest_ms);
        stages.extend([("infer", infer_ms), ("store", rest_ms - infer_ms)]);
    }
    if let (Some(finished_ms), Some(told_ms)) = (job.finished_ms, job.told_ms) {
        stages.push(("webhook", told_ms.saturating_sub(finished_ms)));
    }
    stages
}

/// The stages as `Server-Timing` has them (W3C Server Timing §3), and the batch.
pub fn server_timing(job: &Job) -> String {
    let mut metrics: Vec<_> = stages(job).iter().map(|(stage, ms)| format!("{stage};dur={ms}")).collect();
    if let Some(batch) = batch_id(job) {
        // Workers name themselves: what would end the text early or break the field is left out.
        let id: String = batch.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')).collect();
        let size = job.batch_size.map_or(String::new(), |size| format!(", {size} jobs"));
        metrics.push(format!("batch;desc=\"{id}{size}\""));
    }
    metrics.join(", ")
}

/// Names the batch that a job ran in: one worker starts one batch at a time.
pub fn batch_id(job: &Job) -> Option<String> {
    Some(format!("{}@{}", job.worker.as_deref()?, job.started_ms?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{START_MS, queued};

    #[test]
    fn every_stage_has_its_time_and_what_did_not_happen_has_none() {
        let mut job = queued();
        assert_eq!(server_timing(&job), "edge;dur=0, admission;dur=0");
        job.accepted_ms = START_MS + 103;
        job.waited_ms = Some(100);
        job.sent_ms = Some(START_MS + 110);
        job.received_ms = Some(START_MS + 150);
        assert_eq!(server_timing(&job), "edge;dur=3, admission;dur=100, outbox;dur=7, lane;dur=40");
        (job.started_ms, job.finished_ms) = (Some(START_MS + 165), Some(START_MS + 265));
        (job.batch_size, job.device_ms, job.worker) = (Some(4), Some(15.0), Some("w-1".to_owned()));
        assert_eq!(stages(&job)[4..], [("worker", 15), ("infer", 60), ("store", 40)]);
        assert!(server_timing(&job).ends_with("store;dur=40, batch;desc=\"w-1@1800000000165, 4 jobs\""));
        let odd = Job { worker: Some("a\"b\\\r\nü c".to_owned()), ..job.clone() };
        assert!(server_timing(&odd).ends_with("desc=\"abc@1800000000165, 4 jobs\""));
        job.told_ms = Some(START_MS + 280);
        assert_eq!(stages(&job).last(), Some(&("webhook", 15)));
        assert_eq!(batch_id(&job).as_deref(), Some("w-1@1800000000165"));
        // A worker whose clock is behind takes nothing away.
        job.received_ms = Some(START_MS);
        assert_eq!(stages(&job)[3], ("lane", 0));
    }
}

use std::fmt;

use serde_json::Value;

/// What happens to a job, in order, as the job's JSON names it.
const STAGES: [&str; 5] = ["accepted", "sent", "received", "started", "finished"];

/// When each stage of a job was reached, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timeline([Option<u64>; STAGES.len()]);

impl Timeline {
    pub(super) fn of_job(job: &Value) -> Self {
        Self(STAGES.map(|stage| job.pointer(&format!("/timeline/{stage}_ms")).and_then(Value::as_u64)))
    }
}

/// `accepted → sent 12 ms → received 43 ms → …`: milliseconds since the first stage; what nobody reported is left out.
///
/// A stage may seem to come before the one that led to it: a queue may deliver a message before it has answered who
/// sent it, and edge and worker have clocks of their own.
impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known = STAGES.iter().zip(self.0).filter_map(|(stage, at)| Some((*stage, at?)));
        let Some((first, since)) = known.next() else { return Ok(()) };
        write!(f, "{first}")?;
        for (stage, at) in known {
            write!(f, " → {stage} {} ms", at.cast_signed() - since.cast_signed())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_timeline_reads_from_stage_to_stage() {
        let timeline = |json: Value| Timeline::of_job(&json!({"timeline": json})).to_string();
        assert_eq!(
            timeline(
                json!({"accepted_ms": 100, "sent_ms": 112, "received_ms": 143, "started_ms": 150, "finished_ms": 340})
            ),
            "accepted → sent 12 ms → received 43 ms → started 50 ms → finished 240 ms"
        );
        assert_eq!(
            timeline(json!({"accepted_ms": 100, "sent_ms": 99, "received_ms": null, "finished_ms": 200})),
            "accepted → sent -1 ms → finished 100 ms"
        );
        assert_eq!(timeline(json!({"accepted_ms": 5})), "accepted");
        assert_eq!(timeline(json!({})), "");
    }
}

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

/// `accepted → 12 ms → sent → 31 ms → … finished (240 ms in all)`; what was not told is left out.
///
/// A step may come out a little below zero: edge and worker have clocks of their own, and a queue may deliver a message
/// before it has answered who sent it.
impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<(&str, u64)> = STAGES.iter().zip(self.0).filter_map(|(stage, at)| Some((*stage, at?))).collect();
        let mut before: Option<u64> = None;
        for (stage, at) in &known {
            match before {
                None => write!(f, "{stage}")?,
                Some(before) => write!(f, " →{} ms→ {stage}", at.cast_signed() - before.cast_signed())?,
            }
            before = Some(*at);
        }
        if let (Some((_, first)), Some((_, last))) = (known.first(), known.last())
            && known.len() > 1
        {
            write!(f, "  ({} ms in all)", last.cast_signed() - first.cast_signed())?;
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
            "accepted →12 ms→ sent →31 ms→ received →7 ms→ started →190 ms→ finished  (240 ms in all)"
        );
        assert_eq!(
            timeline(json!({"accepted_ms": 100, "sent_ms": 99, "received_ms": null, "finished_ms": 200})),
            "accepted →-1 ms→ sent →101 ms→ finished  (100 ms in all)"
        );
        assert_eq!(timeline(json!({"accepted_ms": 5})), "accepted");
        assert_eq!(timeline(json!({})), "");
    }
}

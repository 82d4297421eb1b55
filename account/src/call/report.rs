//! A worker's report, and whom it concerns.

use std::collections::BTreeMap;

use forebay_admission::Refusal;
use forebay_contract::{ProblemCode, Report, ReportEvent, ShardKey, report::MAX_EVENTS};

/// The longest name of a worker.
const MAX_WORKER_CHARS: usize = 128;

/// Reads a report and holds it to its bounds; its signature was checked before.
pub fn read(bytes: &[u8]) -> Result<Report, Refusal> {
    let report: Report = serde_json::from_slice(bytes).map_err(|error| {
        let what: String = error.to_string().chars().take(200).collect();
        Refusal::new(ProblemCode::MalformedJson, what)
    })?;
    let invalid = |detail: String| Err(Refusal::new(ProblemCode::InvalidField, detail));
    if report.events.len() > MAX_EVENTS {
        return invalid(format!("`events` has {} entries; allowed are {MAX_EVENTS}", report.events.len()));
    }
    if report.worker.chars().count() > MAX_WORKER_CHARS {
        return invalid(format!("`worker` may have at most {MAX_WORKER_CHARS} characters"));
    }
    Ok(report)
}

/// The events of each object, still oldest first.
pub fn by_shard(events: Vec<ReportEvent>) -> BTreeMap<ShardKey, Vec<ReportEvent>> {
    let mut shards: BTreeMap<ShardKey, Vec<ReportEvent>> = BTreeMap::new();
    for event in events {
        shards.entry(event.job_id.shard()).or_default().push(event);
    }
    shards
}

#[cfg(test)]
mod tests {
    use forebay_contract::{EventKind, JobId};

    use super::*;

    fn event(account: &str, at_ms: u64) -> ReportEvent {
        let job_id = JobId::new(1, [0; 10], ShardKey::new(account, 0));
        ReportEvent { job_id, attempt: 1, at_ms, kind: EventKind::Received }
    }

    #[test]
    fn events_are_grouped_by_object_in_order() {
        let shards = by_shard(vec![event("a", 1), event("b", 2), event("a", 3)]);
        let times = |account| shards[&ShardKey::new(account, 0)].iter().map(|event| event.at_ms).collect::<Vec<_>>();
        assert_eq!((times("a"), times("b")), (vec![1, 3], vec![2]));
    }

    #[test]
    fn reports_are_bounded() {
        let report = |events, worker: &str| {
            let report = Report { worker: worker.to_owned(), events: vec![event("a", 1); events] };
            read(&serde_json::to_vec(&report).unwrap()).map(|_| ()).map_err(|refusal| refusal.code)
        };
        assert_eq!(report(100, "w"), Ok(()));
        assert_eq!(report(101, "w"), Err(ProblemCode::InvalidField));
        assert_eq!(report(1, &"w".repeat(129)), Err(ProblemCode::InvalidField));
        assert_eq!(read(b"{}").unwrap_err().code, ProblemCode::MalformedJson);
    }
}

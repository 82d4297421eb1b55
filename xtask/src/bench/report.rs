use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};
use forebay_contract::{EventKind, JobId, Report, ReportEvent, SIGNATURE_HEADER, report, sign};

use crate::stack::Http;

/// As `edge/bench/config.capnp` has it.
const SECRET: &str = "bench-bench-bench-bench-bench-bench";

/// Tells the edge what no worker said: one event of a job's first attempt.
pub(super) fn report(http: &Http, edge: SocketAddr, job_id: JobId, kind: EventKind) -> Result<()> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let event = ReportEvent { job_id, attempt: 1, at_ms: now_ms, kind };
    let body = serde_json::to_vec(&Report { worker: "bench".to_owned(), events: vec![event] })?;
    let signature = sign(SECRET.as_bytes(), now_ms, &body);
    let headers = [("content-type", "application/json"), (SIGNATURE_HEADER, signature.as_str())];
    let answer = http.post(&format!("http://{edge}{}", report::PATH), &headers, &body)?;
    ensure!(answer.status == 200, "the edge took no report: {}", answer.text());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_signed_with_what_the_measured_edge_knows() {
        let config = include_str!("../../../edge/bench/config.capnp");
        assert!(config.contains(&format!("(name = \"REPORT_SECRET\", text = \"{SECRET}\")")));
    }
}

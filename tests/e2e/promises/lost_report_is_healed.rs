//! With every report lost, each client still gets its result, each failure is still told, and what ran is billed.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    stack::{Hall, Options, fixture, free_port},
    whole_day::begins_clear_of_midnight,
};

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let mut stack = hall.own("lost", &Options { reconcile_after_ms: Some(1_000), ..Options::default() })?;
    let client = stack.client("lost_report_is_healed")?;

    // A worker that reports to where nobody listens.
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    stack.start_worker(&["--edge-url", &nowhere])?;

    let image = fixture("coffee.png")?;
    let half = image.get(..image.len() / 2).unwrap_or_default();
    let bad = client.submit_bare("efficientnet-lite0", "image/png", half)?.expect(202)?.json()?;
    let good = client.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": 3}}))?;

    let done = client.finished(&good)?;
    ensure!(done["status"] == "succeeded", "{done}");
    ensure!(done["timeline"]["started_ms"].is_null(), "a report came through: nothing was shown: {done}");
    ensure!(client.result(&good)?.body.starts_with(b"\x89PNG"));
    let device_ms = done["device_ms"].as_f64().with_context(|| format!("nobody knows what it took: {done}"))?;
    let usage = client.get("/v1/usage")?.expect(200)?.json()?;
    ensure!(device_ms > 0.0 && usage["days"][0]["device_ms"] == device_ms, "{usage}, {done}");
    let failed = client.finished(&bad)?;
    ensure!(failed["status"] == "failed" && failed["failure"]["code"] == "image-undecodable", "{failed}");
    Ok(())
}

//! How a job stands, in a line for people.

use forebay::{EtaMs, Job, JobStatus};

/// Such as `queued in paid-light, position 3, done in 4 s (p90 9 s)`. Nothing in it can move the cursor.
pub(crate) fn line(job: &Job) -> String {
    let mut line = match job.status {
        JobStatus::Queued => queued(job),
        JobStatus::Running => match job.progress.filter(|progress| progress.total > 0) {
            Some(progress) => format!("running, {} of {}", progress.done, progress.total),
            None => "running".to_owned(),
        },
        JobStatus::Succeeded if job.cached => "succeeded, from the cache".to_owned(),
        JobStatus::Succeeded => match took_ms(job) {
            Some(took_ms) => format!("succeeded in {}", span(took_ms)),
            None => "succeeded".to_owned(),
        },
        JobStatus::Failed => format!("failed: {}", why(job)),
        status => status.name().to_owned(),
    };
    if job.attempt > 1 {
        line.push_str(&format!(", attempt {}", job.attempt));
    }
    if let Some(served) = job.served_model.as_deref().filter(|_| job.degraded) {
        line.push_str(&format!(", answered by {served}"));
    }
    line.replace(char::is_control, " ")
}

fn queued(job: &Job) -> String {
    let Some(queue) = &job.queue else { return "queued".to_owned() };
    let mut line = "queued".to_owned();
    // An older edge names the lane beside the queue alone.
    let lane = Some(queue.lane.as_str()).filter(|lane| !lane.is_empty()).or(job.lane.as_deref());
    if let Some(lane) = lane {
        line.push_str(&format!(" in {lane}"));
    }
    if let Some(position) = queue.position {
        line.push_str(&format!(", position {position}"));
    }
    if let Some(eta) = queue.eta_ms {
        line.push_str(&format!(", done in {}", forecast(eta)));
    }
    line
}

/// Such as `4 s (p90 9 s)`: as likely sooner as later, and sooner than the second in nine cases of ten.
fn forecast(eta: EtaMs) -> String {
    let (p50, p90) = (span(eta.p50 as u64), span(eta.p90 as u64));
    if p50 == p90 || eta.p90 <= eta.p50 { p50 } else { format!("{p50} (p90 {p90})") }
}

/// Why a job did not succeed: `detail (code)`.
pub(crate) fn why(job: &Job) -> String {
    match &job.failure {
        Some(failure) if failure.detail.is_empty() => failure.code.clone(),
        Some(failure) => format!("{} ({})", failure.detail, failure.code),
        None => job.status.name().to_owned(),
    }
}

fn took_ms(job: &Job) -> Option<u64> {
    Some(job.timeline.finished_ms?.saturating_sub(job.timeline.accepted_ms?))
}

/// A span of time in two digits or so: `850 ms`, `4.2 s`, `3 min`, `2 h`, `5 d`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..9_950 => format!("{:.1} s", ms as f64 / 1e3),
        9_950..120_000 => format!("{} s", (ms + 500) / 1_000),
        120_000..7_200_000 => format!("{} min", (ms + 30_000) / 60_000),
        7_200_000..172_800_000 => format!("{} h", (ms + 1_800_000) / 3_600_000),
        _ => format!("{} d", (ms + 43_200_000) / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(mut job: Value, expect: &str) {
        job["id"] = json!("job_1");
        assert_eq!(line(&serde_json::from_value(job).unwrap()), expect);
    }

    #[test]
    fn a_job_in_a_line() {
        check(json!({"status": "queued"}), "queued");
        check(json!({"status": "queued", "queue": null}), "queued");
        let queue = json!({"lane": "paid-light", "position": 3, "eta_ms": {"p50": 4200, "p90": 9000}});
        check(
            json!({"status": "queued", "queue": queue}),
            "queued in paid-light, position 3, done in 4.2 s (p90 9.0 s)",
        );
        let older = json!({"position": 3, "eta_ms": {"p50": 4200, "p90": 4200}});
        check(json!({"status": "queued", "queue": older}), "queued, position 3, done in 4.2 s");
        check(
            json!({"status": "queued", "lane": "free-light", "queue": older}),
            "queued in free-light, position 3, done in 4.2 s",
        );
        check(json!({"status": "running", "progress": {"done": 12, "total": 50}}), "running, 12 of 50");
        check(json!({"status": "running", "progress": null, "attempt": 2}), "running, attempt 2");
        check(
            json!({"status": "succeeded", "timeline": {"accepted_ms": 1000, "finished_ms": 1850}}),
            "succeeded in 850 ms",
        );
        check(json!({"status": "succeeded", "cached": true}), "succeeded, from the cache");
        check(
            json!({"status": "succeeded", "degraded": true, "served_model": "small@1"}),
            "succeeded, answered by small@1",
        );
        check(
            json!({"status": "failed", "failure": {"code": "image-undecodable", "detail": "it is cut\u{1b}[2J"}}),
            "failed: it is cut [2J (image-undecodable)",
        );
        check(json!({"status": "paused"}), "unknown");
    }

    #[test]
    fn spans_have_two_digits_or_so() {
        for (ms, expect) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (119_999, "120 s"),
            (120_000, "2 min"),
            (7_199_999, "120 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(span(ms), expect);
        }
    }
}

//! A job that would be late is refused at once, with a deadline that can be met; what is no deadline is refused too.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    client::{Answer, Client, Request, poll},
    guarded::SLOW_MS,
    stack::{Hall, now_ms, words},
};

/// A little time passes between two requests.
const SLACK_MS: u64 = 5_000;
/// A deadline before such a job can be done, and not over when the edge looks at it.
const TOO_SOON_MS: u64 = SLOW_MS - 1_000;
const DAY_MS: u64 = 86_400_000;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.guarded()?;
    let client = stack.new_client("late-jobs", "free")?;

    // As JSON and as a query.
    for form in [in_json, in_query] {
        let before_ms = now_ms()?;
        let refused = form(&client, 0, &(before_ms + TOO_SOON_MS).to_string())?;
        let earliest_ms = earliest(&refused)?;
        ensure!(earliest_ms >= before_ms + SLOW_MS, "{earliest_ms} is too early for a job of {SLOW_MS} ms");
        ensure!(refused.expect_problem(422, "deadline-infeasible")?["retryable"] == false, "{refused:?}");

        let mut bad = ["0", "1", "-5", "1.5", "1e12", "999999999999999999999"].map(str::to_owned).to_vec();
        bad.extend([before_ms - 1, now_ms()? + 31 * DAY_MS].map(|ms| ms.to_string()));
        for deadline in bad {
            form(&client, 0, &deadline)?.expect_problem(422, "invalid-deadline").with_context(|| deadline)?;
        }
    }
    for word in ["\"tomorrow\"", "true", "[]", "\"\""] {
        in_json(&client, 0, word)?.expect_problem(422, "invalid-deadline").with_context(|| word)?;
    }
    for word in ["tomorrow", ""] {
        in_query(&client, 0, word)?.expect_problem(422, "invalid-deadline").with_context(|| word)?;
    }
    ensure!(client.used("in-flight")? == 0, "a refusal left a job");

    // What was said can be met: that very deadline, but for the time that has passed.
    for (n, form) in [(1, in_json as Form), (2, in_query as Form)] {
        poll("what was said is true", || {
            let earliest_ms = earliest(&form(&client, n, &(now_ms()? + TOO_SOON_MS).to_string())?)?;
            let answer = form(&client, n, &(earliest_ms + SLACK_MS).to_string())?;
            // The lane may have counted another job between the two.
            Ok(if answer.status == 202 { Ok(()) } else { Err(answer) })
        })?;
        // The next one comes after it.
        poll("the lane's backlog is known", || {
            let now_ms = now_ms()?;
            let next_ms = earliest(&form(&client, 9, &(now_ms + TOO_SOON_MS).to_string())?)? - now_ms;
            let enough = next_ms >= (n as u64 + 1) * SLOW_MS;
            Ok(if enough { Ok(()) } else { Err(next_ms) })
        })?;
    }
    // No deadline is no question.
    in_json(&client, 3, "null")?.expect(202)?;
    Ok(())
}

type Form = fn(&Client, usize, &str) -> Result<Answer>;

fn in_json(client: &Client, n: usize, deadline: &str) -> Result<Answer> {
    // As text: not all of these are numbers that JSON libraries keep as they are.
    let body = format!(r#"{{"model":"slow","input":{{"text":"{}"}},"deadline_ms":{deadline}}}"#, words(n, 5));
    let headers = [("content-type", "application/json")];
    client.send(&Request { method: "POST", path: "/v1/jobs", headers: &headers, body: Some(body.as_bytes()) })
}

fn in_query(client: &Client, n: usize, deadline: &str) -> Result<Answer> {
    let path = format!("/v1/models/slow/jobs?deadline_ms={deadline}");
    let (headers, body) = ([("content-type", "text/plain")], words(n, 5));
    client.send(&Request { method: "POST", path: &path, headers: &headers, body: Some(body.as_bytes()) })
}

fn earliest(refused: &Answer) -> Result<u64> {
    let problem: Value = refused.expect_problem(422, "deadline-infeasible")?;
    problem["earliest_feasible_ms"].as_u64().with_context(|| format!("no time in {problem}"))
}

//! The edge says whether jobs get through: queue, bucket, and a worker that was heard of; and whoever asks often costs
//! nothing.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, poll},
    stack::{Hall, Infra, Options, free_port},
};

/// Far more than there are looks in the time that they take.
const ASKED: usize = 100;

pub fn check(hall: &Hall) -> Result<()> {
    let mut stack = hall.own("ready", &Options::default())?;
    let anybody = Client::new(&stack.origin(), None);
    let health = anybody.get("/healthz")?.expect(200)?.json()?;
    ensure!(health["configured"] == true && health["status"] == "ok", "{health}");

    // Nobody works here yet.
    let alone = poll("it was looked", || {
        let answer = anybody.get("/readyz")?.expect(503)?;
        let ready = answer.json()?;
        ensure!(answer.retry_after_s()? >= 1, "{answer:?}");
        Ok(if ready["looked_ms"].is_u64() { Ok(ready) } else { Err(ready) })
    })?;
    let parts = |ready: &Value| ["configured", "queue", "bucket", "worker"].map(|part| ready[part] == true);
    ensure!(parts(&alone) == [true, true, true, false], "{alone}");
    ensure!(alone["status"] == "not-ready" && alone["worker_heard_ms"].is_null(), "{alone}");

    // An idle worker says that it is there.
    stack.start_worker(&[])?;
    let ready = poll("a worker is heard of", || {
        let answer = anybody.get("/readyz")?;
        Ok(if answer.status == 200 { Ok(answer.json()?) } else { Err(answer) })
    })?;
    ensure!(parts(&ready) == [true; 4] && ready["status"] == "ready", "{ready}");

    let before = looks(&stack.logs()?)?;
    for _ in 0..ASKED {
        anybody.get("/readyz")?.expect(200)?;
    }
    let asked = poll("the requests are in the log", || {
        let found = looks(&stack.logs()?)?;
        Ok(if found.0 >= before.0 + ASKED { Ok(found) } else { Err(found) })
    })?;
    let looked = asked.1 - before.1;
    ensure!(looked <= ASKED as u64 / 4, "{ASKED} requests looked {looked} times");

    // A queue that is away is missed.
    let nobody = format!("127.0.0.1:{}", free_port()?).parse()?;
    let severed =
        hall.own("ready-severed", &Options { queues: Some(nobody), infra: Infra::Common, ..Options::default() })?;
    let severed = poll("it was looked", || {
        let ready = Client::new(&severed.origin(), None).get("/readyz")?.expect(503)?.json()?;
        Ok(if ready["looked_ms"].is_u64() { Ok(ready) } else { Err(ready) })
    })?;
    ensure!(parts(&severed) == [true, false, true, false], "{severed}");
    ensure!(
        severed
            == json!({"looked_ms": severed["looked_ms"], "status": "not-ready", "configured": true,
        "queue": false, "bucket": true, "worker": false, "worker_heard_ms": null}),
        "{severed}"
    );
    Ok(())
}

/// How many requests for readiness there are in a log, and how many objects they asked.
fn looks(log: &str) -> Result<(usize, u64)> {
    let lines = log.lines().filter(|line| line.contains(r#""route":"/readyz""#));
    let asked = lines.map(|line| {
        let line: Value = serde_json::from_str(line)?;
        line["objects"].as_u64().context("no objects")
    });
    let asked = asked.collect::<Result<Vec<u64>>>()?;
    Ok((asked.len(), asked.iter().sum()))
}

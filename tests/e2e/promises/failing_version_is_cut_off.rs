//! A model version that fails is asked no more for a while: callers get the stable one, or are told to come back; good
//! outcomes bring it back.

use std::cell::Cell;

use anyhow::{Result, ensure};
use forebay_contract::{EventKind, FailureCode};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, poll},
    stack::{Hall, Stack, words},
};

/// So many outcomes say something; fewer say nothing, so that each of these still gets the version that fails.
const ENOUGH: usize = 10;
/// More than the probes of a breaker that is half-open.
const IN_A_ROW: u32 = 8;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.guarded()?;
    let caller = Caller { stack, client: stack.new_client("failing-version", "pro")?, count: Cell::new(0) };

    // The canary has everybody, and fails.
    for _ in 0..ENOUGH {
        let job = caller.submit("shaky", None)?.expect(202)?.json()?;
        ensure!(job["version"] == "2", "{job}");
        caller.end(&job, false)?;
    }
    // Who asks for that version gets it or nothing.
    let refused = caller.cut_off("shaky", Some("2"))?;
    ensure!(refused.retry_after_s()? >= 1, "{refused:?}");
    // Everybody else gets the stable one, and sees it.
    poll("the stable version answers", || {
        let job = caller.submit("shaky", None)?.expect(202)?.json()?;
        if job["version"] == "2" {
            caller.end(&job, false)?;
            return Ok(Err(job));
        }
        ensure!(job["version"] == "1" && job["served_model"] == "shaky@1", "{job}");
        Ok(Ok(()))
    })?;
    let foreseen = poll("a plan says why", || {
        let foreseen = caller.client.foretold(&caller.job("shaky"))?;
        if foreseen["because"] == "fallback" {
            return Ok(Ok(foreseen));
        }
        // The first opening lasts two seconds: when they are over, it takes another failure, and the next lasts longer.
        let job = caller.submit("shaky", None)?.expect(202)?.json()?;
        if job["version"] == "2" {
            caller.end(&job, false)?;
        }
        Ok(Err(foreseen))
    })?;
    ensure!(foreseen["version"] == "1", "{foreseen}");

    // Where there is nothing to fall back to, callers are told when to come back.
    let key = [("idempotency-key", "before-it-failed")];
    let question = caller.job("lonely");
    let before = caller.client.submit_with(&question, &key)?.expect(202)?.json()?;
    for _ in 0..ENOUGH {
        let job = caller.submit("lonely", None)?.expect(202)?.json()?;
        caller.end(&job, false)?;
    }
    let refused = caller.cut_off("lonely", None)?;
    ensure!(refused.retry_after_s()? >= 1, "{refused:?}");
    ensure!(refused.json()?["retryable"] == true, "{refused:?}");
    // What was taken before is told again, by its key and by being asked the same.
    for headers in [&key[..], &[]] {
        let again = caller.client.submit_with(&question, headers)?.expect(202)?.json()?;
        ensure!(again["id"] == before["id"], "asked again it became {again}");
    }

    // A model of the same lane that is well knows nothing of it.
    for _ in 0..5 {
        caller.submit("sturdy", None)?.expect(202)?;
    }

    who_is_well_again_is_asked_again(&caller)
}

/// Probes go well: it is asked again, first by a few, then by all.
fn who_is_well_again_is_asked_again(caller: &Caller<'_>) -> Result<()> {
    for model in ["shaky", "lonely"] {
        let well = Cell::new(0);
        poll("the version is asked again", || {
            let answer = caller.submit(model, None)?;
            let job = answer.json()?;
            let asked = answer.status == 202 && (model == "lonely" || job["version"] == "2");
            if asked {
                caller.end(&job, true)?;
            }
            well.set(if asked { well.get() + 1 } else { 0 });
            Ok(if well.get() >= IN_A_ROW { Ok(()) } else { Err(answer) })
        })?;
    }
    caller.submit("shaky", Some("2"))?.expect(202)?;
    Ok(())
}

struct Caller<'a> {
    stack: &'a Stack,
    client: Client,
    count: Cell<usize>,
}

impl Caller<'_> {
    /// Another one each time.
    fn job(&self, model: &str) -> Value {
        self.count.set(self.count.get() + 1);
        json!({"model": model, "input": {"text": words(self.count.get(), 4)}})
    }

    fn submit(&self, model: &str, version: Option<&str>) -> Result<Answer> {
        let headers: Vec<_> = version.map(|version| ("x-model-version", version)).into_iter().collect();
        self.client.submit_with(&self.job(model), &headers)
    }

    /// The worker's word on a job.
    fn end(&self, job: &Value, well: bool) -> Result<()> {
        let kind = if well {
            EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 }
        } else {
            EventKind::Failed { code: FailureCode::ExecutionFailed, detail: "as the promise wants it".to_owned() }
        };
        self.stack.report(job, kind).map(drop)
    }

    /// The refusal, once the failures have been counted; what is taken until then fails too.
    fn cut_off(&self, model: &str, version: Option<&str>) -> Result<Answer> {
        poll("the version is cut off", || {
            let answer = self.submit(model, version)?;
            if answer.status == 202 {
                self.end(&answer.json()?, false)?;
                return Ok(Err(answer));
            }
            answer.expect_problem(503, "model-unavailable")?;
            Ok(Ok(answer))
        })
    }
}

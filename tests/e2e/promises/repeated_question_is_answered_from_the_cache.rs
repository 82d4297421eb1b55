//! A question that was answered is answered again at once, as its owner, its plan and the request's `Cache-Control` allow;
//! what never changes is not sent twice.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, Request, id, poll, text},
    stack::{Hall, Stack},
    whole_day::begins_clear_of_midnight,
};

pub fn check(hall: &Hall) -> Result<()> {
    begins_clear_of_midnight()?;
    let stack = hall.shared()?;
    hits_are_whole_and_cost_what_the_plan_says(stack)?;
    clients_may_want_it_fresh(stack)?;
    what_is_not_to_be_stored_is_not(stack)?;
    others_see_what_may_be_shared_alone(stack)?;
    what_is_known_is_not_sent_again(stack)
}

/// A text of this promise alone.
fn embed(what: &str) -> Value {
    json!({"model": "all-minilm-l6-v2", "input": {"text": format!("Asked again, {what}.")}})
}

/// Runs a job to its end and fetches its result.
fn answered(client: &Client, job: &Value) -> Result<(Value, Answer)> {
    let job = client.accepted(job)?;
    let result = client.result(&job)?;
    Ok((job, result))
}

fn hit(client: &Client, job: &Value) -> Result<Value> {
    let answer = client.submit(job)?.expect(200)?;
    let age = answer.must("age")?;
    ensure!(age.parse::<u64>().is_ok_and(|age_s| age_s < 90), "Age is {age}");
    let hit = answer.json()?;
    ensure!(hit["cached"] == true && hit["status"] == "succeeded", "{hit}");
    Ok(hit)
}

fn hits_are_whole_and_cost_what_the_plan_says(stack: &Stack) -> Result<()> {
    // The shipped plans: `free` gives hits away, `pro` counts them.
    for (plan, limit, is_free) in [("free", "daily", true), ("pro", "monthly", false)] {
        let client = stack.new_client(&format!("asks-again-{plan}"), plan)?;
        let question = embed(plan);
        let job = client.accepted(&question)?;
        client.finished(&job)?;
        let cost = job["cost_ms"].as_u64().context("no cost")?;
        let expect = if is_free { cost } else { 2 * cost };

        // Nobody has fetched the result yet: the account's own object knows of it.
        let again = hit(&client, &question)?;
        ensure!(id(&again)? == id(&job)?, "{again}");
        let used = client.used(limit)?;
        ensure!(used == expect, "{plan}: {used} are used after a job of {cost} and a hit");

        let result = client.result(&job)?.json()?;
        let mut hits = 1;
        // The cache is filled behind the answer's back.
        let again = poll("the result comes along", || {
            hits += 1;
            let again = hit(&client, &question)?;
            Ok(if again["result"] == result { Ok(again) } else { Err(again) })
        })?;
        let (used, expect) = (client.used(limit)?, if is_free { cost } else { (1 + hits) * cost });
        ensure!(used == expect, "{plan}: {used} are used after a job of {cost} and {hits} hits");
        let behind = client.get(text(&again, "result_url")?)?.expect(200)?.json()?;
        ensure!(behind == result, "{plan}: another result behind the link");
        // Whoever answered, it is in the account's usage.
        poll("every hit is counted", || {
            let usage = client.get("/v1/usage")?.expect(200)?.json()?;
            let rows = usage["days"].as_array().with_context(|| format!("no rows in {usage}"))?;
            let cached: u64 = rows.iter().filter_map(|row| row["cached"].as_u64()).sum();
            Ok(if cached == hits { Ok(()) } else { Err(usage) })
        })?;
    }
    Ok(())
}

fn clients_may_want_it_fresh(stack: &Stack) -> Result<()> {
    let client = stack.new_client("asks-afresh", "free")?;
    let (job, result) = answered(&client, &embed("afresh"))?;
    let fresh = client.submit_with(&embed("afresh"), &[("cache-control", "no-cache")])?.expect(202)?.json()?;
    ensure!(id(&fresh)? != id(&job)? && fresh["cached"] == false, "{fresh}");
    ensure!(client.result(&fresh)?.body == result.body, "a deterministic model changed its mind");
    hit(&client, &embed("afresh"))?;
    Ok(())
}

fn what_is_not_to_be_stored_is_not(stack: &Stack) -> Result<()> {
    let client = stack.new_client("stores-nothing", "free")?;
    let no_store = [("cache-control", "no-store")];
    let secret = client.submit_with(&embed("in confidence"), &no_store)?.expect(202)?.json()?;
    client.result(&secret)?;
    // Neither the account's object nor the cache answers with it, whoever asks.
    let open = client.submit(&embed("in confidence"))?.expect(202)?.json()?;
    ensure!(id(&open)? != id(&secret)? && open["cached"] == false, "{open}");
    client.result(&open)?;
    hit(&client, &embed("in confidence"))?;
    let secret = client.submit_with(&embed("in confidence"), &no_store)?.expect(202)?.json()?;
    ensure!(id(&secret)? != id(&open)?, "{secret}");
    client.result(&secret).map(|_| ())
}

fn others_see_what_may_be_shared_alone(stack: &Stack) -> Result<()> {
    let (one, other) = (stack.new_client("cache-one", "free")?, stack.new_client("cache-other", "free")?);
    let (job, _) = answered(&one, &embed("by one"))?;
    let theirs = other.submit(&embed("by one"))?.expect(202)?.json()?;
    ensure!(theirs["cached"] == false && id(&theirs)? != id(&job)?, "{theirs}");
    other.get(&format!("/v1/jobs/{}/result", id(&job)?))?.expect_problem(404, "job-not-found")?;

    // What a seed draws is nobody's own.
    let faces = json!({"model": "dcgan-faces", "parameters": {"seed": 77_077, "count": 2}});
    let (job, picture) = answered(&one, &faces)?;
    // The cache is filled behind the answer's back; who asks what it would come to fills nothing.
    poll("others are told that it is there", || {
        let foretold = other.foretold(&faces)?;
        Ok(if foretold["decision"] == "cached" { Ok(()) } else { Err(foretold) })
    })?;
    let theirs = hit(&other, &faces)?;
    ensure!(id(&theirs)? != id(&job)? && theirs.get("result").is_none(), "{theirs}");
    ensure!(other.result(&theirs)?.body == picture.body, "another picture");
    Ok(())
}

fn what_is_known_is_not_sent_again(stack: &Stack) -> Result<()> {
    let client = stack.new_client("knows-it", "free")?;
    let (job, result) = answered(&client, &embed("to be known"))?;
    let path = format!("/v1/jobs/{}/result", id(&job)?);
    let etag = result.must("etag")?;
    for (tags, status) in [(etag, 304), ("\"other\"", 200), (&*format!("\"other\", {etag}"), 304), ("*", 304)] {
        let answer = conditional(&client, &path, tags)?.expect(status)?;
        is_tagged(&answer, etag, "private, max-age=31536000, immutable")?;
        ensure!((status == 304) == answer.body.is_empty(), "a body of {} bytes", answer.body.len());
    }
    // The listing says how long a job would take, which may change between two requests; then it has another tag.
    let models = poll("a listing that has not changed is not sent again", || {
        let models = client.get("/v1/models")?.expect(200)?;
        let again = conditional(&client, "/v1/models", models.must("etag")?)?;
        is_tagged(&again, again.must("etag")?, "private, max-age=60")?;
        Ok(if again.status == 304 && again.body.is_empty() { Ok(models) } else { Err(again) })
    })?;
    ensure!(models.json()?["models"][0]["eta_ms"]["p90"].as_u64() >= Some(1), "{models:?}");
    conditional(&client, "/v1/models", "\"other\"")?.expect(200)?;
    conditional(&client, "/v1/models", "*")?.expect(304)?;
    ensure!(models.must("vary")?.eq_ignore_ascii_case("authorization"), "{models:?}");
    let paid = stack.new_client("knows-it-paid", "pro")?.get("/v1/models")?;
    ensure!(paid.must("etag")? != models.must("etag")?, "two plans, one tag");
    Ok(())
}

fn conditional(client: &Client, path: &str, tags: &str) -> Result<Answer> {
    client.send(&Request { method: "GET", path, headers: &[("if-none-match", tags)], body: None })
}

fn is_tagged(answer: &Answer, etag: &str, cache_control: &str) -> Result<()> {
    ensure!(etag.starts_with('"') && etag.ends_with('"'), "no strong tag: {etag}");
    ensure!(answer.must("etag")? == etag && answer.must("cache-control")? == cache_control, "{answer:?}");
    Ok(())
}

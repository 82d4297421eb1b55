//! Targets that hang, send elsewhere, answer garbage or want nothing more cost a bounded time, are told of by name, and hold
//! nobody else up; no target leads into a private network; and what is pending outlives the edge.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, id, poll, text},
    receiver::{Manner, Receiver},
    stack::{Hall, Infra, Options, Stack, free_port},
    web_server::WebServer,
};

const HOOKS: &str = "/v1/webhooks";
const TIMEOUT_MS: u64 = 1_500;

pub fn check(hall: &Hall) -> Result<()> {
    // Every name leads to the same place, which may become another.
    let public = Arc::new(AtomicBool::new(false));
    let leads_outside = Arc::clone(&public);
    let resolver = WebServer::start(move |_| {
        resolved(if leads_outside.load(Ordering::Relaxed) { "9.9.9.9" } else { "10.0.0.7" })
    })?;
    let variables = BTreeMap::from([
        ("WEBHOOK_RESOLVER_URL".to_owned(), resolver.url("/dns-query")),
        ("WEBHOOK_TIMEOUT_MS".to_owned(), TIMEOUT_MS.to_string()),
    ]);
    let mut stack = hall.own("webhooks", &Options { infra: Infra::Common, variables, ..Options::default() })?;
    let client = stack.client("webhook_targets_are_bounded")?;

    nothing_leads_inside(&client)?;
    public.store(true, Ordering::Relaxed);
    let moved = hook(&client, "https://hooks.acme.com/in")?;
    public.store(false, Ordering::Relaxed);

    let good = Receiver::start(Manner::Status(200))?;
    let hanging = Receiver::start(Manner::Hang)?;
    let elsewhere = Receiver::start(Manner::Redirect(good.url("/elsewhere")))?;
    let garbling = Receiver::start(Manner::Garbage)?;
    let endless = Receiver::start(Manner::Endless)?;
    let leaving = Receiver::start(Manner::Status(410))?;
    let failing = Receiver::start(Manner::Status(500))?;
    let nobody = format!("http://127.0.0.1:{}/in", free_port()?);
    // Those that cost time come first: they hold nobody up.
    let [hang, elsewhere, garbage, endless, gone, fails] =
        [&hanging, &elsewhere, &garbling, &endless, &leaving, &failing]
            .map(|receiver| hook(&client, &receiver.url("/in")));
    let (gone, fails) = (gone?, fails?);
    let (closed, well) = (hook(&client, &nobody)?, hook(&client, &good.url("/in"))?);

    let job = canceled(&client, 1)?;
    for (what, hook, state, status, error) in [
        ("good", &well, "delivered", json!(200), Value::Null),
        ("endless", &endless?, "delivered", json!(200), Value::Null),
        ("elsewhere", &elsewhere?, "pending", json!(307), json!("redirect")),
        ("garbage", &garbage?, "pending", Value::Null, json!("unreachable")),
        ("closed", &closed, "pending", Value::Null, json!("unreachable")),
        ("moved", &moved, "pending", Value::Null, json!("refused-address")),
        ("fails", &fails, "pending", json!(500), json!("status")),
        ("gone", &gone, "failed", json!(410), json!("status")),
        ("hang", &hang?, "pending", Value::Null, json!("timeout")),
    ] {
        // A good one may be too late for once on a slow machine: it is tried again.
        let delivery = poll(what, || {
            let delivery = latest(&client, hook)?;
            let last = &delivery["last"];
            let is_so = delivery["state"] == state && last["status"] == status && last["error"] == error;
            Ok(if last.is_object() && is_so { Ok(delivery) } else { Err(delivery) })
        })?;
        let last = &delivery["last"];
        ensure!(delivery["job_id"] == job["id"] && delivery["attempts"].as_u64() >= Some(1), "{what}: {delivery}");
        ensure!(delivery["next_attempt_ms"].is_u64() == (state == "pending"), "{what}: {delivery}");
        ensure!(what != "hang" || last["took_ms"].as_u64() >= Some(TIMEOUT_MS), "{delivery}");
    }
    ensure!(good.received().iter().all(|received| received.path == "/in"), "a redirect was followed");

    who_leaves_is_left_alone(&client, &gone, &leaving)?;

    what_waits_outlives_the_edge(&mut stack, &client)
}

/// The edge dies while a delivery waits for its next try.
fn what_waits_outlives_the_edge(stack: &mut Stack, client: &Client) -> Result<()> {
    let waiting = Receiver::start(Manner::Status(503))?;
    let waits = hook(client, &waiting.url("/in"))?;
    canceled(client, 3)?;
    let first = waiting.next(0)?;
    waiting.behave(Manner::Status(200));
    stack.kill_and_restart_edge()?;
    let again = waiting.next(1)?;
    ensure!(again.header("webhook-id") == first.header("webhook-id") && again.body == first.body, "{again:?}");
    poll("the log says so", || {
        let delivery = latest(client, &waits)?;
        Ok(if delivery["state"] == "delivered" { Ok(()) } else { Err(delivery) })
    })
}

fn hook(client: &Client, url: &str) -> Result<Value> {
    client.ask("POST", HOOKS, Some(&json!({"url": url})))?.expect(201)?.json()
}

/// A job that ends at once.
fn canceled(client: &Client, seed: u64) -> Result<Value> {
    let job = client.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": seed}}))?;
    client.cancel(&job)?;
    Ok(job)
}

fn latest(client: &Client, hook: &Value) -> Result<Value> {
    let log = client.get(&format!("{HOOKS}/{}/deliveries", id(hook)?))?.expect(200)?.json()?;
    Ok(log["deliveries"][0].clone())
}

/// What a resolver says of a name that is another's, which has this address.
fn resolved(address: &str) -> Value {
    let other = json!({"name": "other", "type": 1, "data": address});
    json!({"Status": 0, "Answer": [{"name": "any", "type": 5, "data": "other."}, other]})
}

fn nothing_leads_inside(client: &Client) -> Result<()> {
    for (url, word) in [
        ("hooks.acme.com/in", "absolute"),
        ("ftp://hooks.acme.com/", "HTTPS"),
        ("http://hooks.acme.com/", "HTTPS"),
        ("https://me:secret@hooks.acme.com/", "user"),
        ("https://hooks.acme.com:22/", "port 22"),
        ("https://10.0.0.1/", "private"),
        // The same address, as people write it who hope that nobody looks.
        ("https://167772161/", "10.0.0.1 is a private"),
        ("https://0x0a.0.0.1/", "10.0.0.1 is a private"),
        ("https://012.1/", "10.0.0.1 is a private"),
        ("https://10.0.0.1./", "private"),
        ("https://[::ffff:10.0.0.1]/", "IPv4"),
        ("https://[fd00::1]/", "private"),
        ("https://169.254.169.254/latest/meta-data/", "metadata"),
        ("https://metadata.google.internal/", "public"),
        ("https://router.local/", "public"),
        ("https://intranet/", "public"),
        // A name that looks like any other.
        ("https://hooks.acme.com/in", "10.0.0.7 is a private"),
    ] {
        let problem =
            client.ask("POST", HOOKS, Some(&json!({"url": url})))?.expect_problem(400, "webhook-target-refused")?;
        ensure!(text(&problem, "detail")?.contains(word), "{url}: {problem}");
    }
    Ok(())
}

/// 410 disables; what ends meanwhile is not told later, and what was told in vain is told again on request.
fn who_leaves_is_left_alone(client: &Client, hook: &Value, receiver: &Receiver) -> Result<()> {
    let path = format!("{HOOKS}/{}", id(hook)?);
    let disabled = poll("the webhook is disabled", || {
        let hook = client.get(&path)?.expect(200)?.json()?;
        Ok(if hook["enabled"] == false { Ok(hook) } else { Err(hook) })
    })?;
    ensure!(disabled["disabled_because"] == "gone", "{disabled}");
    let delivery = latest(client, hook)?;
    canceled(client, 2)?;
    let replay = format!("{path}/deliveries/{}/replay", id(&delivery)?);
    client.ask("POST", &replay, None)?.expect_problem(409, "webhook-disabled")?;
    client.ask("POST", &format!("{path}/test"), None)?.expect_problem(409, "webhook-disabled")?;

    receiver.behave(Manner::Status(200));
    let enabled = client.ask("PATCH", &path, Some(&json!({"enabled": true})))?.expect(200)?.json()?;
    ensure!(enabled["enabled"] == true && enabled["disabled_because"].is_null(), "{enabled}");
    client.ask("POST", &replay, None)?.expect(202)?;
    let again = receiver.next(1)?;
    ensure!(again.header("webhook-id") == id(&delivery)?, "{again:?}");
    Ok(())
}

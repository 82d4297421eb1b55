//! Whoever asks for it is told when a job ends, in a message that the official library of Standard Webhooks takes and
//! that nobody else can write; again on request, and through a change of keys.

use anyhow::{Context as _, Result, anyhow, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use forebay_contract::{EventKind, FailureCode};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use ureq::http::HeaderMap;

use crate::{
    client::{Client, id, poll, text},
    listener::Received,
    receiver::{Manner, Receiver},
    stack::{Hall, Stack, words},
};

const HOOKS: &str = "/v1/webhooks";
/// The most that an account may have.
const MOST: usize = 16;
/// How long it is until a job expires: not before a slow machine has taken it.
const EXPIRES_IN_MS: u64 = 4_000;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.guarded()?;
    let client = stack.client("webhooks_are_signed_and_delivered")?;
    let receiver = Receiver::start(Manner::Status(204))?;
    let url = receiver.url("/in?from=forebay");

    let made = client.ask("POST", HOOKS, Some(&json!({"url": url, "description": "Pager"})))?.expect(201)?;
    let hook = made.json()?;
    let path = format!("{HOOKS}/{}", id(&hook)?);
    ensure!(made.must("location")?.ends_with(&path), "{made:?}");
    ensure!(
        hook["enabled"] == true
            && hook["url"] == url.as_str()
            && hook["events"].as_array().is_some_and(|all| all.len() == 4)
    );
    let listed = client.get(HOOKS)?.expect(200)?.json()?;
    ensure!(listed["webhooks"][0]["id"] == hook["id"] && listed["webhooks"][0]["secret"].is_null(), "{listed}");

    every_end_is_delivered(stack, &client, &receiver, &hook)?;
    keys_change_without_a_gap(&client, &receiver, &hook)?;
    only_what_is_wanted_is_delivered(stack, &client, &receiver, &path)?;
    others_have_no_part_in_it(stack, &client, &path)?;

    for _ in 1..MOST {
        client.ask("POST", HOOKS, Some(&json!({"url": url, "events": ["job.expired"]})))?.expect(201)?;
    }
    client.ask("POST", HOOKS, Some(&json!({"url": url})))?.expect_problem(409, "too-many-webhooks")?;
    client.ask("DELETE", &path, None)?.expect(204)?;
    client.get(&path)?.expect_problem(404, "webhook-not-found")?;
    client.ask("POST", HOOKS, Some(&json!({"url": url})))?.expect(201)?;

    let log = stack.logs()?;
    for secret in [text(&hook, "secret")?, "from=forebay"] {
        ensure!(!log.contains(secret.trim_start_matches("whsec_")), "the log holds a secret");
    }
    Ok(())
}

/// How a job ends here.
enum End {
    Reported(EventKind),
    Canceled,
    /// Nobody begins it in time.
    Expired,
}

/// Every way in which a job ends, each once, each signed; and again when it is replayed.
fn every_end_is_delivered(stack: &Stack, client: &Client, receiver: &Receiver, hook: &Value) -> Result<()> {
    let (secret, public) = (text(hook, "secret")?, text(hook, "public_key")?);
    let succeeded = EventKind::Succeeded { media_type: "application/json".to_owned(), bytes: 2, device_ms: 1.0 };
    let failed = EventKind::Failed { code: FailureCode::OutOfMemory, detail: "too little".to_owned() };
    let ends = [
        (End::Reported(succeeded), "job.succeeded"),
        (End::Reported(failed), "job.failed"),
        (End::Canceled, "job.canceled"),
        (End::Expired, "job.expired"),
    ];
    let count = ends.len();
    for (number, (end, event)) in ends.into_iter().enumerate() {
        let wanted = json!({"model": "sturdy", "input": {"text": words(number, 5)}});
        let job = match end {
            End::Reported(end) => {
                let job = client.accepted(&wanted)?;
                stack.report(&job, EventKind::Started { batch_size: 1 })?;
                stack.report(&job, end)?;
                job
            }
            End::Canceled => client.cancel(&client.accepted(&wanted)?)?,
            End::Expired => client.accepted_due(&wanted, EXPIRES_IN_MS)?,
        };
        let received = receiver.next(number)?;
        ensure!(
            received.path == "/in?from=forebay" && received.header("content-type") == "application/json",
            "{received:?}"
        );
        verified(&received, secret, public)?;
        let (body, status_url) = (received.json()?, text(&job, "status_url")?);
        let data = &body["data"];
        ensure!(body["type"] == event && data["job_id"] == job["id"] && data["status_url"] == status_url, "{body}");
        ensure!(data["result_url"].is_string() == (event == "job.succeeded"), "{body}");
        ensure!(body["timestamp"].as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z')), "{body}");
        poll("the job's timeline says when somebody was told", || {
            let job = client.job(&job)?;
            Ok(if job["timeline"]["stages"]["webhook"].is_u64() { Ok(()) } else { Err(job) })
        })?;
    }
    // Nobody else can have written it.
    let received = receiver.next(0)?;
    let forged = Received { body: received.body.replace("succeeded", "failed"), ..received.clone() };
    ensure!(verified(&forged, secret, public).is_err(), "a forgery is taken");

    let (first, path) = (received.header("webhook-id"), format!("{HOOKS}/{}", id(hook)?));
    let replayed = client.ask("POST", &format!("{path}/deliveries/{first}/replay"), None)?.expect(202)?.json()?;
    ensure!(replayed["id"] == first && replayed["state"] == "pending", "{replayed}");
    let again = receiver.next(count)?;
    verified(&again, secret, public)?;
    ensure!(again.header("webhook-id") == first && again.body == received.body, "{again:?}");
    let delivery = poll("the log says so", || {
        let log = client.get(&format!("{path}/deliveries?limit=1"))?.expect(200)?.json()?;
        let older = client
            .get(&format!("{path}/deliveries?limit=100&cursor={}", text(&log, "cursor")?))?
            .expect(200)?
            .json()?;
        let oldest = older["deliveries"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        Ok(if oldest["state"] == "delivered" && oldest["attempts"] == 2 { Ok(oldest) } else { Err(older) })
    })?;
    ensure!(delivery["last"]["status"] == 204 && delivery["last"]["error"].is_null(), "{delivery}");
    ensure!(delivery["id"] == first && delivery["event"] == "job.succeeded" && delivery["next_attempt_ms"].is_null());
    client
        .ask("POST", &format!("{path}/deliveries/msg_{}/replay", "0".repeat(32)), None)?
        .expect_problem(404, "delivery-not-found")?;
    Ok(())
}

fn keys_change_without_a_gap(client: &Client, receiver: &Receiver, hook: &Value) -> Result<()> {
    let path = format!("{HOOKS}/{}", id(hook)?);
    let rotated = client.ask("POST", &format!("{path}/rotate"), None)?.expect(200)?.json()?;
    ensure!(rotated["secret"] != hook["secret"] && rotated["public_key"] != hook["public_key"], "the keys stay");
    ensure!(rotated["rotated_ms"].is_u64(), "no time of the rotation");
    let before = receiver.received().len();
    let test = client.ask("POST", &format!("{path}/test"), None)?.expect(202)?.json()?;
    ensure!(test["event"] == "webhook.test" && test["job_id"].is_null(), "{test}");
    let received = receiver.next(before)?;
    ensure!(received.header("webhook-id") == id(&test)? && received.json()?["type"] == "webhook.test", "{received:?}");
    for keys in [hook, &rotated] {
        verified(&received, text(keys, "secret")?, text(keys, "public_key")?)?;
    }
    let kinds: Vec<_> =
        received.header("webhook-signature").split(' ').filter_map(|one| one.split(',').next()).collect();
    ensure!(kinds == ["v1", "v1a", "v1", "v1a"], "{kinds:?}");
    Ok(())
}

fn only_what_is_wanted_is_delivered(stack: &Stack, client: &Client, receiver: &Receiver, path: &str) -> Result<()> {
    let change = json!({"events": ["job.failed"], "description": null});
    let changed = client.ask("PATCH", path, Some(&change))?.expect(200)?.json()?;
    ensure!(changed["events"] == change["events"] && changed["description"].is_null() && changed["secret"].is_null());
    let before = receiver.received().len();
    let unwanted = client.accepted(&json!({"model": "sturdy", "input": {"text": words(8, 5)}}))?;
    client.cancel(&unwanted)?;
    let job = client.accepted(&json!({"model": "sturdy", "input": {"text": words(9, 5)}}))?;
    stack.report(&job, EventKind::Started { batch_size: 1 })?;
    stack.report(&job, EventKind::Failed { code: FailureCode::OutOfMemory, detail: "too little".to_owned() })?;
    let received = receiver.next(before)?.json()?;
    ensure!(received["type"] == "job.failed" && received["data"]["job_id"] == job["id"], "{received}");

    let disabled = client.ask("PATCH", path, Some(&json!({"enabled": false})))?.expect(200)?.json()?;
    ensure!(disabled["enabled"] == false && disabled["disabled_because"] == "by_you", "{disabled}");
    client.ask("POST", &format!("{path}/test"), None)?.expect_problem(409, "webhook-disabled")?;
    Ok(())
}

fn others_have_no_part_in_it(stack: &Stack, client: &Client, path: &str) -> Result<()> {
    let nobody = Client::new(&stack.origin(), None);
    nobody.get(HOOKS)?.expect_problem(401, "missing-credentials")?;
    let stranger = stack.client("webhooks-of-somebody-else")?;
    ensure!(stranger.get(HOOKS)?.expect(200)?.json()?["webhooks"] == json!([]), "a stranger sees webhooks");
    for (method, path) in [("GET", path.to_owned()), ("DELETE", path.to_owned()), ("POST", format!("{path}/rotate"))] {
        stranger.ask(method, &path, None)?.expect_problem(404, "webhook-not-found")?;
    }
    client.get(path)?.expect(200)?;
    Ok(())
}

/// Checks `v1` as the official library does, and `v1a` as the specification says.
fn verified(received: &Received, secret: &str, public: &str) -> Result<()> {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name).parse()?);
    }
    let official = Webhook::new(secret).map_err(|error| anyhow!("the secret: {error}"))?;
    official.verify(received.body.as_bytes(), &headers).map_err(|error| anyhow!("v1: {error}"))?;

    let content =
        format!("{}.{}.{}", received.header("webhook-id"), received.header("webhook-timestamp"), received.body);
    let public = STANDARD.decode(public.strip_prefix("whpk_").context("no whpk_")?)?;
    let key = UnparsedPublicKey::new(&ED25519, public);
    let holds = |signature: &str| {
        let signature = signature.strip_prefix("v1a,").and_then(|text| STANDARD.decode(text).ok());
        signature.is_some_and(|signature| key.verify(content.as_bytes(), &signature).is_ok())
    };
    ensure!(received.header("webhook-signature").split(' ').any(holds), "v1a: no signature holds");
    Ok(())
}

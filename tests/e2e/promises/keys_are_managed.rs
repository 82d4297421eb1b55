//! The operator manages keys by the command line; a secret that was ended is refused at once, and told why.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, text},
    socket::Socket,
    stack::{ADMIN_TOKEN, Hall, Stack},
};

const ACCOUNT: &str = "keys_are_managed";
const KEYS: &str = "/internal/v1/keys";

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let forebay = Forebay { hall, stack };

    // A new key lets in; its secret stands alone on standard output.
    let made = forebay.run(&["create", "--account", ACCOUNT, "--plan", "pro", "--name", "laptop"])?;
    ensure!(made.status.success(), "{made:?}");
    let first = String::from_utf8(made.stdout)?.trim().to_owned();
    ensure!(first.starts_with("fb_") && first.len() == 46, "not a secret alone on standard output");
    ensure!(!String::from_utf8_lossy(&made.stderr).contains(&first), "the secret is written twice");
    expect_let_in(stack, &first)?;

    let listed = forebay.json(&["list", "--account", ACCOUNT])?;
    let key = listed["keys"].as_array().and_then(|keys| keys.iter().find(|key| key["name"] == "laptop"));
    let id = text(key.context("the new key is not listed")?, "id")?.to_owned();

    // During a rotation both secrets let in.
    let rotated = forebay.json(&["rotate", &id, "--grace", "1h"])?;
    let second = text(&rotated, "secret")?.to_owned();
    ensure!(rotated["id"] == id && second != first, "not another secret of the same key");
    expect_let_in(stack, &first)?;
    expect_let_in(stack, &second)?;

    // Without grace the older ones end at once.
    let third = text(&forebay.json(&["rotate", &id, "--grace", "0"])?, "secret")?.to_owned();
    for ended in [&first, &second] {
        expect_refused(stack, ended, "expired-credentials")?;
    }
    expect_let_in(stack, &third)?;

    // A list shows how each secret stands and holds none.
    let listed = forebay.json(&["list", "--account", ACCOUNT])?;
    let keys = listed["keys"].as_array().context("no keys")?;
    let states: Vec<_> = keys.iter().filter(|key| key["id"] == id).filter_map(|key| key["state"].as_str()).collect();
    ensure!(states.len() == 3 && states.iter().filter(|state| **state == "valid").count() == 1, "{listed}");
    ensure!(keys.iter().all(|key| key["account"] == ACCOUNT), "{listed}");
    let table = String::from_utf8(forebay.run(&["list"])?.stdout)?;
    for secret in [&first, &second, &third] {
        ensure!(!listed.to_string().contains(secret) && !table.contains(secret), "a list holds a secret");
    }

    // Revoked is refused at once and stays so; who listens by it hears no more.
    let mut socket = Socket::open(stack, "/v1/events", &[("authorization", &format!("Bearer {third}"))])?;
    ensure!(forebay.json(&["revoke", &id])?["revoked"] == true, "not revoked");
    ensure!(socket.hear_end()? == 1008, "a revoked key's socket stays open");
    expect_refused(stack, &third, "revoked-credentials")?;
    ensure!(forebay.run(&["revoke", &id])?.status.success(), "revoking twice is not the same as once");

    // What the service refuses ends with 1 and names the code; what the program refuses ends with 2.
    for (arguments, exit_code, word) in [
        (&["rotate", &id][..], 1, "key-not-found"),
        (&["revoke", "000000000000"], 1, "key-not-found"),
        (&["create", "--account", ACCOUNT, "--plan", "no-such-plan"], 1, "invalid-field"),
        (&["revoke", "../../v1/jobs"], 2, "12 of 0-9 a-f"),
    ] {
        let output = forebay.run(arguments)?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(exit_code) && stderr.contains(word), "{arguments:?}: {output:?}");
    }
    let stranger = forebay.command(&["list"]).env("FOREBAY_ADMIN_TOKEN", "not-the-token-of-the-operator").output()?;
    ensure!(stranger.status.code() == Some(1), "{stranger:?}");
    ensure!(String::from_utf8_lossy(&stranger.stderr).contains("invalid-credentials"), "{stranger:?}");

    expect_operators_alone(stack)?;
    expect_bad_orders_named(stack)
}

/// The command line as an operator has it.
struct Forebay<'a> {
    hall: &'a Hall,
    stack: &'a Stack,
}

impl Forebay<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut forebay = Command::new(self.hall.cli());
        forebay.arg("keys").args(arguments).env("FOREBAY_URL", self.stack.origin());
        forebay.env("FOREBAY_ADMIN_TOKEN", ADMIN_TOKEN);
        forebay
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments).output().with_context(|| format!("{}", self.hall.cli().display()))
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.command(arguments).arg("--json").output()?;
        ensure!(output.status.success(), "{arguments:?}: {:.500}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn expect_let_in(stack: &Stack, secret: &str) -> Result<()> {
    Client::new(&stack.origin(), Some(secret)).get("/v1/models")?.expect(200).map(|_| ())
}

fn expect_refused(stack: &Stack, secret: &str, code: &str) -> Result<()> {
    let client = Client::new(&stack.origin(), Some(secret));
    let answer = client.get("/v1/models")?;
    answer.expect_problem(401, code)?;
    ensure!(answer.must("www-authenticate")?.starts_with("Bearer"), "{answer:?}");
    client.submit(&json!({"model": "dcgan-faces"}))?.expect_problem(401, code).map(|_| ())
}

/// Neither nobody nor a client may manage keys.
fn expect_operators_alone(stack: &Stack) -> Result<()> {
    let nobody = Client::new(&stack.origin(), None);
    nobody.get(KEYS)?.expect_problem(401, "missing-credentials")?;
    let client = stack.client(ACCOUNT)?;
    for (method, path) in [
        ("GET", KEYS.to_owned()),
        ("POST", KEYS.to_owned()),
        ("POST", format!("{KEYS}/000000000000/rotate")),
        ("DELETE", format!("{KEYS}/000000000000")),
    ] {
        let request = Request { method, path: &path, ..Request::default() };
        client.send(&request)?.expect_problem(401, "invalid-credentials")?;
    }
    Ok(())
}

fn expect_bad_orders_named(stack: &Stack) -> Result<()> {
    let operator = Client::new(&stack.origin(), Some(ADMIN_TOKEN));
    let json = [("content-type", "application/json")];
    let long = format!(r#"{{"account":"a","plan":"pro","name":"{}"}}"#, "x".repeat(9000));
    for (body, status, code) in [
        ("", 400, "malformed-json"),
        ("{", 400, "malformed-json"),
        ("[]", 422, "invalid-field"),
        (r#"{"account":"a:b","plan":"pro"}"#, 422, "invalid-field"),
        (r#"{"account":"a","plan":"pro","secret":"mine"}"#, 422, "invalid-field"),
        (r#"{"account":"a","plan":"pro","expires_in_s":-1}"#, 422, "invalid-field"),
        (&long, 413, "body-too-large"),
    ] {
        let request = Request { method: "POST", path: KEYS, headers: &json, body: Some(body.as_bytes()) };
        operator.send(&request)?.expect_problem(status, code).with_context(|| format!("{body:.100}"))?;
    }
    let plain = [("content-type", "text/plain")];
    let request = Request { method: "POST", path: KEYS, headers: &plain, body: Some(b"{}") };
    operator.send(&request)?.expect_problem(415, "unsupported-media-type")?;
    for query in ["account=A", "cursor=", "limit=1", "account=a&account=b"] {
        operator.get(&format!("{KEYS}?{query}"))?.expect_problem(400, "invalid-query")?;
    }
    operator
        .send(&Request { method: "PUT", path: KEYS, ..Request::default() })?
        .expect_problem(405, "method-not-allowed")?;
    Ok(())
}

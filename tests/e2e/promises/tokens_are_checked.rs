//! A token of a known issuer lets its subject in under the right plan; a token that is wrong in any way is refused by
//! name.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, id},
    stack::{Hall, Infra, Options, Stack, free_port},
    token::{Key, encode, unsigned},
    web_server::WebServer,
};

const SECRET: &[u8] = b"the end-to-end tests share this with an issuer";

/// The keys of all issuers, and their servers.
struct Issuers {
    rsa: Key,
    p256: Key,
    p256_asn1: Key,
    ed25519: Key,
    shared: Key,
    stranger: Key,
    server: WebServer,
}

pub fn check(hall: &Hall) -> Result<()> {
    let issuers = Issuers::make()?;
    let variables = BTreeMap::from([("TEST_JWT_SECRET".to_owned(), encode(SECRET))]);
    let options =
        Options { identity: Some(issuers.identity()?), variables, infra: Infra::Common, ..Options::default() };
    let stack = hall.own("tokens", &options)?;
    published_keys_are_fetched_once(&issuers, &stack)?;
    good_tokens_are_let_in(&issuers, &stack)?;
    bad_tokens_are_refused_by_name(&issuers, &stack)?;
    subjects_have_accounts_of_their_own(&issuers, &stack)?;
    a_remembered_token_ends_when_it_says(&issuers, &stack)
}

impl Issuers {
    fn make() -> Result<Self> {
        let (p256, p256_asn1) = Key::p256()?;
        let ed25519 = Key::ed25519()?;
        // One usable key among some that are not.
        let set = json!({"keys": [
            {"kty": "oct", "k": encode(SECRET), "kid": "shared"},
            {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "other"},
            ed25519.jwk("published"),
        ]});
        let server = WebServer::start(move |_| set.clone())?;
        let (rsa, shared) = (Key::rsa()?, Key::Shared(SECRET.to_vec()));
        Ok(Self { rsa, p256, p256_asn1, ed25519, shared, stranger: Key::ed25519()?, server })
    }

    /// As `catalog/identity.toml` has it. What JSON writes as a text, TOML reads as one.
    fn identity(&self) -> Result<String> {
        let inline = |jwk: Value| {
            let members = jwk.as_object().into_iter().flatten();
            format!("{{ {} }}", members.map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", "))
        };
        let (rsa, p256, ed25519) = (self.rsa.jwk("rsa"), self.p256.jwk("p256"), self.ed25519.jwk("ed25519"));
        Ok(format!(
            r#"
[[issuers]]
name = "house"
issuer = "https://house.test"
audience = "forebay"
algorithms = ["RS256", "ES256", "EdDSA"]
keys = [{}, {}, {}]
plan = "free"
groups = {{ staff = "pro" }}

[[issuers]]
name = "mixed"
issuer = "https://mixed.test"
audience = "forebay"
algorithms = ["HS256", "RS256"]
keys = [{}]
secret = "TEST_JWT_SECRET"
plan = "free"

[[issuers]]
name = "published"
issuer = "https://published.test"
audience = "forebay"
algorithms = ["EdDSA"]
jwks_url = "{}"
plan = "free"

[[issuers]]
name = "away"
issuer = "https://away.test"
audience = "forebay"
algorithms = ["EdDSA"]
jwks_url = "http://127.0.0.1:{}/keys"
plan = "free"
"#,
            inline(rsa.clone()),
            inline(p256),
            inline(ed25519),
            inline(rsa),
            self.server.url("/keys"),
            free_port()?,
        ))
    }
}

fn now_s() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// The claims of a good token with some of them changed; null takes one away.
fn claims(issuer: &str, changes: &Value) -> Result<Value> {
    let now = now_s()?;
    let mut claims = json!({
        "iss": format!("https://{issuer}.test"), "aud": "forebay", "sub": "ada",
        "iat": now, "nbf": now, "exp": now + 300,
    });
    for (name, value) in changes.as_object().context("changes are an object")? {
        claims[name] = value.clone();
    }
    Ok(claims)
}

fn let_in(stack: &Stack, token: &str, plan: &str) -> Result<()> {
    let listing: Value = Client::new(&stack.origin(), Some(token)).get("/v1/models")?.expect(200)?.json()?;
    ensure!(listing["plan"]["name"] == plan, "not under the plan {plan}: {}", listing["plan"]);
    Ok(())
}

fn refused(stack: &Stack, what: &str, token: &str, expect: (u16, &str)) -> Result<()> {
    let answer = Client::new(&stack.origin(), Some(token)).get("/v1/models")?;
    let (status, code) = expect;
    answer.expect_problem(status, code).with_context(|| what.to_owned())?;
    if status == 401 {
        ensure!(answer.must("www-authenticate")?.contains(r#"error="invalid_token""#), "{what}: {answer:?}");
    }
    Ok(())
}

fn good_tokens_are_let_in(issuers: &Issuers, stack: &Stack) -> Result<()> {
    let house = |changes: &Value| claims("house", changes);
    for (key, kid) in [(&issuers.rsa, "rsa"), (&issuers.p256, "p256"), (&issuers.ed25519, "ed25519")] {
        let token = key.sign(kid, &house(&json!({}))?)?;
        let_in(stack, &token, "free").with_context(|| kid.to_owned())?;
        // A second time, from memory.
        let_in(stack, &token, "free").with_context(|| kid.to_owned())?;
        // Without a kid the keys of its type are tried.
        let_in(stack, &key.sign_under(&json!({"alg": key.algorithm()}), &house(&json!({}))?)?, "free")?;
    }
    let_in(stack, &issuers.shared.sign("any", &claims("mixed", &json!({}))?)?, "free").context("HS256")?;
    let_in(stack, &issuers.rsa.sign("rsa", &claims("mixed", &json!({}))?)?, "free")?;

    let ed25519 = |changes: &Value| issuers.ed25519.sign("ed25519", &house(changes)?);
    let_in(stack, &ed25519(&json!({"plan": "pro"}))?, "pro")?;
    let_in(stack, &ed25519(&json!({"group": "staff"}))?, "pro")?;
    let_in(stack, &ed25519(&json!({"group": ["guests", "staff"]}))?, "pro")?;
    let_in(stack, &ed25519(&json!({"group": ["guests"]}))?, "free")?;
    let_in(stack, &ed25519(&json!({"aud": ["others", "forebay"], "nbf": null, "iat": null}))?, "free")?;
    // A minute for clocks that differ.
    let_in(stack, &ed25519(&json!({"exp": now_s()? - 20, "iat": now_s()? + 20}))?, "free")
}

fn bad_tokens_are_refused_by_name(issuers: &Issuers, stack: &Stack) -> Result<()> {
    let Issuers { rsa, p256_asn1, ed25519, stranger, shared, .. } = issuers;
    let (house, mixed) = (claims("house", &json!({}))?, claims("mixed", &json!({}))?);
    let good = ed25519.sign("ed25519", &house)?;
    let (signed, signature) = good.rsplit_once('.').context("no signature")?;

    let invalid = (401, "invalid-credentials");
    refused(stack, "another key", &stranger.sign("ed25519", &house)?, invalid)?;
    refused(stack, "another key's name", &ed25519.sign("p256", &house)?, invalid)?;
    refused(stack, "a key that is not there", &ed25519.sign("nobody", &house)?, invalid)?;
    refused(stack, "an ASN.1 signature", &p256_asn1.sign("p256", &house)?, invalid)?;
    refused(stack, "no signature", &format!("{signed}."), invalid)?;
    refused(stack, "a short signature", &format!("{signed}.AAAA"), invalid)?;
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "ed25519"});
    let promoted = unsigned(&header, &claims("house", &json!({"plan": "pro"}))?);
    refused(stack, "other claims under a signature", &format!("{promoted}.{signature}"), invalid)?;
    let other_secret = Key::Shared(b"another secret of more than 32 bytes".to_vec());
    refused(stack, "another secret", &other_secret.sign("any", &mixed)?, invalid)?;

    // A public key, in any form, is no shared secret: not where both are taken, and not where none is.
    let jwk = rsa.jwk("rsa");
    let modulus = jwk["n"].as_str().context("no modulus")?.to_owned();
    for public in [jwk.to_string().into_bytes(), modulus.into_bytes()] {
        let confused = Key::Shared(public);
        refused(stack, "a public key as a secret", &confused.sign("rsa", &mixed)?, invalid)?;
        refused(stack, "a public key as a secret", &confused.sign("rsa", &house)?, (401, "refused-algorithm"))?;
    }
    for algorithm in ["none", "None", "HS256", "HS512", "PS256", "ES384", ""] {
        let header = json!({"alg": algorithm, "kid": "ed25519"});
        refused(stack, algorithm, &format!("{}.", unsigned(&header, &house)), (401, "refused-algorithm"))?;
        refused(stack, algorithm, &ed25519.sign_under(&header, &house)?, (401, "refused-algorithm"))?;
    }

    let now = now_s()?;
    for (changes, status, code) in [
        (json!({"exp": now - 61}), 401, "expired-credentials"),
        (json!({"exp": null}), 401, "malformed-credentials"),
        (json!({"exp": "tomorrow"}), 401, "malformed-credentials"),
        (json!({"nbf": now + 120}), 401, "premature-credentials"),
        (json!({"iat": now + 120}), 401, "premature-credentials"),
        (json!({"aud": "others"}), 401, "wrong-audience"),
        (json!({"aud": null}), 401, "wrong-audience"),
        (json!({"iss": "https://evil.test"}), 401, "wrong-issuer"),
        (json!({"iss": null}), 401, "wrong-issuer"),
        (json!({"sub": null}), 401, "malformed-credentials"),
        (json!({"sub": "a\nb"}), 401, "malformed-credentials"),
        (json!({"plan": "no-such-plan"}), 403, "unknown-plan"),
    ] {
        let token = ed25519.sign("ed25519", &claims("house", &changes)?)?;
        refused(stack, &changes.to_string(), &token, (status, code))?;
    }

    let malformed = (401, "malformed-credentials");
    let header = json!({"alg": "EdDSA", "kid": "ed25519", "crit": ["exp"]});
    refused(stack, "crit", &ed25519.sign_under(&header, &house)?, malformed)?;
    for text in ["a.b.c", "e30.e30.AA", "eyJhbGciOiJFZERTQSJ9.e30", "bnVsbA.bnVsbA.AA", &format!("{good}.AA")] {
        refused(stack, text, text, malformed)?;
    }
    let long = ed25519.sign("ed25519", &claims("house", &json!({"more": "x".repeat(9000)}))?)?;
    refused(stack, "a long token", &long, malformed)?;

    let log = stack.logs()?;
    for token in [good, shared.sign("any", &mixed)?, long] {
        let signature = token.rsplit('.').next().context("no signature")?;
        ensure!(!log.contains(signature), "the log holds a token's signature");
    }
    Ok(())
}

fn published_keys_are_fetched_once(issuers: &Issuers, stack: &Stack) -> Result<()> {
    let Issuers { ed25519, shared, stranger, server, .. } = issuers;
    for sub in ["ada", "bob"] {
        let_in(stack, &ed25519.sign("published", &claims("published", &json!({ "sub": sub }))?)?, "free")?;
    }
    let claims_ = claims("published", &json!({}))?;
    refused(stack, "a key that is not there", &stranger.sign("invented", &claims_)?, (401, "invalid-credentials"))?;
    refused(stack, "a published secret", &shared.sign("shared", &claims_)?, (401, "refused-algorithm"))?;
    ensure!(server.asked() == 1, "the issuer was asked {} times", server.asked());

    let away = ed25519.sign("published", &claims("away", &json!({}))?)?;
    let answer = Client::new(&stack.origin(), Some(&away)).get("/v1/models")?;
    answer.expect_problem(503, "issuer-unavailable")?;
    let wait_s: u64 = answer.must("retry-after")?.parse().context("Retry-After is not seconds")?;
    ensure!((1..=10).contains(&wait_s), "told to wait {wait_s} s");
    Ok(())
}

fn subjects_have_accounts_of_their_own(issuers: &Issuers, stack: &Stack) -> Result<()> {
    let client = |sub: &str, token_id: u8| -> Result<Client> {
        let claims = claims("house", &json!({"sub": sub, "jti": token_id}))?;
        Ok(Client::new(&stack.origin(), Some(&issuers.p256.sign("p256", &claims)?)))
    };
    let job = client("ada", 1)?.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": 1}}))?;
    client("ada", 2)?.job(&job)?;
    let path = format!("/v1/jobs/{}", id(&job)?);
    client("bob", 1)?.get(&path)?.expect_problem(404, "job-not-found")?;
    // The same subject of another issuer is somebody else.
    let other = issuers.shared.sign("any", &claims("mixed", &json!({"sub": "ada"}))?)?;
    let bearer = format!("Bearer {other}");
    let headers = [("authorization", bearer.as_str())];
    let request = Request { method: "GET", path: &path, headers: &headers, body: None };
    Client::new(&stack.origin(), None).send(&request)?.expect_problem(404, "job-not-found")?;
    Ok(())
}

fn a_remembered_token_ends_when_it_says(issuers: &Issuers, stack: &Stack) -> Result<()> {
    // Ten seconds are left of the minute that is for clocks.
    let token = issuers.ed25519.sign("ed25519", &claims("house", &json!({"exp": now_s()? - 50}))?)?;
    let_in(stack, &token, "free")?;
    let client = Client::new(&stack.origin(), Some(&token));
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let answer = client.get("/v1/models")?;
        if answer.status != 200 {
            answer.expect_problem(401, "expired-credentials")?;
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "a token is taken long after its end");
        std::thread::sleep(Duration::from_millis(200));
    }
}

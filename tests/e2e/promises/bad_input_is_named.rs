//! Every kind of bad input gets a problem with its own code and status, and nothing is half made.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::{Client, Request, poll, text},
    stack::{ADMIN_TOKEN, Hall, Stack, fixture},
};

/// One bad request and what it must be called.
struct Case<'a> {
    name: &'a str,
    request: Request<'a>,
    status: u16,
    code: &'a str,
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const PNG: &[(&str, &str)] = &[("content-type", "image/png")];
const JPEG: &[(&str, &str)] = &[("content-type", "image/jpeg")];
const JOBS: &str = "/v1/jobs";
const CLASSIFY: &str = "/v1/models/efficientnet-lite0/jobs";
/// Well formed, of nobody.
const UNKNOWN_JOB: &str = "/v1/jobs/job_06hhgn2g01rgf1o70s3ge1o70u1fhma1tg1e8v0c6k";

/// The service promises to distinguish at least so many.
const LEAST_CASES: usize = 60;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let client = stack.client("bad_input_is_named")?;
    let cases = [
        requests(&client)?,
        wishes(&client)?,
        json_bodies(&client)?,
        pictures(&client)?,
        credentials(stack)?,
        header_counts(stack)?,
        webhooks(&client)?,
    ];
    let cases: usize = cases.iter().sum();
    ensure!(cases >= LEAST_CASES, "{cases} cases are fewer than {LEAST_CASES}");
    lengths_that_lie(stack)?;

    // None of it is a job, and none is counted.
    ensure!(client.used("in-flight")? == 0, "bad input left a job");
    ensure!(client.used("monthly")? == 0, "bad input was counted");

    // After all of it the edge still takes what is right.
    let job = client.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": 5}}))?;
    client.result(&job)?;
    Ok(())
}

/// Tries every case, and reports all that are not as they should be at once; gives their number.
fn run(client: &Client, cases: &[Case<'_>]) -> Result<usize> {
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(error) = client.send(&case.request)?.expect_problem(case.status, case.code) {
            wrong.push(format!("case «{}»: {error:#}", case.name));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(cases.len())
}

fn request<'a>(method: &'a str, path: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Request<'a> {
    let body = (!matches!(method, "GET" | "DELETE")).then_some(body);
    Request { method, path, headers, body }
}

/// Methods, paths, ids, queries and headers.
fn requests(client: &Client) -> Result<usize> {
    let get = |path| request("GET", path, &[], b"");
    // Queries are checked before any job is looked for.
    let [soon, negative, huge, weight] =
        ["wait=soon", "wait=-1", "wait=86400", "weight=1"].map(|query| format!("{UNKNOWN_JOB}?{query}"));
    let cases = [
        ("no such path", get("/v1/nothing"), 404, "route-not-found"),
        ("no such root", get("/"), 404, "route-not-found"),
        ("wrong method on jobs", request("PUT", JOBS, JSON, b"{}"), 405, "method-not-allowed"),
        ("wrong method on a job", request("PUT", UNKNOWN_JOB, JSON, b"{}"), 405, "method-not-allowed"),
        ("nobody's job to erase", request("DELETE", UNKNOWN_JOB, &[], b""), 404, "job-not-found"),
        ("malformed id to erase", request("DELETE", "/v1/jobs/42", &[], b""), 400, "malformed-job-id"),
        ("wrong method on models", request("POST", "/v1/models", JSON, b"{}"), 405, "method-not-allowed"),
        ("wrong method on reports", get("/internal/v1/reports"), 405, "method-not-allowed"),
        ("a model's jobs are not listed", get(CLASSIFY), 405, "method-not-allowed"),
        ("malformed id", get("/v1/jobs/42"), 400, "malformed-job-id"),
        ("malformed id of a result", get("/v1/jobs/job_zzz/result"), 400, "malformed-job-id"),
        ("malformed id to cancel", request("POST", "/v1/jobs/job_/cancel", JSON, b""), 400, "malformed-job-id"),
        ("an id of nobody", get(UNKNOWN_JOB), 404, "job-not-found"),
        ("wait is not a number", get(&soon), 400, "invalid-query"),
        ("wait is negative", get(&negative), 400, "invalid-query"),
        ("wait is huge", get(&huge), 400, "invalid-query"),
        ("unknown query", get(&weight), 400, "invalid-query"),
        ("no such model", request("POST", "/v1/models/gpt-9/jobs", PNG, b"x"), 404, "model-not-found"),
        (
            "prefer is not a number",
            request("POST", JOBS, &[("content-type", "application/json"), ("prefer", "wait=soon")], b"{}"),
            400,
            "invalid-header",
        ),
        ("no content type", request("POST", JOBS, &[], b"{}"), 415, "unsupported-media-type"),
        (
            "another content type",
            request("POST", JOBS, &[("content-type", "text/xml")], b"<a/>"),
            415,
            "unsupported-media-type",
        ),
        (
            "a bare body of another type",
            request("POST", CLASSIFY, &[("content-type", "image/avif")], b"ftypavif"),
            415,
            "unsupported-media-type",
        ),
        (
            "an encoded body",
            request("POST", JOBS, &[("content-type", "application/json"), ("content-encoding", "gzip")], b"{}"),
            415,
            "unsupported-encoding",
        ),
    ]
    .map(|(name, request, status, code)| Case { name, request, status, code });
    run(client, &cases)
}

/// What a submission asks for besides its job: versions, deadlines, keys, waits.
fn wishes(client: &Client) -> Result<usize> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let (past, far) = ((now_ms - 1).to_string(), (now_ms + 31 * 86_400_000).to_string());
    let long_key = "k".repeat(256);
    let face = br#"{"model":"dcgan-faces","parameters":{"seed":1}}"#;
    let with = |name, value| [JSON[0], (name, value)];
    let headers = [
        ("an unknown version", with("x-model-version", "99"), 404, "version-not-found"),
        ("a path as version", with("x-model-version", "../1"), 404, "version-not-found"),
        ("an empty version", with("x-model-version", ""), 404, "version-not-found"),
        ("an empty key", with("idempotency-key", ""), 400, "invalid-idempotency-key"),
        ("a key with spaces", with("idempotency-key", "a b"), 400, "invalid-idempotency-key"),
        ("two keys", with("idempotency-key", "a, b"), 400, "invalid-idempotency-key"),
        ("an endless key", with("idempotency-key", &long_key), 400, "invalid-idempotency-key"),
        ("a negative wait", with("prefer", "wait=-1"), 400, "invalid-header"),
        ("a wait without number", with("prefer", "wait"), 400, "invalid-header"),
        ("a wait of hex", with("prefer", "wait=0x10"), 400, "invalid-header"),
        ("a wait in parts", with("prefer", "wait=1.5"), 400, "invalid-header"),
    ];
    let cases = headers.each_ref().map(|(name, headers, status, code)| Case {
        name,
        request: request("POST", JOBS, headers, face),
        status: *status,
        code,
    });
    let count = run(client, &cases)?;

    let deadlines = ["0", "-1", "1.5", "1e300", "\"soon\"", "{}", "99999999999999999999999999", &past, &far];
    let bodies = deadlines.map(|deadline| format!(r#"{{"model":"dcgan-faces","deadline_ms":{deadline}}}"#));
    let cases = bodies.each_ref().map(|body| Case {
        name: body,
        request: request("POST", JOBS, JSON, body.as_bytes()),
        status: 422,
        code: "invalid-deadline",
    });
    let count = count + run(client, &cases)?;

    let queries = [
        ("deadline_ms=soon", 422, "invalid-deadline"),
        ("deadline_ms=", 422, "invalid-deadline"),
        ("deadline_ms=-5", 422, "invalid-deadline"),
        ("deadline_ms=1", 422, "invalid-deadline"),
        ("deadline_ms=1&deadline_ms=2", 400, "invalid-query"),
        ("deadline=1", 400, "invalid-query"),
        ("p.seed=1&p.seed=2", 400, "invalid-query"),
        ("p.seed=one", 422, "invalid-parameter"),
        ("p.count=-1", 422, "invalid-parameter"),
        ("p.count=1e99", 422, "invalid-parameter"),
        ("p.%00=1", 422, "invalid-parameter"),
        ("webhook=http://127.0.0.1/", 400, "invalid-query"),
    ];
    let queries = queries.map(|(query, status, code)| (format!("/v1/models/dcgan-faces/jobs?{query}"), status, code));
    let cases = queries.each_ref().map(|(path, status, code)| Case {
        name: path,
        request: request("POST", path, &[], b""),
        status: *status,
        code,
    });
    Ok(count + run(client, &cases)?)
}

/// Webhooks that cannot be, and those that are not.
fn webhooks(client: &Client) -> Result<usize> {
    const HOOKS: &str = "/v1/webhooks";
    let unknown = format!("{HOOKS}/wh_{}", "0".repeat(24));
    let (replay, long) = (format!("{unknown}/deliveries/msg_{}/replay", "0".repeat(32)), "x".repeat(20_000));
    let (page, log) = (format!("{HOOKS}?limit=3"), format!("{unknown}/deliveries?limit=101"));
    let long = format!(r#"{{"url":"https://a.com/{long}"}}"#);
    let post = |body: &'static str| request("POST", HOOKS, JSON, body.as_bytes());
    let cases = [
        ("no url", post("{}"), 422, "invalid-field"),
        ("a url that is none", post(r#"{"url":"hooks"}"#), 400, "webhook-target-refused"),
        ("plain HTTP", post(r#"{"url":"http://hooks.acme.com/"}"#), 400, "webhook-target-refused"),
        ("a private address", post(r#"{"url":"https://192.168.0.1/"}"#), 400, "webhook-target-refused"),
        ("an unknown event", post(r#"{"url":"https://a.com/","events":["job.started"]}"#), 422, "invalid-field"),
        ("a field of another", post(r#"{"url":"https://a.com/","secret":"whsec_AAAA"}"#), 422, "invalid-field"),
        ("no JSON", post(r#"{"url""#), 400, "malformed-json"),
        ("too long", request("POST", HOOKS, JSON, long.as_bytes()), 413, "body-too-large"),
        ("no content type", request("POST", HOOKS, &[], b"{}"), 415, "unsupported-media-type"),
        ("wrong method", request("PUT", &unknown, JSON, b"{}"), 405, "method-not-allowed"),
        ("a list with a limit", request("GET", &page, &[], b""), 400, "invalid-query"),
        ("a log with a limit beyond", request("GET", &log, &[], b""), 400, "invalid-query"),
        ("an id of nobody", request("GET", &unknown, &[], b""), 404, "webhook-not-found"),
        ("no id", request("GET", "/v1/webhooks/42", &[], b""), 404, "webhook-not-found"),
        ("a change of nobody", request("PATCH", &unknown, JSON, b"{}"), 404, "webhook-not-found"),
        ("an end of nobody", request("DELETE", &unknown, &[], b""), 404, "webhook-not-found"),
        ("a replay of nobody", request("POST", &replay, &[], b""), 404, "webhook-not-found"),
    ]
    .map(|(name, request, status, code)| Case { name, request, status, code });
    run(client, &cases)
}

/// Who asks: nobody, somebody unreadable, somebody unknown, somebody of yesterday.
fn credentials(stack: &Stack) -> Result<usize> {
    let (revoked, rotated) = (ended_key(stack, "DELETE", "")?, ended_key(stack, "POST", "/rotate")?);
    let bearers = [
        ("not Bearer", "Basic dXNlcjpwYXNz".to_owned(), "malformed-credentials"),
        ("Bearer alone", "Bearer".to_owned(), "malformed-credentials"),
        ("no scheme", format!("fb_{}", "a".repeat(43)), "malformed-credentials"),
        ("a short key", "Bearer fb_short".to_owned(), "malformed-credentials"),
        ("an endless key", format!("Bearer fb_{}", "a".repeat(9_000)), "malformed-credentials"),
        ("a key of other characters", format!("Bearer fb_{}", "%".repeat(43)), "malformed-credentials"),
        ("two keys", format!("Bearer fb_{0} fb_{0}", "a".repeat(43)), "malformed-credentials"),
        ("an unknown key", format!("Bearer fb_{}", "a".repeat(43)), "invalid-credentials"),
        ("a revoked key", format!("Bearer {revoked}"), "revoked-credentials"),
        ("a key that ended", format!("Bearer {rotated}"), "expired-credentials"),
        ("a token of nobody", "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(), "wrong-issuer"),
        ("nothing", String::new(), "missing-credentials"),
    ];
    let headers = bearers.each_ref().map(|(_, bearer, _)| [JSON[0], ("authorization", bearer.as_str())]);
    let body = br#"{"model":"dcgan-faces"}"#;
    let cases: Vec<_> = bearers
        .iter()
        .zip(&headers)
        .map(|((name, _, code), headers)| Case {
            name,
            request: request("POST", JOBS, headers, body),
            status: 401,
            code,
        })
        .collect();
    run(&Client::new(&stack.origin(), None), &cases)
}

/// A secret that let its bearer in until an operator ended it.
fn ended_key(stack: &Stack, method: &str, path: &str) -> Result<String> {
    let operator = Client::new(&stack.origin(), Some(ADMIN_TOKEN));
    let order = br#"{"account":"bad-input-ended","plan":"pro"}"#;
    let made = operator.send(&request("POST", "/internal/v1/keys", JSON, order))?.expect(201)?.json()?;
    let path = format!("/internal/v1/keys/{}{path}", text(&made, "id")?);
    operator.send(&request(method, &path, JSON, br#"{"grace_s":0}"#))?.expect(200)?;
    Ok(text(&made, "secret")?.to_owned())
}

/// More header fields than anybody needs, and fields longer than anybody reads.
fn header_counts(stack: &Stack) -> Result<usize> {
    let client = stack.client("bad_input_is_named")?;
    let fields = |count: usize| (0..count).map(|n| format!("x-field-{n}")).collect::<Vec<_>>();
    for count in [500, 150] {
        let names = fields(count);
        let headers: Vec<_> = JSON.iter().copied().chain(names.iter().map(|name| (name.as_str(), "1"))).collect();
        let body = br#"{"model":"dcgan-faces"}"#;
        client.send(&request("POST", JOBS, &headers, body))?.expect_problem(431, "too-many-headers")?;
    }
    // Two dozen more than usual are nobody's business.
    let names = fields(40);
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    client.send(&request("GET", "/v1/models", &headers, b""))?.expect(200)?;
    Ok(2)
}

/// `Content-Length` and chunks that are not what they say. The runtime itself reads HTTP: what it cannot read it answers
/// with 400 and a text of its own, or by ending the connection; what it lets through is ours to name.
fn lengths_that_lie(stack: &Stack) -> Result<()> {
    let whole = r#"{"model":"dcgan-faces","parameters":{"seed":1}}"#;
    let send = |framing: &str, body: &str, then: AfterSending| raw(stack, &format!("{framing}\r\n"), body, then);
    let length = |length: &str| format!("content-length: {length}");
    for (name, answer, expect) in [
        // The rest of the body would be the next request, which is none.
        ("too short", send(&length("9"), whole, AfterSending::Waits)?, "400 malformed-json"),
        ("nothing", send(&length("0"), whole, AfterSending::Waits)?, "400 malformed-json"),
    ] {
        let found = status_and_code(&answer);
        ensure!(found == expect, "{name}: expected {expect}, found {found}: {answer:.300}");
    }
    for (name, answer) in [
        ("negative", send(&length("-1"), whole, AfterSending::Waits)?),
        ("no number", send(&length("many"), whole, AfterSending::Waits)?),
        ("beyond 64 bits", send(&length("99999999999999999999999"), whole, AfterSending::Waits)?),
        ("two lengths", send("content-length: 9\r\ncontent-length: 10", whole, AfterSending::Waits)?),
        (
            "length and chunks",
            send("content-length: 9\r\ntransfer-encoding: chunked", "0\r\n\r\n", AfterSending::Waits)?,
        ),
        ("an unknown encoding", send("transfer-encoding: gzip", whole, AfterSending::Waits)?),
    ] {
        let found = status_and_code(&answer);
        ensure!(found.is_empty() || found.starts_with('4'), "{name}: {found}: {answer:.300}");
    }
    // A length beyond the bound is refused before any of it has come. Wrangler's own proxy tells the client only after
    // it has sent everything, so the edge's log is asked.
    for claimed in ["99999999999", "10000001"] {
        let refusals = || -> Result<usize> {
            let log = stack.logs()?;
            let refusal = |line: &&str| line.contains(r#""route":"/v1/jobs""#) && line.contains("body-too-large");
            Ok(log.lines().filter(refusal).count())
        };
        let before = refusals()?;
        let connection = open(stack, &format!("{}\r\n", length(claimed)), whole)?;
        poll("a length beyond the bound is refused", || {
            let now = refusals()?;
            Ok(if now > before { Ok(()) } else { Err(now) })
        })?;
        drop(connection);
    }
    // Who ends in the middle of a body, or loses the thread, is not waited for; what Wrangler's proxy says is its own.
    send(&length("500"), whole, AfterSending::Leaves)?;
    send(&length("9000000"), whole, AfterSending::Leaves)?;
    for chunks in ["ff\r\n{}", "zz\r\n{}\r\n0\r\n\r\n", "-5\r\n{}\r\n0\r\n\r\n"] {
        send("transfer-encoding: chunked", chunks, AfterSending::Leaves)?;
    }
    // The edge itself never lost its head.
    let log = stack.logs()?;
    let lost = log.lines().find(|line| line.contains(r#""status":500"#));
    ensure!(lost.is_none(), "{lost:?}");
    Ok(())
}

/// What a client does after it has sent what it wanted to.
#[derive(Clone, Copy, PartialEq)]
enum AfterSending {
    /// Waits for an answer.
    Waits,
    /// The client closes its side after what it has sent.
    Leaves,
}

/// Sends one submission whose framing is `framing`.
fn open(stack: &Stack, framing: &str, body: &str) -> Result<TcpStream> {
    let (address, client) = (stack.address()?, stack.client("bad_input_is_named")?);
    let key = client.key();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nconnection: close\r\n{framing}\r\n"
    );
    stream.write_all((head + body).as_bytes())?;
    Ok(stream)
}

/// The same, and gives all that comes back.
fn raw(stack: &Stack, framing: &str, body: &str, then: AfterSending) -> Result<String> {
    let mut stream = open(stack, framing, body)?;
    if then == AfterSending::Leaves {
        stream.shutdown(Shutdown::Write)?;
    }
    let mut answer = Vec::new();
    // A connection that is reset has said what it had to.
    if let Err(error) = stream.read_to_end(&mut answer) {
        ensure!(error.kind() != std::io::ErrorKind::WouldBlock, "no answer within twenty seconds: {framing}");
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The status and, where it is a problem, its code; empty where nothing came back.
fn status_and_code(answer: &str) -> String {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    match answer.split_once("\"code\":\"").and_then(|(_, rest)| rest.split('"').next()) {
        Some(code) => format!("{status} {code}"),
        None => status.to_owned(),
    }
}

/// JSON that is broken, or says what cannot be.
fn json_bodies(client: &Client) -> Result<usize> {
    let deep = format!(r#"{{"model":"double","input":{{"tensor":{}1{}}}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let long_name = json!({"model": "m".repeat(100_000)}).to_string();
    let deep_parameters =
        format!(r#"{{"model":"dcgan-faces","parameters":{{"seed":{}{}}}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let endless = format!(r#"{{"model":"dcgan-faces","parameters":{}"#, "[".repeat(1_000_000));
    let cases: [(&str, &str, u16, &str); 35] = [
        ("a webhook", r#"{"model":"dcgan-faces","webhook":"http://127.0.0.1/"}"#, 422, "invalid-field"),
        ("a field twice", r#"{"model":"dcgan-faces","model":"dcgan-faces"}"#, 422, "invalid-field"),
        ("too deep a parameter", &deep_parameters, 422, "invalid-field"),
        ("endless depth", &endless, 400, "malformed-json"),
        ("not a number", r#"{"model":"dcgan-faces","parameters":{"seed":NaN}}"#, 400, "malformed-json"),
        ("half a pair", r#"{"model":"all-minilm-l6-v2","input":{"text":"\ud800"}}"#, 422, "invalid-field"),
        ("a negative seed", r#"{"model":"dcgan-faces","parameters":{"seed":-1}}"#, 422, "invalid-parameter"),
        ("half a seed", r#"{"model":"dcgan-faces","parameters":{"seed":0.5}}"#, 422, "invalid-parameter"),
        (
            "a seed of a hundred digits",
            r#"{"model":"dcgan-faces","parameters":{"seed":1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111}}"#,
            422,
            "invalid-parameter",
        ),
        ("empty", "", 400, "malformed-json"),
        ("cut", r#"{"model":"#, 400, "malformed-json"),
        ("too deep a tensor", &deep, 422, "input-invalid"),
        ("an array", "[]", 422, "invalid-field"),
        ("a number", "7", 422, "invalid-field"),
        ("trailing", r#"{"model":"dcgan-faces"} x"#, 400, "malformed-json"),
        ("no model", "{}", 422, "invalid-field"),
        ("model is a number", r#"{"model":7}"#, 422, "invalid-field"),
        ("unknown field", r#"{"model":"dcgan-faces","modle":1}"#, 422, "invalid-field"),
        ("parameters is a list", r#"{"model":"dcgan-faces","parameters":[]}"#, 422, "invalid-field"),
        ("input is a text", r#"{"model":"all-minilm-l6-v2","input":"hello"}"#, 422, "invalid-field"),
        ("two inputs", r#"{"model":"all-minilm-l6-v2","input":{"text":"a","image":"b"}}"#, 422, "invalid-field"),
        ("unknown input", r#"{"model":"all-minilm-l6-v2","input":{"smell":"a"}}"#, 422, "invalid-field"),
        ("text is a number", r#"{"model":"all-minilm-l6-v2","input":{"text":1}}"#, 422, "invalid-field"),
        ("not base64", r#"{"model":"efficientnet-lite0","input":{"image":"%%%"}}"#, 422, "invalid-field"),
        ("no such model", r#"{"model":"gpt-9"}"#, 404, "model-not-found"),
        ("an endless name", &long_name, 404, "model-not-found"),
        ("a path as name", r#"{"model":"../../etc/passwd"}"#, 404, "model-not-found"),
        ("no input", r#"{"model":"all-minilm-l6-v2"}"#, 422, "input-mismatch"),
        ("text for pictures", r#"{"model":"efficientnet-lite0","input":{"text":"cat"}}"#, 422, "input-mismatch"),
        ("input for none", r#"{"model":"dcgan-faces","input":{"text":"a"}}"#, 422, "input-mismatch"),
        ("empty text", r#"{"model":"all-minilm-l6-v2","input":{"text":""}}"#, 422, "input-invalid"),
        ("unknown parameter", r#"{"model":"dcgan-faces","parameters":{"size":1}}"#, 422, "invalid-parameter"),
        ("parameter too large", r#"{"model":"dcgan-faces","parameters":{"count":65}}"#, 422, "invalid-parameter"),
        ("parameter of a wrong type", r#"{"model":"dcgan-faces","parameters":{"seed":"7"}}"#, 422, "invalid-parameter"),
        ("parameter beyond 2^53", r#"{"model":"dcgan-faces","parameters":{"seed":1e300}}"#, 422, "invalid-parameter"),
    ];
    let cases = cases.map(|(name, body, status, code)| Case {
        name,
        request: request("POST", JOBS, JSON, body.as_bytes()),
        status,
        code,
    });
    let count = run(client, &cases)?;

    let not_utf8 = b"{\"model\":\"all-minilm-l6-v2\",\"input\":{\"text\":\"\xff\xfe\"}}";
    client.send(&request("POST", JOBS, JSON, not_utf8))?.expect_problem(400, "malformed-json")?;
    let text = [("content-type", "text/plain")];
    let path = "/v1/models/all-minilm-l6-v2/jobs";
    client.send(&request("POST", path, &text, b"\xff\xfe"))?.expect_problem(422, "input-invalid")?;
    Ok(count + 2)
}

/// Pictures that are not, or not such as the model takes.
fn pictures(client: &Client) -> Result<usize> {
    let cat = fixture("chelsea.png")?;
    let header = cat.get(..20).unwrap_or_default();
    let tiny = png_header(1, 1);
    let huge = png_header(20_000, 20_000);
    let cmyk = jpeg_header(640, 480, 4);
    /// Name, headers, body, and what the answer must be.
    type Picture<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
    let cases: [Picture<'_>; 8] = [
        ("empty", PNG, b"", 422, "image-unrecognized"),
        ("not an image", PNG, b"this is not an image at all", 422, "image-unrecognized"),
        ("cut within the header", PNG, header, 422, "image-unrecognized"),
        ("a PNG called JPEG", JPEG, &cat, 422, "image-unrecognized"),
        ("1 by 1", PNG, &tiny, 422, "image-too-small"),
        ("20,000 by 20,000", PNG, &huge, 422, "image-too-large"),
        ("CMYK", JPEG, &cmyk, 422, "image-unsupported"),
        ("JPEG without a frame", JPEG, b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9", 422, "image-unrecognized"),
    ];
    let cases = cases.map(|(name, headers, body, status, code)| Case {
        name,
        request: request("POST", CLASSIFY, headers, body),
        status,
        code,
    });
    run(client, &cases)
}

/// A PNG's signature and IHDR chunk (PNG specification §11.2.2), 8-bit RGB; no pixels follow.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
    png.extend(width.to_be_bytes());
    png.extend(height.to_be_bytes());
    png.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    png
}

/// A JPEG's start and baseline frame header (ITU-T T.81 §B.2.2) of so many components; no scan follows.
fn jpeg_header(width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut jpeg = b"\xff\xd8\xff\xc0".to_vec();
    jpeg.extend((8 + 3 * u16::from(components)).to_be_bytes());
    jpeg.push(8);
    jpeg.extend(height.to_be_bytes());
    jpeg.extend(width.to_be_bytes());
    jpeg.push(components);
    for component in 1..=components {
        jpeg.extend([component, 0x11, 0]);
    }
    jpeg
}

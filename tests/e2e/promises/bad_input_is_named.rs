//! Every kind of bad input gets a problem with its own code and status, and nothing is half made.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::{Client, Request},
    stack::{Hall, fixture},
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

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("bad_input_is_named");
    requests(&client)?;
    json_bodies(&client)?;
    pictures(&client)?;

    // After all of it the edge still takes what is right.
    let job = client.accepted(&json!({"model": "dcgan-faces", "parameters": {"seed": 5}}))?;
    client.result(&job)?;
    Ok(())
}

/// Tries every case, and tells all that are not as they should be at once.
fn run(client: &Client, cases: &[Case<'_>]) -> Result<()> {
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(error) = client.send(&case.request)?.expect_problem(case.status, case.code) {
            wrong.push(format!("case «{}»: {error:#}", case.name));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn request<'a>(method: &'a str, path: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Request<'a> {
    let body = (!matches!(method, "GET" | "DELETE")).then_some(body);
    Request { method, path, headers, body }
}

/// Methods, paths, ids, queries and headers.
fn requests(client: &Client) -> Result<()> {
    let get = |path| request("GET", path, &[], b"");
    // Queries are checked before any job is looked for.
    let [soon, negative, huge, weight] =
        ["wait=soon", "wait=-1", "wait=86400", "weight=1"].map(|query| format!("{UNKNOWN_JOB}?{query}"));
    let cases = [
        ("no such path", get("/v1/nothing"), 404, "route-not-found"),
        ("no such root", get("/"), 404, "route-not-found"),
        ("wrong method on jobs", request("PUT", JOBS, JSON, b"{}"), 405, "method-not-allowed"),
        ("wrong method on a job", request("DELETE", UNKNOWN_JOB, &[], b""), 405, "method-not-allowed"),
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
            request("POST", CLASSIFY, &[("content-type", "image/gif")], b"GIF89a"),
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

/// JSON that is broken, or says what cannot be.
fn json_bodies(client: &Client) -> Result<()> {
    let deep = format!(r#"{{"model":"double","input":{{"tensor":{}1{}}}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let long_name = json!({"model": "m".repeat(100_000)}).to_string();
    let cases: [(&str, &str, u16, &str); 26] = [
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
    run(client, &cases)?;

    let not_utf8 = b"{\"model\":\"all-minilm-l6-v2\",\"input\":{\"text\":\"\xff\xfe\"}}";
    client.send(&request("POST", JOBS, JSON, not_utf8))?.expect_problem(400, "malformed-json")?;
    let text = [("content-type", "text/plain")];
    let path = "/v1/models/all-minilm-l6-v2/jobs";
    client.send(&request("POST", path, &text, b"\xff\xfe"))?.expect_problem(422, "input-invalid")?;
    Ok(())
}

/// Pictures that are not, or not such as the model takes.
fn pictures(client: &Client) -> Result<()> {
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

//! A result is the same to the byte whether the bucket has it, the Cache API or the edge's memory, whatever it is and
//! however large.

use anyhow::{Context as _, Result, ensure};
use forebay_contract::EventKind;
use serde_json::{Value, json};

use crate::{
    client::{Client, Request, id, text},
    stack::{Hall, Stack, words},
};

/// The bucket is asked first, the cache when it has its copy, and the memory when the cache was.
const READS: usize = 6;

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.idle()?;
    let client = stack.client("result_is_the_same_from_everywhere")?;
    let numbers = |count: usize| json!({"embedding": (0..count).collect::<Vec<_>>()}).to_string().into_bytes();
    let picture = |bytes: u32| (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (n, (media_type, result)) in [
        ("application/json", numbers(384)),
        // No more than travels inside a cached submission's answer, and more.
        ("application/json", numbers(20_000)),
        ("image/png", picture(0)),
        ("image/png", picture(9_000)),
        // No more than is remembered, and more.
        ("image/png", picture(1 << 20)),
        ("image/png", picture((1 << 20) + 1)),
    ]
    .into_iter()
    .enumerate()
    {
        is_the_same(stack, &client, n, (media_type, result)).with_context(|| format!("result {n}, {media_type}"))?;
    }
    Ok(())
}

fn is_the_same(stack: &Stack, client: &Client, n: usize, (media_type, result): (&str, Vec<u8>)) -> Result<()> {
    let question = json!({"model": "all-minilm-l6-v2", "input": {"text": words(n, 23)}});
    let digest = text(&client.foretold(&question)?, "digest")?.to_owned();
    let job: Value = client.accepted(&question)?;
    stack.store_result(&digest, media_type, &result)?;
    let bytes = result.len() as u64;
    stack.report(&job, EventKind::Succeeded { media_type: media_type.to_owned(), bytes, device_ms: 1.0 })?;

    let path = format!("/v1/jobs/{}/result", id(&job)?);
    let etag = format!("\"{digest}\"");
    for read in 0..READS {
        let answer = client.get(&path)?.expect(200)?;
        ensure!(answer.body == result, "read {read} gave {} other bytes of {bytes}", answer.body.len());
        ensure!(answer.must("content-type")? == media_type && answer.must("etag")? == etag, "{answer:?}");
        ensure!(answer.must("cache-control")? == "private, max-age=31536000, immutable", "{answer:?}");
        ensure!(answer.must("content-length")? == bytes.to_string(), "{answer:?}");
        answer.must("x-request-id")?;
    }
    let headers = [("if-none-match", etag.as_str())];
    let unchanged = client.send(&Request { method: "GET", path: &path, headers: &headers, body: None })?.expect(304)?;
    ensure!(unchanged.body.is_empty() && unchanged.must("etag")? == etag, "{unchanged:?}");
    Ok(())
}

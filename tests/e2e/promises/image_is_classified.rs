//! An image is classified as PyTorch classifies it, and its result is cached and revalidated.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    client::{Request, text},
    stack::{Hall, fixture},
};

/// Top five of PyTorch 2.11 for each picture: `[class, label, probability]`.
const REFERENCE: &str = include_str!("../../../models/reference/efficientnet_lite0_top5.json");

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("image_is_classified")?;
    let reference: Value = serde_json::from_str(REFERENCE)?;

    // A bare body: 240 kB, more than a message holds inline, so this one goes by way of the bucket.
    let answer = client.submit_bare("efficientnet-lite0", "image/png", &fixture("chelsea.png")?)?.expect(202)?;
    let job = answer.json()?;
    ensure!(answer.must("location")?.ends_with(&format!("/v1/jobs/{}", text(&job, "id")?)), "{answer:?}");
    ensure!(answer.must("retry-after")?.parse::<u32>()? >= 1, "{answer:?}");
    let result = client.result(&job)?;
    agrees(&result.json()?, &reference["chelsea.png"])?;

    // A finished result never changes: cached for long, and revalidated by its digest.
    ensure!(result.must("cache-control")?.contains("immutable"), "{result:?}");
    let etag = result.must("etag")?;
    let path = format!("/v1/jobs/{}/result", text(&job, "id")?);
    let headers = [("if-none-match", etag)];
    let again = client.send(&Request { method: "GET", path: &path, headers: &headers, body: None })?;
    ensure!(again.status == 304 && again.body.is_empty(), "{again:?}");

    // The other spelling: base64 within JSON, and a JPEG.
    let image = STANDARD.encode(fixture("rocket.jpg")?);
    let job = client.accepted(&json!({"model": "efficientnet-lite0", "input": {"image": image}}))?;
    agrees(&client.result(&job)?.json()?, &reference["rocket.jpg"])?;

    // As cameras and some encoders write them: lying down, and a scan for each colour.
    for (name, label) in [("rocket_exif6.jpg", "missile"), ("coffee_420_sep.jpg", "espresso")] {
        let picture = fixture(&format!("odd/{name}"))?;
        let job = client.submit_bare("efficientnet-lite0", "image/jpeg", &picture)?.expect(202)?.json()?;
        let result = client.result(&job)?.json()?;
        ensure!(result["classes"][0]["label"] == label, "{name}: {result}");
    }
    Ok(())
}

/// The same five classes in the same order, each probability within 0.01.
fn agrees(result: &Value, reference: &Value) -> Result<()> {
    let found = result["classes"].as_array().context("no classes")?;
    let expect = reference.as_array().context("no reference")?;
    ensure!(found.len() == expect.len(), "{result}");
    for (found, expect) in found.iter().zip(expect) {
        ensure!(found["index"] == expect[0] && found["label"] == expect[1], "{found} is not {expect}");
        let off = found["probability"].as_f64().unwrap_or(9.0) - expect[2].as_f64().unwrap_or(0.0);
        ensure!(off.abs() < 0.01, "{found} is not {expect}");
    }
    Ok(())
}

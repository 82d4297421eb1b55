//! A text is embedded as PyTorch embeds it.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::stack::Hall;

const TEXTS: &str = include_str!("../../../models/reference/minilm.tokens.json");
/// The first eight numbers of each text's embedding.
const FIRST_EIGHT: &str = include_str!("../../../models/reference/minilm_first8.json");

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("text_is_embedded")?;
    let texts: Value = serde_json::from_str(TEXTS)?;
    let expect: Value = serde_json::from_str(FIRST_EIGHT)?;
    let texts = texts["texts"].as_array().context("no texts")?;

    // All at once, so that short and long ones share a padded batch.
    let jobs = texts
        .iter()
        .map(|text| client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": text}})))
        .collect::<Result<Vec<_>>>()?;
    for (index, job) in jobs.iter().enumerate() {
        let result = client.result(job)?.json()?;
        let embedding: Vec<f64> = serde_json::from_value(result["embedding"].clone())?;
        ensure!(embedding.len() == 384, "{} numbers", embedding.len());
        let norm: f64 = embedding.iter().map(|x| x * x).sum();
        ensure!((norm - 1.0).abs() < 1e-4, "not of unit length: {norm}");
        let first: Vec<f64> = serde_json::from_value(expect[index].clone())?;
        for (found, expect) in embedding.iter().zip(&first) {
            ensure!((found - expect).abs() < 1e-4, "text {index}: {found} is not {expect}");
        }
    }
    // What the model read of a long text is a part of it, and the result says so.
    let embed = |text: &str| {
        let job = client.accepted(&json!({"model": "all-minilm-l6-v2", "input": {"text": text}}))?;
        client.result(&job)?.json()
    };
    let long = embed(&"water ".repeat(300))?;
    ensure!(long["truncated"] == true && long["embedding"].is_array(), "{:.200}", long.to_string());
    let fits = embed(&"water ".repeat(254))?;
    ensure!(fits.get("truncated").is_none() && fits["embedding"] == long["embedding"], "{:.200}", fits.to_string());
    Ok(())
}

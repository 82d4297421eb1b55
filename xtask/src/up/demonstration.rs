use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{client::DemoClient, similarity::cosine};
use crate::{console::Console, repository::Repository};

/// A picture of a cat, 451 × 300 pixels.
pub(super) const PICTURE: &str = "tests/fixtures/chelsea.png";
/// What the picture shows.
const EXPECTED: &str = "tiger cat";
/// Two that mean nearly the same, and one that does not.
const SENTENCES: [&str; 3] = [
    "A dam holds water back until the turbines need it.",
    "Reservoirs store water for the generators of a power station.",
    "The cat sleeps on the warm windowsill.",
];

/// Submits a picture and three sentences, polls their result URLs and shows the answers.
pub(super) fn run(repository: &Repository, console: Console, client: &DemoClient) -> Result<()> {
    console.heading("Demonstration");
    let picture = repository.path(PICTURE);
    let picture = fs::read(&picture).with_context(|| picture.display().to_string())?;
    let image_job = client.submit("efficientnet-lite0", "image/png", &picture)?;
    let text_jobs = SENTENCES
        .iter()
        .map(|sentence| client.submit("all-minilm-l6-v2", "text/plain; charset=utf-8", sentence.as_bytes()))
        .collect::<Result<Vec<_>>>()?;

    let seen = client.finish(&image_job)?;
    let (label, probability) = best(&seen.result.json()?)?;
    console.line(format!("{PICTURE} (efficientnet-lite0): {label}, {:.1} %", probability * 100.0));
    console.line(console.paint("2", &format!("    {}", seen.timeline)));
    ensure!(label == EXPECTED, "the model was expected to see a {EXPECTED}");

    let mut embeddings = Vec::new();
    for (number, (sentence, job)) in SENTENCES.iter().zip(&text_jobs).enumerate() {
        let done = client.finish(job)?;
        embeddings.push(embedding(&done.result.json()?)?);
        console.line(format!("({}) {sentence:?} (all-minilm-l6-v2)", number + 1));
        console.line(console.paint("2", &format!("    {}", done.timeline)));
    }
    console.line(similarities(&embeddings));
    Ok(())
}

/// The class that the model is surest of, and how sure.
fn best(result: &Value) -> Result<(String, f64)> {
    let label = result.pointer("/classes/0/label").and_then(Value::as_str);
    let probability = result.pointer("/classes/0/probability").and_then(Value::as_f64);
    Ok((label.context("the result has no label")?.to_owned(), probability.context("the result has no probability")?))
}

fn embedding(result: &Value) -> Result<Vec<f64>> {
    let numbers = result.get("embedding").and_then(Value::as_array).context("the result has no embedding")?;
    numbers.iter().map(|number| number.as_f64().context("an embedding holds numbers")).collect()
}

/// Every embedding against every other.
fn similarities(embeddings: &[Vec<f64>]) -> String {
    let mut table = String::from("cosine similarity");
    for column in 1..=embeddings.len() {
        table.push_str(&format!("   ({column})"));
    }
    for (row, one) in embeddings.iter().enumerate() {
        table.push_str(&format!("\n              ({})", row + 1));
        for other in embeddings {
            table.push_str(&format!(" {:5.2}", cosine(one, other)));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answer_is_read_as_documented() {
        let result = json!({"classes": [{"index": 282, "label": "tiger cat", "probability": 0.378}]});
        assert_eq!(best(&result).unwrap(), ("tiger cat".to_owned(), 0.378));
        assert!(best(&json!({"classes": []})).is_err());
    }

    #[test]
    fn similarities_make_a_square_table() {
        let table = similarities(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
        let expected = "cosine similarity   (1)   (2)\n              (1)  1.00  0.00\n              (2)  0.00  1.00";
        assert_eq!(table, expected);
    }
}

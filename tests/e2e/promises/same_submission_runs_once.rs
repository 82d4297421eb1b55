//! However often and however closely together one job is submitted, it runs once.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    client::{id, text},
    stack::Hall,
};

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("same_submission_runs_once")?;
    let job = json!({"model": "all-minilm-l6-v2", "input": {"text": "The same words, eight times at once."}});

    let answers = std::thread::scope(|scope| {
        let submissions: Vec<_> = (0..8).map(|_| scope.spawn(|| client.submit(&job))).collect();
        submissions
            .into_iter()
            .map(|submission| submission.join().ok().context("a submission panicked")?)
            .collect::<Result<Vec<_>>>()
    })?;
    let mut ids = BTreeSet::new();
    for answer in &answers {
        ensure!(answer.status == 202 || answer.status == 200, "{answer:?}");
        ids.insert(id(&answer.json()?)?.to_owned());
    }
    ensure!(ids.len() == 1, "eight submissions became {} jobs: {ids:?}", ids.len());

    let done = client.finished(&answers[0].json()?)?;
    ensure!(done["status"] == "succeeded" && done["attempt"] == 1, "{done}");

    // Also after it is done.
    let later = client.submit(&job)?.expect(200)?.json()?;
    ensure!(later["cached"] == true, "{later}");
    let result = client.get(text(&later, "result_url")?)?.expect(200)?;
    ensure!(result.json()?["embedding"].is_array(), "no embedding behind {later}");
    Ok(())
}

//! The same seed makes the same picture, to the byte; asked again, the picture comes from the cache.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    client::text,
    stack::{Hall, Options},
};

pub fn check(hall: &Hall) -> Result<()> {
    let stack = hall.shared()?;
    let client = stack.client("same_seed_is_identical_and_cached")?;
    let job = json!({"model": "dcgan-faces", "parameters": {"seed": 7, "count": 4}});

    let first = client.result(&client.accepted(&job)?)?;
    ensure!(first.must("content-type")? == "image/png" && first.body.starts_with(b"\x89PNG"), "{:?}", first.status);

    // The same account again: answered at once, without a job in any lane.
    let again = client.submit(&job)?.expect(200)?.json()?;
    ensure!(again["status"] == "succeeded" && again["cached"] == true, "{again}");
    let cached = client.get(text(&again, "result_url")?)?.expect(200)?;
    ensure!(cached.body == first.body, "the cached picture differs");

    // Another worker, which shares neither cache nor bucket: it makes the picture anew, and it comes out the same.
    let mut elsewhere = hall.own("seed", &Options::default())?;
    elsewhere.start_worker(&[])?;
    let stranger = elsewhere.client("somebody_else")?;
    let second = stranger.accepted(&job)?;
    let second = stranger.result(&second)?;
    ensure!(second.body == first.body, "the same seed made another picture");

    // Another seed does not; without one the edge draws one, and says which.
    let other = json!({"model": "dcgan-faces", "parameters": {"seed": 8, "count": 4}});
    ensure!(client.result(&client.accepted(&other)?)?.body != first.body, "seeds 7 and 8 made one picture");
    let drawn = client.accepted(&json!({"model": "dcgan-faces"}))?;
    ensure!(drawn["parameters"]["seed"].is_u64() && drawn["parameters"]["count"] == 1, "{drawn}");
    Ok(())
}

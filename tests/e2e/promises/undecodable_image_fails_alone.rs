//! A picture that cannot be read fails alone and says why; its neighbours succeed.

use anyhow::{Result, ensure};

use crate::{
    client::{id, text},
    stack::{Hall, fixture},
};

pub fn check(hall: &Hall) -> Result<()> {
    let client = hall.shared()?.client("undecodable_image_fails_alone")?;
    let whole = fixture("coffee.png")?;
    let cut = whole.get(..whole.len() / 2).unwrap_or_default();
    let submit = |body: &[u8]| client.submit_bare("efficientnet-lite0", "image/png", body)?.expect(202)?.json();

    // Half a picture between two whole ones: its header is right, so the edge lets it in.
    let before = submit(&whole)?;
    let broken = submit(cut)?;
    let tenth = fixture("odd/chelsea_trunc10.jpg")?;
    let cut_jpeg = client.submit_bare("efficientnet-lite0", "image/jpeg", &tenth)?.expect(202)?.json()?;
    let after = client.submit_bare("efficientnet-lite0", "image/jpeg", &fixture("rocket.jpg")?)?.expect(202)?.json()?;

    for broken in [&broken, &cut_jpeg] {
        let failed = client.finished(broken)?;
        ensure!(failed["status"] == "failed" && failed["failure"]["code"] == "image-undecodable", "{failed}");
        ensure!(!text(&failed["failure"], "detail")?.is_empty(), "{failed}");
    }
    let problem = client.get(&format!("/v1/jobs/{}/result", id(&broken)?))?.expect_problem(424, "job-failed")?;
    ensure!(problem["failure"]["code"] == "image-undecodable", "{problem}");

    ensure!(client.result(&before)?.json()?["classes"][0]["label"] == "espresso");
    ensure!(client.result(&after)?.json()?["classes"][0]["label"] == "missile");
    Ok(())
}

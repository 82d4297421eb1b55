//! What the edge's production is made of is taken by wrangler as it stands: everything but the upload, which needs an
//! account.

use anyhow::{Context as _, Result, ensure};
use forebay_xtask::stack::rehearse;

use crate::stack::Hall;

pub fn check(hall: &Hall) -> Result<()> {
    let folder = hall.scratch("production")?;
    let said = rehearse(hall.repository(), "production", &folder)?;
    for binding in ["env.ACCOUNT (Account)", "env.LANE (Lane)", "env.CONFIG (", "env.IP_LIMITER (", "env.AWS_REGION ("]
    {
        ensure!(said.contains(binding), "{binding} is not bound: {said}");
    }
    ensure!(said.contains("--dry-run: exiting now"), "{said}");
    // It only warns of what it does not know, which is then not in force.
    ensure!(!said.contains("WARNING"), "{said}");
    let bundle = folder.join("bundle/index.js");
    let built = std::fs::metadata(&bundle).with_context(|| bundle.display().to_string())?;
    ensure!(built.len() > 1_000, "nothing would be uploaded: {} bytes", built.len());
    Ok(())
}

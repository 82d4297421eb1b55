//! One job at the end, by the command line as clients use it.

use std::env;

use anyhow::{Result, bail};

use super::settings::{Edge, Smoke};
use crate::{build::cargo, process::interrupt, repository::Repository};

/// The API key that the variable holds.
pub(super) fn key(smoke: &Smoke) -> Option<String> {
    env::var(&smoke.key_variable).ok().filter(|key| !key.is_empty())
}

/// Runs it with the key that the variable holds; `false` where it holds none.
pub(super) fn run(repository: &Repository, edge: &Edge, smoke: &Smoke) -> Result<bool> {
    let Some(key) = key(smoke) else { return Ok(false) };
    let mut forebay = cargo(repository);
    forebay.args(["run", "--quiet", "--locked", "--package", "forebay", "--bin", "forebay", "--"]);
    forebay.args(["submit", &smoke.model, "--text", &smoke.text, "--wait"]);
    forebay.env("FOREBAY_URL", edge.url()).env("FOREBAY_KEY", key).env_remove("FOREBAY_KEY_FILE");
    let output = forebay.output()?;
    interrupt::check()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "a job of {} did not succeed: {}\n  what to do: the runbook says what each answer means (OPERATING.md, «When something \
             breaks»). Everything is deployed; cargo xtask rollback goes back",
            smoke.model,
            said.trim()
        );
    }
    Ok(true)
}

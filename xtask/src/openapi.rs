//! `cargo xtask openapi`: writes the OpenAPI document anew.

use anyhow::{Context as _, Result};

use crate::{
    console::Console,
    process::{Failure, Run},
    repository::Repository,
    test::edge_test,
};

/// Where the document lies; the edge serves it at `/openapi.json`.
pub const DOCUMENT: &str = "edge/console/openapi.json";
/// The test that holds the file to the code, and writes it when told so.
const TEST: &str = "openapi::committed";
const WRITE: &str = "FOREBAY_WRITE_OPENAPI";

/// Makes the document from the code. Its types are compiled for tests alone, so a test is what writes it.
pub fn run(repository: &Repository, console: Console) -> Result<()> {
    let log = repository.step_log("openapi");
    let path = repository.path(DOCUMENT);
    let before = std::fs::read(&path).unwrap_or_default();
    let run = Run::new(console, "openapi", &log)?;
    run.program(edge_test(repository, TEST).env(WRITE, "1"))?;
    let after = std::fs::read(&path).with_context(|| path.display().to_string())?;
    if after.is_empty() {
        return Err(Failure::new("openapi", "nothing was written".to_owned(), &log).into());
    }
    let said = if after == before { "is what the code says" } else { "was written: look at it and commit it" };
    console.done("openapi", &format!("{DOCUMENT} {said}"));
    Ok(())
}

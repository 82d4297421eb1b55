//! The committed file against the code.

use std::{env, fs, path::Path};

use super::document::document;

/// Set by `cargo xtask openapi`.
const WRITE: &str = "FOREBAY_WRITE_OPENAPI";

#[test]
fn the_committed_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("console/openapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if env::var_os(WRITE).is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(committed.lines()).position(|(new, old)| new != old);
    let line = differs.unwrap_or_else(|| text.lines().count().min(committed.lines().count())) + 1;
    assert!(
        text == committed,
        "edge/console/openapi.json is not what the code says, from line {line} on: run `cargo xtask openapi`, look at what \
         has changed for clients, and commit it"
    );
}

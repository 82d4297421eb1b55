//! Anybody may use this crate: nothing that speaks to a runtime, a network or a clock is anywhere below it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::{env, process::Command};

const RUNTIMES: [&str; 7] = ["worker", "wasm-bindgen", "js-sys", "web-sys", "tokio", "aws-sigv4", "tch"];

#[test]
fn no_runtime_is_anywhere_below() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(
            "tree --package forebay-limits --edges normal,build --target all --prefix none --locked --offline"
                .split(' '),
        )
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"forebay-contract") && names.contains(&"serde"), "{tree}");
    let found: Vec<&&str> = RUNTIMES.iter().filter(|runtime| names.contains(runtime)).collect();
    assert!(found.is_empty(), "{found:?} in\n{tree}");
}

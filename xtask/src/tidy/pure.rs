//! Nothing that speaks to a runtime, a network or a device is anywhere below a pure crate: whoever uses one gets none of it.

use std::{ffi::OsString, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::finding::{Finding, Rule};
use crate::repository::Repository;

/// The folders of the pure crates; their packages are called `forebay-` and the same.
const PURE: [&str; 4] = ["account", "admission", "contract", "limits"];

/// What they do without; a star stands for any end of the name.
const BANNED: [&str; 7] = ["worker", "wasm-bindgen", "js-sys", "web-sys", "tokio", "aws-*", "tch"];

/// What pure crates have below them and should not. An error where cargo does not say what they have.
pub(super) fn check(repository: &Repository) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in PURE {
        let package = format!("forebay-{folder}");
        let below = below(repository, &package)?;
        findings.extend(banned(&below).into_iter().map(|name| {
            let way = format!("cargo tree -p {package} --all-features --target all -i {name}");
            let what = format!("{name} is below a pure crate; {way} says how it comes there");
            Finding::new(&format!("{folder}/Cargo.toml"), 1, Rule::Pure, what)
        }));
    }
    Ok(findings)
}

/// The names of everything that a package is built from, on whatever machine and with whatever features.
fn below(repository: &Repository, package: &str) -> Result<Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--all-features", "--target", "all", "--edges", "normal,build", "--prefix", "none"])
        .args(["--package", package])
        .current_dir(repository.root())
        .output()
        .context("cargo tree cannot be started")?;
    let (names, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "cargo tree does not say what {package} is built from: {}", errors.trim());
    let names: Vec<String> = names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    ensure!(names.first().is_some_and(|first| first == package), "cargo tree says nothing of {package}");
    Ok(names)
}

/// What of these names no pure crate may have below it, each once.
fn banned(names: &[String]) -> Vec<&str> {
    let is = |name: &str, banned: &str| match banned.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == banned,
    };
    let mut found: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| BANNED.iter().any(|banned| is(name, banned))).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(package: &str) -> Result<Vec<String>> {
        let names = below(&Repository::find().unwrap(), package)?;
        Ok(banned(&names).into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn pure_crates_have_no_runtime_anywhere_below() {
        let found = check(&Repository::find().unwrap()).unwrap();
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_runtime_below_a_crate_is_found() {
        let found = of("forebay").unwrap();
        for name in ["aws-sigv4", "tokio"] {
            assert!(found.iter().any(|found| found == name), "{name}: {found:?}");
        }
        let edge = of("forebay-edge").unwrap();
        for name in ["worker", "wasm-bindgen", "js-sys", "web-sys"] {
            assert!(edge.iter().any(|found| found == name), "{name}: {edge:?}");
        }
    }

    #[test]
    fn a_crate_of_which_cargo_says_nothing_is_an_error() {
        let error = of("forebay-nowhere").unwrap_err().to_string();
        assert!(error.contains("forebay-nowhere"), "{error}");
    }
}

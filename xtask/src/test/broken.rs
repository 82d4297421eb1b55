//! What a change of a file can have broken: a table, from path to checks.

use std::{collections::BTreeSet, path::Path};

use clap::ValueEnum as _;

use super::{
    Check::{
        self, Clients, Clippy, ClippyLean, ClippyWasm, Console, Deny, E2e, Fmt, Infra, Localstack, Models, Simulation,
        Tidy, Unit,
    },
    promises,
};

/// What there is to look at again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) checks: BTreeSet<Check>,
    /// Where [`Check::E2e`] is among them.
    pub(super) promises: Promises,
}

/// Which promises may no longer hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Promises {
    All,
    /// None of the others.
    These(BTreeSet<String>),
}

impl Default for Promises {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

/// Where a row's promises are.
#[derive(Clone, Copy)]
enum Of {
    All,
    These(&'static [&'static str]),
}

const RUST: &[Check] = &[Fmt, Clippy, Unit];
const BACKEND: &[Check] = &[Fmt, Clippy, ClippyLean];

/// The first row that a path matches counts: `folder/`, the beginning of a path; `*.md`, its end; else the whole of it.
/// What no row names can have broken everything.
const TABLE: &[(&str, &[Check], Of)] = &[
    ("contract/README.md", &[], Of::These(&[])),
    ("contract/src/", &[Fmt, Clippy, ClippyLean, ClippyWasm, Unit, Simulation, Localstack, Models, E2e], Of::All),
    ("contract/tests/", RUST, Of::These(&[])),
    // The document that every answer is held to.
    ("edge/console/openapi.json", &[Unit, Clients, E2e], Of::All),
    ("edge/console/", &[Console, E2e], Of::These(&["console_follows_jobs"])),
    ("edge/src/", &[Fmt, Clippy, Unit, Simulation, ClippyWasm, E2e], Of::All),
    ("edge/build.rs", &[Fmt, Clippy, Unit, ClippyWasm, E2e], Of::All),
    ("edge/bindgen/", &[Fmt, Clippy, E2e], Of::All),
    ("edge/profile.toml", &[ClippyWasm, E2e], Of::All),
    ("edge/bench/", &[], Of::These(&[])),
    ("edge/README.md", &[], Of::These(&[])),
    ("edge/console.jpg", &[], Of::These(&[])),
    ("edge/package.json", &[Console, E2e], Of::All),
    ("edge/package-lock.json", &[Console, E2e], Of::All),
    ("edge/workerd.mjs", &[E2e], Of::All),
    ("edge/wrangler.jsonc", &[Unit, E2e], Of::All),
    ("edge/build.sh", &[Infra, E2e], Of::All),
    ("account/README.md", &[], Of::These(&[])),
    ("account/golden/", &[Unit, Simulation], Of::These(&[])),
    ("account/", &[Fmt, Clippy, ClippyWasm, Unit, Simulation, E2e], Of::All),
    ("admission/README.md", &[], Of::These(&[])),
    ("admission/", &[Fmt, Clippy, ClippyWasm, Unit, Simulation, E2e], Of::All),
    ("limits/README.md", &[Unit], Of::These(&[])),
    ("limits/src/", &[Fmt, Clippy, ClippyWasm, Unit, Simulation, E2e], Of::All),
    ("limits/", &[Fmt, Clippy, Unit], Of::These(&[])),
    ("backend/src/", &[Fmt, Clippy, ClippyLean, Unit, Simulation, Localstack, Models, E2e], Of::All),
    ("backend/benches/", BACKEND, Of::These(&[])),
    ("backend/tests/models.rs", &[Fmt, Clippy, Models], Of::These(&[])),
    ("backend/tests/pixels", &[Fmt, Clippy, Models], Of::These(&[])),
    ("backend/tests/", &[Fmt, Clippy, ClippyLean, Unit, Localstack], Of::These(&[])),
    ("cli/README.md", &[Unit], Of::These(&[])),
    ("cli/src/", &[Fmt, Clippy, Unit, Localstack, E2e], Of::These(&["command_line_does_a_job", "keys_are_managed"])),
    ("cli/tests/", &[Fmt, Clippy, Unit, Localstack], Of::These(&[])),
    ("cli/examples/", &[Fmt, Clippy], Of::These(&[])),
    ("clients/", &[Clients, E2e], Of::These(&["python_client_does_a_job"])),
    ("catalog/lanes.toml", &[Unit, E2e, Infra], Of::All),
    ("catalog/", &[Unit, E2e], Of::All),
    ("models/README.md", &[], Of::These(&[])),
    ("models/examples/", &[E2e], Of::These(&["own_model_needs_no_rust"])),
    ("models/", &[Unit, Models, E2e], Of::All),
    ("infra/burst/", &[Infra], Of::These(&[])),
    ("infra/worker/", &[Unit, Infra], Of::These(&[])),
    ("infra/forebay.yaml", &[Unit, Localstack, E2e, Infra], Of::All),
    ("infra/lanes/", &[Unit, Infra], Of::These(&[])),
    ("infra/network.yaml", &[Infra], Of::These(&[])),
    ("infra/fleet.yaml", &[Infra], Of::These(&[])),
    ("infra/alarms.yaml", &[Infra], Of::These(&[])),
    ("infra/tests/", &[Infra], Of::These(&[])),
    ("infra/cost.md", &[Infra], Of::These(&[])),
    ("infra/cost.py", &[Infra], Of::These(&[])),
    ("infra/cost.toml", &[Infra], Of::These(&[])),
    ("infra/environments/", &[Unit, Infra], Of::These(&[])),
    // It names outputs, and the runbook alarms.
    ("infra/README.md", &[Infra], Of::These(&[])),
    ("OPERATING.md", &[Infra], Of::These(&[])),
    ("localstack/", &[Unit, Localstack, E2e, Infra], Of::All),
    ("tests/e2e/", &[Fmt, Clippy, E2e], Of::All),
    ("tests/native/", &[Fmt, Clippy, Unit, Simulation], Of::These(&[])),
    ("tests/simulation/", &[Fmt, Clippy, Simulation], Of::These(&[])),
    ("tests/objects/", &[Fmt, Clippy, Unit], Of::These(&[])),
    ("tests/build.rs", &[Fmt, Clippy, E2e], Of::All),
    ("tests/schemathesis/", &[E2e], Of::These(&["document_holds_under_fuzzing"])),
    ("tests/fixtures/account_v1/", &[E2e], Of::These(&["old_layout_is_read"])),
    ("tests/fixtures/", &[Unit, Models, Console, E2e], Of::All),
    ("tests/console/real/", &[E2e], Of::These(&["console_follows_jobs"])),
    ("tests/console/README.md", &[], Of::These(&[])),
    ("tests/console/", &[Console, E2e], Of::These(&["console_follows_jobs"])),
    // What starts the parts of promises.
    ("xtask/src/stack/", &[Fmt, Clippy, Unit, Localstack, E2e], Of::All),
    ("xtask/src/process/", &[Fmt, Clippy, Unit, E2e], Of::All),
    ("xtask/src/build/", &[Fmt, Clippy, Unit, E2e], Of::All),
    // One of them shows whether they still can be run.
    ("xtask/src/test/", &[Fmt, Clippy, Unit, E2e], Of::These(&["image_is_classified"])),
    ("xtask/src/deploy/", &[Fmt, Clippy, Unit, Infra], Of::These(&[])),
    ("xtask/src/", RUST, Of::These(&[])),
    ("xtask/awscli.txt", &[Infra], Of::These(&[])),
    ("xtask/rivals/", &[], Of::These(&[])),
    ("rustfmt.toml", &[Fmt], Of::These(&[])),
    ("clippy.toml", &[Clippy, ClippyLean, ClippyWasm], Of::These(&[])),
    ("deny.toml", &[Deny], Of::These(&[])),
    // The steps of workflows are scripts.
    (".github/", &[Infra], Of::These(&[])),
    ("LICENSE", &[], Of::These(&[])),
    ("*.md", &[], Of::These(&[])),
];

/// What a change of the file at `path`, below the root of the checkout, can have broken.
pub(super) fn by(path: &str) -> Broken {
    if let Some(name) = path.strip_prefix("tests/e2e/promises/").and_then(|file| promises::name_of(Path::new(file))) {
        let promises = Promises::These(BTreeSet::from([name.to_owned()]));
        return Broken { checks: BTreeSet::from([Fmt, Tidy, Clippy, E2e]), promises };
    }
    let Some((_, checks, of)) = TABLE.iter().find(|(pattern, ..)| matches(pattern, path)) else {
        return Broken { checks: Check::value_variants().iter().copied().collect(), promises: Promises::All };
    };
    let promises = match of {
        Of::All => Promises::All,
        Of::These(names) => Promises::These(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    // Every text may name what is not there, or be what another one names.
    Broken { checks: checks.iter().copied().chain([Tidy]).collect(), promises }
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None if pattern.ends_with('/') => path.starts_with(pattern),
        None => path == pattern,
    }
}

impl Broken {
    /// What either of two changes can have broken.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.checks.extend(other.checks);
        self.promises = match (self.promises, other.promises) {
            (Promises::These(mut one), Promises::These(other)) => {
                one.extend(other);
                Promises::These(one)
            }
            _ => Promises::All,
        };
        self
    }
}

impl std::fmt::Display for Broken {
    /// `fmt, clippy, e2e (keys_are_managed)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.checks.len() == Check::value_variants().len() {
            return f.write_str("everything");
        }
        let shown = self.checks.iter().map(|check| match &self.promises {
            Promises::These(names) if *check == E2e => {
                format!("{} ({})", check.name(), names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            _ => check.name(),
        });
        let shown: Vec<String> = shown.collect();
        f.write_str(if shown.is_empty() { "nothing" } else { "" })?;
        f.write_str(&shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Repository;

    #[test]
    fn a_change_breaks_what_is_made_of_it() {
        for (path, broken) in [
            ("edge/src/routes.rs", "fmt, tidy, clippy, clippy-wasm, unit, simulation, e2e"),
            ("edge/console/app.mjs", "tidy, e2e (console_follows_jobs), console"),
            ("backend/src/pipeline.rs", "fmt, tidy, clippy, clippy-lean, unit, simulation, localstack, models, e2e"),
            ("tests/simulation/judge/ends.rs", "fmt, tidy, clippy, simulation"),
            ("backend/benches/planner.rs", "fmt, tidy, clippy, clippy-lean"),
            ("cli/src/exit.rs", "fmt, tidy, clippy, unit, localstack, e2e (command_line_does_a_job, keys_are_managed)"),
            ("tests/e2e/promises/full_lane_sheds.rs", "fmt, tidy, clippy, e2e (full_lane_sheds)"),
            ("tests/e2e/promises/mod.rs", "fmt, tidy, clippy, e2e"),
            ("tests/e2e/client.rs", "fmt, tidy, clippy, e2e"),
            ("clients/python/README.md", "tidy, e2e (python_client_does_a_job), clients"),
            ("models/examples/add_your_own.py", "tidy, e2e (own_model_needs_no_rust)"),
            ("xtask/src/up/watch.rs", "fmt, tidy, clippy, unit"),
            ("rustfmt.toml", "fmt, tidy"),
            ("deny.toml", "tidy, deny"),
            ("infra/fleet.yaml", "tidy, infra"),
            ("infra/worker/healthy.sh", "tidy, unit, infra"),
            ("xtask/src/deploy/lock.rs", "fmt, tidy, clippy, unit, infra"),
            ("OPERATING.md", "tidy, infra"),
            ("README.md", "tidy"),
            ("cli/README.md", "tidy, unit"),
        ] {
            assert_eq!(by(path).to_string(), broken, "{path}");
        }
    }

    #[test]
    fn what_is_not_known_can_have_broken_everything() {
        for path in
            ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml", ".cargo/config.toml", ".ci/run", "new/file", "edge/x"]
        {
            assert_eq!((by(path).to_string().as_str(), by(path).promises), ("everything", Promises::All), "{path}");
        }
    }

    #[test]
    fn changes_add_up_and_one_that_needs_all_promises_gets_them() {
        let (one, other) = (by("tests/e2e/promises/a.rs"), by("tests/e2e/promises/b.rs"));
        assert_eq!(one.clone().and(other).to_string(), "fmt, tidy, clippy, e2e (a, b)");
        assert_eq!(one.clone().and(by("README.md")).to_string(), "fmt, tidy, clippy, e2e (a)");
        assert_eq!(one.and(by("edge/workerd.mjs")).to_string(), "fmt, tidy, clippy, e2e");
    }

    #[test]
    fn promises_are_named_where_some_of_them_are_run_and_they_exist() {
        let known = promises::all(&Repository::find().unwrap()).unwrap();
        for (pattern, checks, of) in TABLE {
            let Of::These(names) = of else { continue };
            assert_eq!(checks.contains(&E2e), !names.is_empty(), "{pattern}");
            for name in *names {
                assert!(known.iter().any(|promise| promise.name == *name), "{pattern} names {name}");
            }
        }
    }

    #[test]
    fn every_row_is_about_something_and_every_rust_file_is_formatted_and_compiled() {
        let repository = Repository::find().unwrap();
        for (pattern, ..) in TABLE.iter().filter(|(pattern, ..)| !pattern.starts_with('*')) {
            assert!(repository.path(pattern).exists(), "{pattern}");
        }
        let folders = ["contract", "edge/src", "backend/src", "backend/tests", "cli/src", "tests/e2e", "xtask/src"];
        for folder in folders {
            let broken = by(&format!("{folder}/some/new_file.rs"));
            assert!(broken.checks.is_superset(&BTreeSet::from([Fmt, Clippy])), "{folder}: {broken}");
        }
    }
}

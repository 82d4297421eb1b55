use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    build::cargo,
    repository::Repository,
    setup::{WasmToolchain, cargo_deny, node, wasm_toolchain},
};

/// What a check wants to be running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    LocalStack,
    /// LocalStack, and the built edge and worker.
    Parts,
}

/// Which checks wait for each other: cargo lets one build at a time into a folder, and two fill the cores better than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Track {
    /// Builds into `target/debug`, and runs what was built.
    Main,
    /// Looks at what is compiled in other ways, into `target/release`.
    Side,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) track: Track,
    pub(super) needs: Needs,
    /// Run one after the other until one fails.
    pub(super) commands: Vec<Command>,
}

/// The checks that are asked for, in the order in which they run: quick and telling ones first.
pub(super) fn checks(repository: &Repository, only: &[String]) -> Result<Vec<Check>> {
    let all = all(repository)?;
    let names: Vec<&str> = all.iter().map(|check| check.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("there is no check {unknown:?}; there are {}", names.join(", "));
    }
    Ok(all.into_iter().filter(|check| only.is_empty() || only.iter().any(|name| name == check.name)).collect())
}

/// Every package but the backend. Packages that are built together share the sum of their features: with these, all that
/// the backend depends on would be compiled a second time, libtorch's bindings included.
const LIGHT: &str = "--package forebay-contract --package forebay-edge --package forebay --package forebay-xtask --package \
                     forebay-tests";

/// Warnings are errors, in the words by which `cargo clippy` tells clippy's compiler.
const DENY_WARNINGS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

fn all(repository: &Repository) -> Result<Vec<Check>> {
    let one = |arguments: &str| {
        let mut command = cargo(repository);
        command.args(arguments.split(' '));
        command
    };
    let run = |arguments: &str| vec![one(arguments)];
    // Clippy compiles the tests, as rustc would: what they depend on is compiled once, not again only to be looked at.
    let test = |arguments: &str| {
        let mut command = one(&format!("test {arguments}"));
        command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", DENY_WARNINGS);
        command
    };
    let check = |name, what, commands| Check { name, what, track: Track::Main, needs: Needs::Nothing, commands };
    let mut deny = Command::new(cargo_deny(repository));
    deny.current_dir(repository.root()).args(["check", "bans", "licenses", "sources"]);
    Ok(vec![
        check("fmt", "cargo fmt --check", run("fmt --all --check")),
        // --all-targets passes over tests that run only when they are named.
        check(
            "clippy",
            "clippy, natively, every target",
            vec![
                test(&format!("{LIGHT} --all-targets --no-run")),
                test(&format!("{LIGHT} --test * --no-run")),
                test("--package forebay-backend --all-targets --no-run"),
                test("--package forebay-backend --test * --no-run"),
            ],
        ),
        wasm_check(repository),
        Check {
            track: Track::Side,
            ..check(
                "clippy-lean",
                "clippy of the backend without libtorch",
                run("clippy --release --package forebay-backend --no-default-features --all-targets -- -D warnings"),
            )
        },
        check("unit", "unit and property tests, natively", vec![test(LIGHT), test("--package forebay-backend")]),
        Check {
            needs: Needs::LocalStack,
            ..check(
                "localstack",
                "contract tests of queue and store, Lambda functions and dead letters, against LocalStack",
                vec![
                    test("--package forebay-backend --test localstack --test lambda"),
                    test(&format!("{LIGHT} --test dlq")),
                ],
            )
        },
        check("models", "the exported models against PyTorch", vec![test("--package forebay-backend --test models")]),
        Check {
            needs: Needs::Parts,
            ..check("e2e", "the promises, end to end", vec![test(&format!("{LIGHT} --test e2e"))])
        },
        Check {
            track: Track::Side,
            ..check("console", "the console in Chromium, against a played edge", console_tests(repository)?)
        },
        check("deny", "licences and sources of what is depended on", vec![deny]),
    ])
}

/// Node.js runs what `npm test` in the folder runs; npm itself may be bound to an older one.
fn console_tests(repository: &Repository) -> Result<Vec<Command>> {
    const TESTS: &str =
        "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-reporter=tap --test-concurrency=2";
    let folder = repository.path("tests/console");
    let mut run = Command::new(node(repository)?);
    run.current_dir(&folder).args(TESTS.split(' ')).args(["pure/*.test.mjs", "played/*.test.mjs"]);
    Ok(vec![run])
}

/// A Rust that set-up made from Debian's packages has no clippy: there the compiler alone looks.
fn wasm_check(repository: &Repository) -> Check {
    // As the bundle is built, so that macros and build scripts are compiled already.
    let packages = ["--release", "--package", "forebay-edge", "--lib", "--target", "wasm32-unknown-unknown"];
    let mut command = cargo(repository);
    let what = match wasm_toolchain(repository) {
        WasmToolchain::Separate(folder) => {
            let bin = folder.join("bin");
            command.arg("check").args(packages).env("RUSTC", bin.join("rustc")).env("RUSTFLAGS", "-Dwarnings");
            "cargo check, for wasm (this wasm toolchain has no clippy)"
        }
        WasmToolchain::Own | WasmToolchain::Missing => {
            command.arg("clippy").args(packages).args(["--", "-D", "warnings"]);
            "clippy, for wasm"
        }
    };
    Check { name: "clippy-wasm", what, track: Track::Side, needs: Needs::Nothing, commands: vec![command] }
}

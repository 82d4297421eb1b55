use std::process::Command;

use anyhow::Result;

use super::Check;
use crate::{
    build::cargo,
    repository::Repository,
    setup::{CARGO_DENY, WasmToolchain, node, wasm_toolchain},
};

/// Every package but the backend. Packages that are built together share the sum of their features: with these, all that
/// the backend depends on would be compiled a second time, libtorch's bindings included.
const LIGHT: &str = "--package forebay-contract --package forebay-edge --package forebay --package forebay-xtask --package \
                     forebay-tests";

/// Everything of the backend but the engine. Its dependencies are compiled already; nothing runs, so nothing is optimised.
const LEAN: &str =
    "--no-default-features --features lambda,otlp --config profile.dev.package.forebay-backend.opt-level=0";

/// Warnings are errors, in the words by which `cargo clippy` tells clippy's compiler.
const DENY_WARNINGS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// Runs the tests of the light packages whose names hold `filter`, compiled as [`Check::Unit`] compiles them.
pub fn unit_test(repository: &Repository, filter: &str) -> Command {
    test(repository, &format!("{LIGHT} --lib -- {filter}"))
}

fn one(repository: &Repository, arguments: &str) -> Command {
    let mut command = cargo(repository);
    command.args(arguments.split(' '));
    command
}

/// Clippy compiles the tests, as rustc would: what they depend on is compiled once, not again only to be looked at.
fn test(repository: &Repository, arguments: &str) -> Command {
    let mut command = one(repository, &format!("test {arguments}"));
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", DENY_WARNINGS);
    command
}

/// The programs of a check, one after the other until one fails. To be asked for after the set-up that
/// brings what they run on.
pub(super) fn commands(repository: &Repository, check: Check) -> Result<Vec<Command>> {
    let one = |arguments: &str| one(repository, arguments);
    let test = |arguments: &str| test(repository, arguments);
    Ok(match check {
        Check::Fmt => vec![one("fmt --all --check")],
        // --all-targets passes over tests that run only when they are named.
        Check::Clippy => vec![
            test(&format!("{LIGHT} --all-targets --no-run")),
            test(&format!("{LIGHT} --test * --no-run")),
            test("--package forebay-backend --all-targets --no-run"),
            test("--package forebay-backend --test * --no-run"),
        ],
        Check::Unit => vec![test(LIGHT), test("--package forebay-backend")],
        Check::Localstack => vec![
            test("--package forebay-backend --test localstack --test lambda"),
            test(&format!("{LIGHT} --test dlq")),
        ],
        Check::Models => vec![test("--package forebay-backend --test models")],
        // The worker and the command line are built for tests of their own; a second build of them would differ in nothing
        // but the compiler's wrapper.
        Check::E2e => vec![
            test("--package forebay-backend --test spot --no-run"),
            test(&format!("{LIGHT} --test commands --no-run")),
            promises(repository),
        ],
        Check::ClippyWasm => vec![wasm_clippy(repository)],
        Check::ClippyLean => vec![test(&format!("--package forebay-backend --all-targets --no-run {LEAN}"))],
        Check::Console => vec![console_tests(repository)?],
        Check::Deny => {
            let mut deny = Command::new(CARGO_DENY.path(repository));
            deny.current_dir(repository.root()).args(["check", "bans", "licenses", "sources"]);
            vec![deny]
        }
    })
}

/// Two dozen edges are started, each for a minute at most: compiling the wasm a second time, better, never pays there.
fn promises(repository: &Repository) -> Command {
    let mut promises = test(repository, &format!("{LIGHT} --test e2e"));
    promises.env("MINIFLARE_WORKERD_V8_FLAGS", "--liftoff-only");
    promises
}

/// Node.js runs what `npm test` in the folder runs; npm itself may be bound to an older one.
fn console_tests(repository: &Repository) -> Result<Command> {
    const TESTS: &str =
        "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-reporter=tap --test-concurrency=2";
    let folder = repository.path("tests/console");
    let mut run = Command::new(node(repository)?);
    run.current_dir(&folder).args(TESTS.split(' ')).args(["pure/*.test.mjs", "played/*.test.mjs"]);
    Ok(run)
}

/// A Rust that set-up made from Debian's packages has no clippy: there the compiler alone looks.
fn wasm_clippy(repository: &Repository) -> Command {
    // As the bundle is built, so that macros and build scripts are compiled already.
    let packages = ["--release", "--package", "forebay-edge", "--lib", "--target", "wasm32-unknown-unknown"];
    let mut command = cargo(repository);
    match wasm_toolchain(repository) {
        WasmToolchain::Separate(folder) => {
            let bin = folder.join("bin");
            command.arg("check").args(packages).env("RUSTC", bin.join("rustc")).env("RUSTFLAGS", "-Dwarnings");
        }
        WasmToolchain::Own | WasmToolchain::Missing => {
            command.arg("clippy").args(packages).args(["--", "-D", "warnings"]);
        }
    }
    command
}

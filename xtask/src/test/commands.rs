use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{Check, deny, seeds};
use crate::{
    build::{cargo, workspace},
    repository::Repository,
    setup::{CFN_LINT, PYTHON_CLIENT, WasmToolchain, node, wasm_toolchain},
};

/// Warnings are errors, in the words by which `cargo clippy` tells clippy's compiler.
const DENY_WARNINGS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// Tests that run only when they are named.
const NAMED: [&str; 10] =
    ["--test", "localstack", "--test", "models", "--test", "pixels", "--test", "dlq", "--test", "e2e"];

/// The worker's parts without the engine. With the tests' package, for what it asks of what they share: see its Cargo.toml.
const CLOUD: &str = "--package forebay-backend --package forebay-tests --no-default-features --features \
                     forebay-backend/lambda,forebay-backend/otlp";

/// Runs the edge's unit tests whose names hold `filter`.
pub fn edge_test(repository: &Repository, filter: &str) -> Command {
    test(repository, &format!("--package forebay-edge --package forebay-tests --lib -- {filter}"))
}

fn one(repository: &Repository, arguments: &str) -> Command {
    let mut command = cargo(repository);
    command.args(arguments.split(' '));
    command
}

fn test(repository: &Repository, arguments: &str) -> Command {
    linted(one(repository, &format!("test {arguments}")))
}

/// Tests of everything, with the engine.
fn all(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = linted(workspace(repository, "test"));
    command.args(arguments);
    command
}

/// Clippy compiles the tests, as rustc would: what they depend on is compiled once, not again only to be looked at.
fn linted(mut command: Command) -> Command {
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", DENY_WARNINGS);
    command
}

/// This very program with another command.
fn own(repository: &Repository, command: &str) -> Result<Command> {
    let mut own = Command::new(own_program()?);
    own.current_dir(repository.root()).arg(command);
    Ok(own)
}

fn own_program() -> Result<PathBuf> {
    // Linux shows a program that was built anew meanwhile under a name that is no file's.
    Ok(std::env::current_exe()?.with_file_name("xtask"))
}

/// What is compiled for a check that wants a LocalStack, which starts meanwhile.
pub(super) fn builds(repository: &Repository, check: Check) -> Vec<Command> {
    let all = |arguments: &[&str]| all(repository, arguments);
    match check {
        Check::Localstack => vec![
            all(&["--test", "localstack", "--test", "dlq", "--no-run"]),
            test(repository, &format!("{CLOUD} --test lambda --no-run")),
        ],
        // The worker and the command line are built for tests of their own; a second build of them would differ in nothing
        // but the compiler's wrapper.
        Check::E2e => vec![all(&["--test", "spot", "--test", "commands", "--test", "e2e", "--no-run"])],
        _ => Vec::new(),
    }
}

/// The programs of a check, one after the other until one fails; of its tests only those of these names, where there are
/// any. To be asked for after the set-up that brings what they run on.
pub(super) fn commands(repository: &Repository, check: Check, names: &[String]) -> Result<Vec<Command>> {
    let one = |arguments: &str| one(repository, arguments);
    let test = |arguments: &str| test(repository, arguments);
    let named = |mut command: Command| {
        if !names.is_empty() {
            command.arg("--").args(names);
        }
        command
    };
    let all = |arguments: &[&str]| all(repository, arguments);
    Ok(match check {
        Check::Fmt => vec![one("fmt --all --check")],
        Check::Tidy => vec![own(repository, "tidy")?],
        // --all-targets passes over tests that run only when they are named.
        Check::Clippy => vec![all(&["--all-targets", "--no-run"]), all(&[&["--no-run"], NAMED.as_slice()].concat())],
        Check::Unit => vec![named(all(&[])), named(test(&format!("{CLOUD} --lib --test signals --test traces")))],
        Check::Simulation if names.is_empty() => vec![test(&format!("{CLOUD} --test simulation -- --nocapture"))],
        Check::Simulation => names.iter().map(|name| simulation(repository, name)).collect::<Result<_>>()?,
        Check::Localstack => {
            vec![named(all(&["--test", "localstack", "--test", "dlq"])), named(test(&format!("{CLOUD} --test lambda")))]
        }
        Check::Models => vec![named(all(&["--test", "models", "--test", "pixels"]))],
        Check::E2e => vec![promises(repository, names)],
        Check::ClippyWasm => vec![wasm_clippy(repository)],
        Check::ClippyLean => vec![
            test(&format!("{CLOUD} --all-targets --no-run")),
            // Without the engine: where nothing of libtorch is run, nothing of it need be found.
            test(&format!("{CLOUD} --test simulation --no-run")),
        ],
        Check::Infra => infra(repository)?,
        Check::Console => vec![console_tests(repository)?],
        Check::Clients => clients(repository)?,
        Check::Deny => deny::commands(repository),
        Check::Doc => {
            let mut doc = one("doc --workspace --no-deps");
            doc.env("RUSTDOCFLAGS", "-Dwarnings");
            vec![doc]
        }
    })
}

/// Two dozen edges are started, each for a minute at most: compiling the wasm a second time, better, never pays there.
fn promises(repository: &Repository, names: &[String]) -> Command {
    let mut promises = all(repository, &["--test", "e2e"]);
    promises.env("MINIFLARE_WORKERD_V8_FLAGS", "--liftoff-only").env("FOREBAY_TEST_PROMISES", names.join(","));
    promises
}

/// Some seeds; the history of what happened stands in the log.
fn simulation(repository: &Repository, name: &str) -> Result<Command> {
    const TEST: &str = "every_job_ends_once_whatever_fails";
    let seeds = seeds::parse(name)?;
    let mut command = test(repository, &format!("{CLOUD} --test simulation -- {TEST} --exact --nocapture"));
    command.env("FOREBAY_SIMULATION_SEEDS", format!("{}..{}", seeds.start, seeds.end));
    Ok(command)
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

/// Templates, scripts and the runbook, which no AWS is asked about. The last tests start LocalStacks of their own, with
/// services that others need not.
fn infra(repository: &Repository) -> Result<Vec<Command>> {
    let lint = CFN_LINT.path(repository);
    let tests = |python: PathBuf, file: &str| {
        let mut tests = Command::new(python);
        tests.args(["-m", "unittest", "discover", "--verbose", "--start-directory", "infra/tests", "--pattern", file]);
        tests
    };
    // This very program, as an operator runs it.
    let mut deployments = tests(repository.tool("localstack/bin/python"), "test_deploy.py");
    deployments.env("FOREBAY_XTASK", own_program()?);
    let mut templates = Command::new(&lint);
    // It finds the files by itself.
    templates.arg("infra/*.yaml");
    let mut commands = vec![templates];
    for file in ["test_templates.py", "test_cost.py", "test_scripts.py", "test_runbook.py"] {
        commands.push(tests(lint.with_file_name("python"), file));
    }
    commands.push(tests(repository.tool("localstack/bin/python"), "test_localstack.py"));
    commands.push(deployments);
    for command in &mut commands {
        command.current_dir(repository.root());
    }
    Ok(commands)
}

/// The client is tested as it is installed. Its tests run the examples for JavaScript too, against the same played edge.
fn clients(repository: &Repository) -> Result<Vec<Command>> {
    let python = PYTHON_CLIENT.path(repository);
    let (folder, installed) = (repository.path("clients/python"), repository.run("python-client"));
    let module = |arguments: &str| {
        let mut module = Command::new(&python);
        module.current_dir(&folder).arg("-m").args(arguments.split(' '));
        // Nothing is left in the checkout.
        module
            .env("MYPY_CACHE_DIR", repository.run("mypy"))
            .env("RUFF_NO_CACHE", "true")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        module
    };
    let mut tests = module("unittest discover --verbose --start-directory tests");
    tests
        .env("PYTHONPATH", &installed)
        .env("FOREBAY_NODE", node(repository)?)
        .env("HYPOTHESIS_STORAGE_DIRECTORY", repository.run("hypothesis"));
    Ok(vec![
        module("ruff check"),
        module("ruff format --check"),
        module("mypy"),
        installed_client(repository, &installed),
        tests,
    ])
}

/// Installs the client into a folder, for `PYTHONPATH`; nothing is asked of the network, for what it is built by and depends
/// on is there.
pub fn installed_client(repository: &Repository, folder: &Path) -> Command {
    let mut pip = Command::new(PYTHON_CLIENT.path(repository));
    pip.current_dir(repository.root()).args(["-m", "pip", "--disable-pip-version-check", "--no-input", "install"]);
    pip.args(["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--upgrade", "--target"]);
    pip.arg(folder).arg("clients/python");
    pip
}

/// A Rust that set-up made from Debian's packages has no clippy: there the compiler alone looks.
fn wasm_clippy(repository: &Repository) -> Command {
    // As the bundle is built, so that macros and build scripts are compiled already.
    let packages = "--package forebay-edge --package forebay-tests --lib --target wasm32-unknown-unknown --config \
                    edge/profile.toml"
        .split(' ');
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

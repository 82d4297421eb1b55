//! `cargo xtask`: see `cargo xtask --help`.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use forebay_xtask::{
    bench, build, console::Console, deploy, lanes, openapi, package, process::interrupt, repository::Repository, setup,
    test, tidy, up,
};

/// Forebay's own commands
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", after_help = "Example: cargo xtask up --once")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install, build and start everything on this machine, run a real image and three sentences through it, and keep
    /// running until Ctrl-C
    #[command(after_help = "Examples:\n  cargo xtask up\n  cargo xtask up --once\n  cargo xtask up --watch\n  \
                            cargo xtask up --name second --edge-port 8788 --localstack-port 4567")]
    Up(up::UpArguments),

    /// Install what is missing and run every check and test
    #[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --changed\n  \
                            cargo xtask test --only fmt,clippy\n  cargo xtask test --only unit -- token_bucket\n  \
                            cargo xtask test --only e2e -- killed_worker_loses_nothing\n  \
                            cargo xtask test --only e2e --keep -- full_lane\n  \
                            cargo xtask test --only simulation -- 7\n  cargo xtask test --list\n  \
                            cargo xtask test --all")]
    Test(test::TestArguments),

    /// Measure Forebay beside what bounds it: ratios, side by side in one run
    #[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench wait\n  cargo xtask bench edge --json")]
    Bench(bench::BenchArguments),

    /// Print the compiled catalog: what goes into KV under `catalog` to change plans or models without a deployment
    #[command(after_help = "Example: cargo xtask catalog > catalog.json")]
    Catalog,

    /// Write the queues, rights and alarms of infra/forebay.yaml and infra/alarms.yaml anew, from catalog/lanes.toml
    #[command(after_help = "Examples:\n  cargo xtask lanes && git diff infra\n  cargo xtask lanes --check")]
    Lanes(lanes::LanesArguments),

    /// Write edge/console/openapi.json anew, the OpenAPI document that the edge serves at /openapi.json, from the types and
    /// tables it describes
    #[command(after_help = "Example: cargo xtask openapi && git diff edge/console/openapi.json")]
    Openapi,

    /// Build the worker and pack it with its libraries and licences into a folder that can be moved, and an archive
    #[command(after_help = "Examples:\n  cargo xtask package\n  cargo xtask package --cuda --out /tmp/release\n  \
                            cargo xtask package burst --no-archive")]
    Package(package::PackageArguments),

    /// Bring one environment at AWS and Cloudflare to this checkout: artefacts, stacks, secrets, machines, the edge step by
    /// step, one job. Shows the plan first; run again, it goes on where it stopped
    #[command(after_help = "Examples:\n  cargo xtask deploy --dry-run\n  cargo xtask deploy\n  \
                            cargo xtask deploy --env staging --yes")]
    Deploy(deploy::DeployArguments),

    /// Go back to what was deployed before: edge, machines, reaper. Refuses to go past a migration of objects
    #[command(after_help = "Examples:\n  cargo xtask rollback --list\n  cargo xtask rollback\n  \
                            cargo xtask rollback --to 20261201T103000Z")]
    Rollback(deploy::RollbackArguments),

    /// Change a secret of an environment for another one, without a pause; run again, it goes on where it stopped
    #[command(
        after_help = "Examples:\n  cargo xtask rotate report-secret\n  cargo xtask rotate admin-token --env staging\n  \
                            cargo xtask rotate access-key --leaked"
    )]
    Rotate(deploy::RotateArguments),

    /// Take an environment away, but for what holds data: says what stays, and wants the prefix typed
    #[command(after_help = "Example: cargo xtask destroy --env staging")]
    Destroy(deploy::DestroyArguments),

    /// Install what is missing, into the checkout's own ignored folders
    #[command(after_help = "Example: cargo xtask setup")]
    Setup,

    /// Look whether documents and comments name what exists, whether lines and functions keep their lengths, and whether
    /// modules use each other in rings
    #[command(after_help = "Example: cargo xtask tidy")]
    Tidy,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = interrupt::watch().and_then(|()| Repository::find()).and_then(|repository| {
        let console = Console::stdout();
        match &arguments.command {
            Task::Up(arguments) => up::run(&repository, console, arguments),
            Task::Test(arguments) => test::run(&repository, console, arguments),
            Task::Bench(arguments) => bench::run(&repository, console, arguments),
            Task::Catalog => {
                console.line(serde_json::to_string_pretty(&build::catalog(&repository)?)?);
                Ok(())
            }
            Task::Lanes(arguments) => lanes::run(&repository, console, arguments),
            Task::Openapi => openapi::run(&repository, console),
            Task::Package(arguments) => package::run(&repository, console, arguments),
            Task::Deploy(arguments) => deploy::deploy(&repository, console, arguments),
            Task::Rotate(arguments) => deploy::rotate(&repository, console, arguments),
            Task::Rollback(arguments) => deploy::rollback(&repository, console, arguments),
            Task::Destroy(arguments) => deploy::destroy(&repository, console, arguments),
            Task::Setup => setup::run(&repository, console),
            Task::Tidy => tidy::run(&repository, console, &Arguments::command()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // What shells say of a program that ended by Ctrl-C.
        Err(error) if error.is::<interrupt::Interrupted>() => {
            Console::stderr().line("interrupted: everything that was started is stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            Console::stderr().failed("error", &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

//! `forebay account …`

mod erase;
mod export;
mod exported;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonArguments;
use crate::{failure::Failure, span};

#[derive(Debug, Args)]
pub(crate) struct AccountArguments {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Write all that the service keeps of the account below a folder
    #[command(
        after_help = "Jobs are lines of jobs.jsonl, newest first, results files in results/, the rest JSON: usage.json, \
                            quota.json, webhooks.json (without secrets, which are shown once). Interrupted, the same \
                            command goes on; once it is whole, the same command begins anew.\n\n\
                            Example: forebay account export acme-2026-12/"
    )]
    Export(ExportArguments),

    /// Erase all data of the account: every job's input and result, every webhook
    #[command(
        after_help = "The bill's numbers stay, and API keys, which are the operator's. What is submitted meanwhile is not \
                            touched. It goes on where it is interrupted: the same command waits for it again.\n\n\
                            Example: forebay account export acme/ && forebay account erase --yes > receipt.json"
    )]
    Erase(EraseArguments),
}

#[derive(Debug, Args)]
struct ExportArguments {
    /// The folder; made where there is none
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
struct EraseArguments {
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,

    /// How long to wait until all is gone
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span::parse)]
    timeout: u64,

    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &AccountArguments) -> Result<(), Failure> {
    match &arguments.command {
        AccountCommand::Export(arguments) => export::run(arguments).await,
        AccountCommand::Erase(arguments) => erase::run(arguments).await,
    }
}

//! Every command, and what does it.

use std::pin::Pin;

use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, Command},
    commands::{
        account, cancel, completions, get, jobs, models, plan, quota, retry, submit, usage, wait, watch, webhooks,
    },
    dlq,
    failure::Failure,
    keys,
};

/// Does what is asked for.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let work: Pin<Box<dyn Future<Output = Result<(), Failure>> + '_>> = match command {
        Command::Keys(arguments) => return keys::run(arguments),
        Command::Dlq(arguments) => return dlq::run(arguments),
        Command::Completions(arguments) => return completions::run(arguments, Arguments::command()),
        Command::Submit(arguments) => Box::pin(submit::run(arguments)),
        Command::Wait(arguments) => Box::pin(wait::run(arguments)),
        Command::Get(arguments) => Box::pin(get::run(arguments)),
        Command::Cancel(arguments) => Box::pin(cancel::run(arguments)),
        Command::Retry(arguments) => Box::pin(retry::run(arguments)),
        Command::Jobs(arguments) => Box::pin(jobs::run(arguments)),
        Command::Quota(arguments) => Box::pin(quota::run(arguments)),
        Command::Models(arguments) => Box::pin(models::run(arguments)),
        Command::Plan(arguments) => Box::pin(plan::run(arguments)),
        Command::Usage(arguments) => Box::pin(usage::run(arguments)),
        Command::Watch(arguments) => Box::pin(watch::run(arguments)),
        Command::Account(arguments) => Box::pin(account::run(arguments)),
        Command::Webhooks(arguments) => Box::pin(webhooks::run(arguments)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work)
}

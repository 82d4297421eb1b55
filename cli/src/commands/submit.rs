//! `forebay submit`

use std::{
    io::{Write as _, stdout},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use forebay::Retry;

use super::{Common, asked::AskedArguments};
use crate::{
    batch::{Accepted, Batch, Begun, Goal, Options},
    failure::Failure,
    inputs::{InputArguments, Item},
    progress,
    sink::{Count, Sink},
    span, table,
};

#[derive(Debug, Args)]
pub(crate) struct SubmitArguments {
    #[command(flatten)]
    asked: AskedArguments,

    #[command(flatten)]
    inputs: InputArguments,

    #[command(flatten)]
    results: ResultArguments,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
struct ResultArguments {
    /// Wait for the results and write them to standard output; those of several inputs as lines of JSON
    #[arg(long)]
    wait: bool,

    /// Wait for the results and write them to this file; a folder if it is one, ends with a slash, or there are several
    #[arg(long, value_name = "PATH", conflicts_with = "beside")]
    out: Option<PathBuf>,

    /// Wait for the results and write each next to its input
    #[arg(long)]
    beside: bool,

    /// How long to wait
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
    timeout: u64,

    /// The most inputs at once, 1 to 100; fewer when the service pushes back
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=100))]
    parallel: u8,

    /// What is done already; kept with the results unless said
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Try again what failed in an earlier run
    #[arg(long)]
    again: bool,
}

pub(super) async fn run(arguments: &SubmitArguments) -> Result<(), Failure> {
    let SubmitArguments { asked, inputs, common, .. } = arguments;
    let items = inputs.items()?;
    let options = options(arguments, &items)?;
    if let Some((one, other)) = options.sink.collision(&items) {
        let advice = "submit the folder that holds both, or use --beside";
        return Err(Failure::Usage(format!("{} and {} would have one result file: {advice}", one.name, other.name)));
    }
    // The batch itself asks again, so that it can hold the others back meanwhile.
    let client = common.connection.client_with(Retry::never())?;
    let begun = Begun::new(asked.identity()?, &asked.model)?;
    let batch = Batch { client: &client, template: asked.template()?, begun, items, options };
    let submitted = batch.run().await?;
    if !submitted.is_empty() {
        write!(stdout(), "{}", rendered(&submitted))?;
    }
    Ok(())
}

fn options(arguments: &SubmitArguments, items: &[Item]) -> Result<Options, Failure> {
    let SubmitArguments { inputs, results, common, .. } = arguments;
    // A folder is meant to have more than it has today.
    let has_folder = inputs.paths.iter().any(|path| Path::new(path).is_dir());
    let count = if items.len() > 1 || has_folder { Count::Several } else { Count::One };
    let sink = match &results.out {
        Some(path) if path.as_os_str() == "-" => Sink::Stdout,
        Some(path) => Sink::out(path, count),
        None if results.beside => Sink::Beside,
        None => Sink::Stdout,
    };
    let wait = results.wait || results.out.is_some() || results.beside;
    let patience = Duration::from_secs(if count == Count::Several { 600 } else { 60 });
    let kept_with_results = || items.first().and_then(|first| sink.journal(first));
    Ok(Options {
        goal: if wait { Goal::Results } else { Goal::Submitted },
        kind: inputs.kind,
        again: results.again,
        in_lines: common.json || (wait && count == Count::Several && sink == Sink::Stdout),
        parallel: usize::from(results.parallel),
        timeout_s: results.timeout,
        retry: Retry { patience: common.connection.patience_or(patience), ..Retry::default() },
        journal: results.journal.clone().or_else(kept_with_results),
        sink,
    })
}

/// The jobs in a table, in the order in which the service took them.
fn rendered(submitted: &[Accepted]) -> String {
    let cells = |Accepted { input, job }: &Accepted| [job.id.to_string(), input.clone(), progress::line(job)];
    table::render(["ID", "INPUT", "STATUS"], &submitted.iter().map(cells).collect::<Vec<_>>())
}

//! `forebay submit`

use std::{
    io::{Write as _, stderr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use forebay::Retry;

use super::{CommonArguments, asked::AskedArguments};
use crate::{
    batch::{Batch, Begun, Goal, JournalFile, Options},
    failure::Failure,
    inputs::{InputArguments, Inputs},
    settings::Reached,
    sink::{Count, Sink},
    span,
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
    common: CommonArguments,
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

    /// The most inputs at once, 1 to 100; fewer when the service pushes back, or the line is slow
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=100))]
    parallel: u8,

    /// What is done already; kept with the results, or until all is done below ~/.local/state/forebay, unless said
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Try again what failed in an earlier run; a deadline that has passed counts from now
    #[arg(long)]
    again: bool,

    /// Forget what an earlier run of the same command did, and do all of it once more
    #[arg(long, conflicts_with = "again")]
    anew: bool,
}

pub(crate) async fn run(arguments: &SubmitArguments) -> Result<(), Failure> {
    let SubmitArguments { asked, inputs, common, .. } = arguments;
    let inputs = inputs.gather()?;
    // The batch itself asks again, so that it can hold the others back meanwhile.
    let reached = common.connection.reach(Retry::never())?;
    let request = asked.identity()?;
    let options = options(arguments, &inputs, &reached, &request)?;
    if let Some((one, other)) = options.sink.collision(&inputs.items) {
        let advice = "submit the folder that holds both, or use --beside";
        return Err(Failure::Usage(format!("{} and {} would have one result file: {advice}", one.name, other.name)));
    }
    let begun = Begun::new(request, &asked.model)?;
    let (template, spans) = (asked.template()?, asked.spans());
    let batch = Batch { client: &reached.client, template, spans, begun, items: inputs.items, options };
    batch.run().await
}

fn options(
    arguments: &SubmitArguments,
    gathered: &Inputs,
    reached: &Reached,
    request: &str,
) -> Result<Options, Failure> {
    let SubmitArguments { inputs, results, common, .. } = arguments;
    // A folder is meant to have more than it has today.
    let has_folder = inputs.paths.iter().any(|path| Path::new(path).is_dir());
    let count = if gathered.items.len() > 1 || has_folder { Count::Several } else { Count::One };
    let sink = match &results.out {
        Some(path) if path.as_os_str() == "-" => Sink::Stdout,
        Some(path) => Sink::out(path, count),
        None if results.beside => Sink::Beside,
        None => Sink::Stdout,
    };
    let wait = results.wait || results.out.is_some() || results.beside;
    let patience = Duration::from_secs(if count == Count::Several { 600 } else { 60 });
    let with_results = || gathered.items.first().and_then(|first| sink.journal(first));
    let journal = match (results.journal.clone().or_else(with_results), &reached.state) {
        (Some(path), _) => JournalFile::Always(path),
        (None, Some(state)) if count == Count::Several => {
            match JournalFile::until_done(state, request, &reached.whose, &gathered.named) {
                Ok(file) => file,
                Err(error) => {
                    let advice =
                        "interrupted, this cannot be gone on with, unless --journal says where to know it from";
                    writeln!(stderr(), "forebay: {} cannot be written: {error}; {advice}", state.display())?;
                    JournalFile::Nowhere
                }
            }
        }
        (None, _) => JournalFile::Nowhere,
    };
    Ok(Options {
        goal: if wait { Goal::Results } else { Goal::Submitted },
        kind: inputs.kind,
        again: results.again,
        in_lines: common.json || (wait && count == Count::Several && sink == Sink::Stdout),
        parallel: usize::from(results.parallel),
        timeout_s: results.timeout,
        retry: Retry { patience: common.connection.patience_or(patience), ..Retry::default() },
        journal,
        anew: results.anew,
        left_out: gathered.left_out.clone(),
        sink,
    })
}

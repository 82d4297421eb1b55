//! `forebay plan`

use std::io::{Write as _, stderr, stdout};

use clap::Args;
use forebay::{ForeseenWait, Foresight};

use super::{CommonArguments, asked::AskedArguments, write_json};
use crate::{failure::Failure, inputs::InputArguments, moment, progress, table};

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    asked: AskedArguments,

    #[command(flatten)]
    inputs: InputArguments,

    #[command(flatten)]
    common: CommonArguments,
}

/// A row each input; as for submissions, a refusal ends with its exit code, but all rows are there.
pub(crate) async fn run(arguments: &PlanArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    let template = arguments.asked.spans().from(moment::now_ms()).of(arguments.asked.template()?);
    let mut rows = Vec::new();
    let mut refused = None;
    let inputs = arguments.inputs.gather()?;
    if let Some(left_out) = &inputs.left_out {
        // Where standard error is closed nobody reads it.
        let _ = writeln!(stderr(), "{left_out}");
    }
    for item in inputs.items {
        let input = item.read(arguments.inputs.kind).map_err(Failure::Usage)?;
        let foresight = client.plan(&template.clone().input(input)).await?;
        match arguments.common.json {
            true => write_json(&foresight.json)?,
            false => rows.push(cells(&item.name, &foresight)),
        }
        refused = refused.or(foresight.value.problem);
    }
    if !arguments.common.json {
        write!(stdout(), "{}", table::render(["INPUT", "DECISION", "MODEL", "LANE", "COST", "NOTE"], &rows))?;
    }
    refused.map_or(Ok(()), |problem| Err(Failure::Refused(Box::new(problem))))
}

fn cells(name: &str, foresight: &Foresight) -> [String; 6] {
    let wait = |wait: &ForeseenWait| {
        format!("about {}, at most {}", progress::span(wait.expected_ms), progress::span(wait.most_ms))
    };
    let note = match (&foresight.problem, &foresight.degraded) {
        (Some(problem), _) => problem.detail.clone(),
        (None, Some(degraded)) => format!("degraded: {degraded}"),
        (None, None) => foresight.wait.as_ref().map(wait).unwrap_or_default(),
    };
    let model = format!("{}@{}", foresight.model, foresight.version);
    let cost = progress::span(foresight.cost_ms);
    [name.to_owned(), foresight.decision.clone(), model, foresight.lane.clone(), cost, note]
}

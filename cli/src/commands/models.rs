//! `forebay models`

use clap::Args;
use forebay::{Model, Models};

use super::CommonArguments;
use crate::{failure::Failure, table};

#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &ModelsArguments) -> Result<(), Failure> {
    let models = arguments.common.connection.client()?.models().await?;
    arguments.common.write(&models.json, || rendered(&models))
}

fn rendered(models: &Models) -> String {
    let cells = |model: &Model| {
        let parameters: Vec<_> = model.parameters.keys().map(String::as_str).collect();
        let name = format!("{}@{}", model.name, model.version);
        [name, model.task.clone(), model.input.kind.clone(), parameters.join(", "), model.title.clone()]
    };
    let rows: Vec<_> = models.models.iter().map(cells).collect();
    table::render(["MODEL", "TASK", "INPUT", "PARAMETERS", "TITLE"], &rows)
}

//! `forebay cancel`

use clap::Args;
use forebay::JobId;

use super::{CommonArguments, for_each};
use crate::{failure::Failure, progress};

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// The jobs' ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,

    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &CancelArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    for_each(&arguments.ids, |id| {
        let client = client.clone();
        async move {
            let job = client.cancel(&id).await?;
            arguments.common.write(&job.json, || format!("{id} is {}\n", progress::line(&job)))
        }
    })
    .await
}

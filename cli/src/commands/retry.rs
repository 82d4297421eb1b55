//! `forebay retry`

use clap::Args;
use forebay::JobId;

use super::{CommonArguments, for_each};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct RetryArguments {
    /// The jobs' ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,

    #[command(flatten)]
    common: CommonArguments,
}

/// The new id alone goes to standard output, so that `forebay wait $(forebay retry ID)` waits for it.
pub(crate) async fn run(arguments: &RetryArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    for_each(&arguments.ids, |id| {
        let client = client.clone();
        async move {
            let job = client.retry(&id).await?;
            arguments.common.write(&job.json, || format!("{}\n", job.id))
        }
    })
    .await
}

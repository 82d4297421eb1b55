use clap::{Args, Subcommand};
use forebay_contract::{JobId, Lane};

#[derive(Debug, Args)]
pub(crate) struct DlqArguments {
    /// Queue URLs without their `-LANE` end, as infra's output QueueUrlPrefix says
    #[arg(long, env = "FOREBAY_QUEUE_URL_PREFIX", value_name = "URL", global = true)]
    pub(super) queue_url_prefix: Option<String>,

    /// Write JSON, for machines
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: DlqCommand,
}

impl DlqArguments {
    /// Whether it only shows something.
    pub(crate) fn only_shows(&self) -> bool {
        !matches!(self.command, DlqCommand::Redrive { .. })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum DlqCommand {
    /// Count the dead letters of lanes
    #[command(after_help = "Example: forebay dlq list\n         forebay dlq list free-light acme")]
    List {
        /// Which lanes; without any all that SQS lists under the prefix
        #[arg(value_name = "LANE")]
        lanes: Vec<Lane>,
    },

    /// Show whose dead letters they are, without what they hold
    #[command(after_help = "Example: forebay dlq show free-light --limit 50")]
    Show {
        /// The lane's name, such as free-light
        lane: Lane,

        /// The most that are shown
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },

    /// Send dead letters back to their lane, to be tried again
    #[command(
        after_help = "A job whose failure is stored already stays failed; its result can be found when the same \
                            is asked again.\n\nExample: forebay dlq redrive free-light"
    )]
    Redrive {
        /// The lane's name, such as free-light
        lane: Lane,

        /// This job alone
        #[arg(long, value_name = "ID", value_parser = job)]
        job: Option<String>,
    },
}

fn job(text: &str) -> Result<String, String> {
    text.parse::<JobId>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

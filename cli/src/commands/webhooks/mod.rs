//! `forebay webhooks …`

mod delivering;
mod endpoints;
mod show;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use forebay::{DeliveryId, WebhookId};

use super::CommonArguments;
use crate::{failure::Failure, span};

#[derive(Debug, Args)]
pub(crate) struct WebhooksArguments {
    #[command(subcommand)]
    command: WebhooksCommand,
}

impl WebhooksArguments {
    /// Whether it only shows something.
    pub(crate) fn only_shows(&self) -> bool {
        use WebhooksCommand::{Deliveries, List, Show};
        matches!(self.command, List { .. } | Show(_) | Deliveries(_))
    }
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// List the account's endpoints
    #[command(after_help = "Example: forebay webhooks list")]
    List {
        #[command(flatten)]
        common: CommonArguments,
    },

    /// Make an endpoint; its secret is written once, to standard output
    #[command(after_help = "Receivers check signatures with a library of https://www.standardwebhooks.com.\n\n\
                            Example: forebay webhooks create https://example.com/hook --event job.failed > hook.secret")]
    Create(CreateWebhookArguments),

    /// Show an endpoint
    #[command(after_help = "Example: forebay webhooks show wh_06h02735b1oir36bdd6g1dqo40")]
    Show(EndpointArguments),

    /// Change an endpoint, or switch it off and on
    #[command(after_help = "Example: forebay webhooks update wh_06h02735b1oir36bdd6g1dqo40 --disable")]
    Update(UpdateWebhookArguments),

    /// End an endpoint, for good
    #[command(after_help = "Example: forebay webhooks delete wh_06h02735b1oir36bdd6g1dqo40")]
    Delete(EndpointArguments),

    /// Make a new secret, written once to standard output; the one before signs too for 24 hours
    #[command(after_help = "Example: forebay webhooks rotate wh_06h02735b1oir36bdd6g1dqo40 > hook.secret")]
    Rotate(EndpointArguments),

    /// Send an endpoint a test, and say how it went
    #[command(after_help = "Example: forebay webhooks test wh_06h02735b1oir36bdd6g1dqo40")]
    Test(TestWebhookArguments),

    /// List what was and is to be delivered, newest first
    #[command(after_help = "Example: forebay webhooks deliveries wh_06h02735b1oir36bdd6g1dqo40 --limit 50")]
    Deliveries(DeliveriesArguments),

    /// Deliver something once more, under the same id
    #[command(
        after_help = "Example: forebay webhooks replay wh_06h02735b1oir36bdd6g1dqo40 msg_06h0280q2s1g36bdd6g1dqo40"
    )]
    Replay(ReplayDeliveryArguments),
}

#[derive(Debug, Args)]
struct EndpointArguments {
    /// The endpoint's id; `forebay webhooks list` shows them
    #[arg(value_name = "ID")]
    id: WebhookId,

    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
struct CreateWebhookArguments {
    /// Where deliveries go: https, and no address of a private network
    #[arg(value_name = "TARGET")]
    target: String,

    #[command(flatten)]
    wanted: WantedArguments,

    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
struct WantedArguments {
    /// Tell of this alone; may be given again. Every end of a job unless said
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<EndEvent>,

    /// What to call the endpoint
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    description: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["target", "events", "description", "enable", "disable"]))]
struct UpdateWebhookArguments {
    /// The endpoint's id
    #[arg(value_name = "ID")]
    id: WebhookId,

    /// Deliver here from now on
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,

    #[command(flatten)]
    wanted: WantedArguments,

    /// Deliver again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,

    /// Deliver nothing
    #[arg(long)]
    disable: bool,

    #[command(flatten)]
    common: CommonArguments,
}

#[derive(Debug, Args)]
struct TestWebhookArguments {
    #[command(flatten)]
    endpoint: EndpointArguments,

    /// How long to wait for the endpoint's answer; 0 for not at all
    #[arg(long, value_name = "SPAN", default_value = "20s", value_parser = span::parse)]
    timeout: u64,
}

#[derive(Debug, Args)]
struct DeliveriesArguments {
    #[command(flatten)]
    endpoint: EndpointArguments,

    /// How many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(Debug, Args)]
struct ReplayDeliveryArguments {
    /// The endpoint's id
    #[arg(value_name = "ID")]
    id: WebhookId,

    /// The delivery's id; `forebay webhooks deliveries` shows them
    #[arg(value_name = "DELIVERY")]
    delivery: DeliveryId,

    #[command(flatten)]
    common: CommonArguments,
}

/// The ends of jobs that an endpoint may ask for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum EndEvent {
    #[value(name = "job.succeeded")]
    Succeeded,
    #[value(name = "job.failed")]
    Failed,
    #[value(name = "job.canceled")]
    Canceled,
    #[value(name = "job.expired")]
    Expired,
}

impl EndEvent {
    fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "job.succeeded",
            Self::Failed => "job.failed",
            Self::Canceled => "job.canceled",
            Self::Expired => "job.expired",
        }
    }
}

impl WantedArguments {
    /// What was named; `None` for every end.
    fn events(&self) -> Option<Vec<String>> {
        let names = self.events.iter().map(|event| event.name().to_owned());
        (!self.events.is_empty()).then(|| names.collect())
    }
}

/// Does what is asked for.
pub(crate) async fn run(arguments: &WebhooksArguments) -> Result<(), Failure> {
    match &arguments.command {
        WebhooksCommand::List { common } => endpoints::list(common).await,
        WebhooksCommand::Create(wanted) => endpoints::create(wanted).await,
        WebhooksCommand::Show(endpoint) => endpoints::show(endpoint).await,
        WebhooksCommand::Update(change) => endpoints::update(change).await,
        WebhooksCommand::Delete(endpoint) => endpoints::delete(endpoint).await,
        WebhooksCommand::Rotate(endpoint) => endpoints::rotate(endpoint).await,
        WebhooksCommand::Test(test) => delivering::test(test).await,
        WebhooksCommand::Deliveries(wanted) => delivering::list(wanted).await,
        WebhooksCommand::Replay(replay) => delivering::replay(replay).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_called_what_the_service_calls_them() {
        for event in EndEvent::value_variants() {
            assert_eq!(event.to_possible_value().unwrap().get_name(), event.name());
        }
    }
}

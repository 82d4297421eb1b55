use clap::{Parser, Subcommand};

use crate::{
    commands::{
        account::AccountArguments, cancel::CancelArguments, completions::CompletionsArguments, get::GetArguments,
        jobs::JobsArguments, models::ModelsArguments, plan::PlanArguments, quota::QuotaArguments,
        retry::RetryArguments, submit::SubmitArguments, usage::UsageArguments, wait::WaitArguments,
        watch::WatchArguments, webhooks::WebhooksArguments,
    },
    dlq::DlqArguments,
    exit,
    keys::KeysArguments,
};

/// Forebay's command line
#[derive(Debug, Parser)]
#[command(name = "forebay", version, after_help = exit::HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit files, folders, texts or standard input; wait for results and keep them
    #[command(
        after_help = "Many inputs are one submission: at most --parallel are under way, fewer when the service pushes \
                            back. What is done is kept in a journal, and the same command again does what is left, also \
                            after Ctrl-C: beside the results where they go to files, else below ~/.local/state/forebay \
                            (XDG_STATE_HOME) until all is done.\n\n\
                            Example: forebay submit efficientnet-lite0 photos/ -p top_k=3 --out results/"
    )]
    Submit(Box<SubmitArguments>),

    /// Wait until jobs end
    #[command(
        after_help = "Example: forebay wait job_06h02735b1oir36bdd6g1dqo40qpoqhgosrlus71ro --result --timeout 10m"
    )]
    Wait(WaitArguments),

    /// Show jobs, or write their results
    #[command(after_help = "Example: forebay get job_06h02735b1oir36bdd6g1dqo40qpoqhgosrlus71ro --out result.json")]
    Get(GetArguments),

    /// Call jobs off
    #[command(after_help = "Example: forebay cancel job_06h02735b1oir36bdd6g1dqo40qpoqhgosrlus71ro")]
    Cancel(CancelArguments),

    /// Make new jobs of those that failed, were called off or expired
    #[command(after_help = "The new ids go to standard output.\n\n\
                            Example: forebay wait $(forebay retry job_06h02735b1oir36bdd6g1dqo40qpoqhgosrlus71ro)")]
    Retry(RetryArguments),

    /// List jobs, newest first
    #[command(after_help = "Example: forebay jobs --status failed --limit 50")]
    Jobs(JobsArguments),

    /// Show every limit and how it stands
    #[command(after_help = "Example: forebay quota")]
    Quota(QuotaArguments),

    /// List what may be asked for
    #[command(after_help = "Example: forebay models")]
    Models(ModelsArguments),

    /// Say what a submission would come to, and spend nothing
    #[command(after_help = "Example: forebay plan efficientnet-lite0 cat.png -p top_k=3")]
    Plan(Box<PlanArguments>),

    /// Show what was used, by day and model
    #[command(after_help = "Example: forebay usage --from 2026-11-01 --to 2026-11-30 --csv")]
    Usage(UsageArguments),

    /// Tell what happens to jobs, as it happens
    #[command(after_help = "Example: forebay watch job_06h02735b1oir36bdd6g1dqo40qpoqhgosrlus71ro")]
    Watch(WatchArguments),

    /// Have a service of yours told when jobs end
    #[command(after_help = "Example: forebay webhooks create https://example.com/hook > hook.secret")]
    Webhooks(WebhooksArguments),

    /// Take all data of the account away with you, or erase it
    #[command(after_help = "Example: forebay account export acme/")]
    Account(AccountArguments),

    /// Write the completions of a shell
    #[command(after_help = "Example: forebay completions bash > ~/.local/share/bash-completion/completions/forebay")]
    Completions(CompletionsArguments),

    /// Create, list, rotate and revoke API keys
    #[command(after_help = "The operator's token comes from the variable FOREBAY_ADMIN_TOKEN or from a file, never \
                            from an argument: other users of a machine can read those.\n\n\
                            Example: forebay keys create --account acme --plan pro --url https://jobs.example.com")]
    Keys(KeysArguments),

    /// Look at the messages that no worker could finish, and send them back
    #[command(after_help = "It speaks to SQS with your own AWS credentials: AWS_REGION, AWS_ACCESS_KEY_ID, \
                            AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.\n\n\
                            Example: forebay dlq show free-light --queue-url-prefix https://sqs.eu-west-1.amazonaws.com/1/forebay")]
    Dlq(DlqArguments),
}

impl Command {
    /// Whether it only shows something: whoever stops reading has what they wanted.
    pub(crate) fn only_shows(&self) -> bool {
        match self {
            Self::Get(_) | Self::Jobs(_) | Self::Quota(_) | Self::Models(_) | Self::Plan(_) => true,
            Self::Usage(_) | Self::Watch(_) | Self::Completions(_) => true,
            Self::Keys(arguments) => arguments.only_shows(),
            Self::Dlq(arguments) => arguments.only_shows(),
            Self::Webhooks(arguments) => arguments.only_shows(),
            Self::Submit(_) | Self::Wait(_) | Self::Cancel(_) | Self::Retry(_) | Self::Account(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &mut clap::Command) {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example: forebay"), "{}", command.get_name());
            // clap's own `help` shows the help of the others.
            for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
                check(inner);
            }
        }
        check(&mut Arguments::command());
    }
}

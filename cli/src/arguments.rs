use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        CancelArguments, CompletionsArguments, GetArguments, JobsArguments, ModelsArguments, PlanArguments,
        QuotaArguments, RetryArguments, SubmitArguments, UsageArguments, WaitArguments, WatchArguments,
        WebhooksArguments,
    },
    exit, span,
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
    Dlq(crate::dlq::DlqArguments),
}

impl Command {
    /// Whether it only tells something: whoever stops reading has what they wanted.
    pub(crate) fn only_tells(&self) -> bool {
        match self {
            Self::Get(_) | Self::Jobs(_) | Self::Quota(_) | Self::Models(_) | Self::Plan(_) => true,
            Self::Usage(_) | Self::Watch(_) | Self::Completions(_) => true,
            Self::Keys(arguments) => matches!(arguments.command, KeysCommand::List { .. }),
            Self::Dlq(arguments) => arguments.only_tells(),
            Self::Webhooks(arguments) => arguments.only_tells(),
            Self::Submit(_) | Self::Wait(_) | Self::Cancel(_) | Self::Retry(_) => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct KeysArguments {
    #[command(flatten)]
    pub(crate) service: Service,

    /// Write JSON, for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

/// Which service, and by which right.
#[derive(Debug, Args)]
pub(crate) struct Service {
    /// Where the edge answers
    #[arg(long, env = "FOREBAY_URL", value_name = "URL", global = true)]
    pub(crate) url: Option<String>,

    /// A profile of the configuration file; else FOREBAY_PROFILE, or its `default`
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,

    /// The file of the operator's token; without it the variable FOREBAY_ADMIN_TOKEN
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) admin_token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key; its secret is written once, to standard output
    #[command(after_help = "Example: forebay keys create --account acme --plan pro --name laptop --expires-in 90d")]
    Create(CreateArguments),

    /// List all secrets of all keys, without the secrets themselves
    #[command(after_help = "Example: forebay keys list --account acme")]
    List {
        /// Only those of one account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },

    /// Make a new secret for a key; the older ones go on for a while
    #[command(after_help = "Example: forebay keys rotate 3f1c0ab92d47 --grace 24h")]
    Rotate {
        /// The key's id
        #[arg(value_parser = parse_id)]
        id: String,

        /// How long the older secrets go on: 0 to 30d
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
        grace: u64,
    },

    /// End a key with all its secrets, for good
    #[command(after_help = "Example: forebay keys revoke 3f1c0ab92d47")]
    Revoke {
        /// The key's id
        #[arg(value_parser = parse_id)]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// Who is billed and limited: a-z 0-9 . _ -
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: String,

    /// A plan of the catalogue
    #[arg(long, value_name = "PLAN")]
    pub(crate) plan: String,

    /// What to call the key
    #[arg(long, value_name = "NAME", default_value = "", allow_hyphen_values = true)]
    pub(crate) name: String,

    /// A group that its callers are in; may be given again
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,

    /// How long the key lives: 1m and more; without it until it is revoked
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    pub(crate) expires_in: Option<u64>,
}

/// Ids become a part of a path.
fn parse_id(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(text.to_owned())
    } else {
        Err("an id is 12 of 0-9 a-f; `forebay keys list` shows them".to_owned())
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

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        for (id, fine) in [("3f1c0ab92d47", true), ("3F1C0AB92D47", false), ("../../v1/jobs", false), ("", false)] {
            assert_eq!(parse_id(id).is_ok(), fine, "{id}");
        }
    }
}

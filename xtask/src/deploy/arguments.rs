/// What `cargo xtask deploy` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct DeployArguments {
    #[command(flatten)]
    pub(super) environment: EnvironmentArguments,

    /// Show the plan and stop: what is there, what each step would do. Existing stacks are asked by change sets, which are
    /// deleted again
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Go on where a stack would replace or delete something; else that stops before anything is changed
    #[arg(long)]
    pub(super) allow_replacement: bool,
}

/// What `cargo xtask rollback` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct RollbackArguments {
    #[command(flatten)]
    pub(super) environment: EnvironmentArguments,

    /// The deployment to go back to, as the list of them names it; the one before the last that was finished unless said
    #[arg(long, value_name = "ID")]
    pub(super) to: Option<String>,

    /// List the deployments that are known, and stop
    #[arg(long)]
    pub(super) list: bool,
}

/// What `cargo xtask rotate` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct RotateArguments {
    /// Which secret
    #[arg(value_enum)]
    pub(super) what: Rotated,

    #[command(flatten)]
    pub(super) environment: EnvironmentArguments,

    /// The old one ends at once, whoever still uses it
    #[arg(long)]
    pub(super) leaked: bool,
}

/// A secret of the edge that can be changed for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Rotated {
    /// What workers sign their reports with
    ReportSecret,
    /// What keys and catalog are managed with
    AdminToken,
    /// What the edge signs its requests to AWS with
    AccessKey,
}

impl Rotated {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReportSecret => "report secret",
            Self::AdminToken => "operator's token",
            Self::AccessKey => "AWS access key",
        }
    }
}

/// What `cargo xtask destroy` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct DestroyArguments {
    #[command(flatten)]
    pub(super) environment: EnvironmentArguments,

    /// The prefix, instead of typing it when asked
    #[arg(long, value_name = "PREFIX")]
    pub(super) confirm: Option<String>,
}

/// Which environment, and how it is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct EnvironmentArguments {
    /// The environment: its settings are infra/environments/NAME.toml
    #[arg(long = "env", value_name = "NAME", default_value = "production")]
    pub(super) name: String,

    /// Ask nothing: what is shown is done
    #[arg(long)]
    pub(super) yes: bool,

    /// Take away the lock of a deployment that is known to have died, by the id that the refusal names
    #[arg(long, value_name = "ID")]
    pub(super) break_lock: Option<String>,
}

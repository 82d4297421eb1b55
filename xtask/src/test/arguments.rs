use super::Check;

/// What `cargo xtask test` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArguments {
    /// Run only these, by name, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub only: Vec<Check>,
    /// Also run again what nothing changed for since it passed
    #[arg(long)]
    pub all: bool,
}

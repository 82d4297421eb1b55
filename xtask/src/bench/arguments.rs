/// What `cargo xtask bench` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArguments {
    /// What to measure; everything, when not said
    pub subject: Option<Subject>,

    /// Print the figures as JSON on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Submissions to the edge beside a Worker that does one Durable Object call with one SQLite insert
    Edge,
    /// The pipeline at saturation beside a bare loop around the same model
    Backend,
}

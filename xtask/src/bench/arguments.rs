/// What `cargo xtask bench` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArguments {
    /// What to measure; everything but the cold start, when not said
    pub subject: Option<Subject>,

    /// Of the backend and its rivals: only models whose name contains this
    #[arg(long, default_value = "")]
    pub model: String,

    /// Of the cold start: the commit that HEAD is measured beside
    #[arg(long, default_value = "df46940", value_name = "COMMIT")]
    pub beside: String,

    /// Print the figures as JSON on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Submissions to the edge beside a Worker that does one Durable Object call with one SQLite insert
    Edge,
    /// How soon who waits is told by long poll, event stream, WebSocket and polling; many open sockets; finished results
    /// from the cache beside a Worker that does one Cache API match
    Wait,
    /// The pipeline at saturation beside a bare loop around the same model
    Backend,
    /// The pipeline beside mosec, LitServe and BentoML, over the same model and under the same load
    Rivals,
    /// From a fresh clone with empty caches to the first result, beside an earlier commit: half an hour, some gigabytes
    Cold,
}

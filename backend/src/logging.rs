//! What the worker says: JSON lines on standard error, and spans to a collector where one is configured.

#[cfg(feature = "otlp")]
mod otlp;

use std::io::IsTerminal as _;

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt::layer,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

#[cfg(feature = "otlp")]
pub use otlp::{CollectorError, Spans};

/// Spans of stages are for collectors: a line shows the job's own, with its id and trace id.
pub(crate) const STAGES: &str = "forebay_stages";

/// Starts logging; every line of a job holds its span, and with it the job's id and trace id. To be called once.
pub fn start(levels: Targets, #[cfg(feature = "otlp")] spans: Option<&Spans>) {
    let lines = layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_filter(levels.with_target(STAGES, LevelFilter::OFF));
    let registry = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "otlp")]
    let registry = registry.with(spans.map(Spans::layer));
    // Only a second call fails, and then lines are logged as the first one wants.
    let _ = registry.try_init();
}

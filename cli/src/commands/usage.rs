//! `forebay usage`

use std::io::{Write as _, stdout};

use clap::Args;
use forebay::{Usage, UsageDay};

use super::CommonArguments;
use crate::{failure::Failure, progress, table};

#[derive(Debug, Args)]
pub(crate) struct UsageArguments {
    /// The first day, YYYY-MM-DD in UTC
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<String>,

    /// The last day, YYYY-MM-DD in UTC
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<String>,

    /// Write CSV, for spreadsheets
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    #[command(flatten)]
    common: CommonArguments,
}

pub(crate) async fn run(arguments: &UsageArguments) -> Result<(), Failure> {
    let client = arguments.common.connection.client()?;
    let (from, to) = (arguments.from.as_deref(), arguments.to.as_deref());
    if arguments.csv {
        return Ok(write!(stdout(), "{}", client.usage_csv(from, to).await?)?);
    }
    let usage = client.usage(from, to).await?;
    arguments.common.write(&usage.json, || rendered(&usage))
}

fn rendered(usage: &Usage) -> String {
    let cells = |day: &UsageDay| {
        let counts = [day.succeeded, day.failed, day.canceled, day.expired, day.cached, day.degraded];
        let [succeeded, failed, canceled, expired, cached, degraded] = counts.map(|count| count.to_string());
        let device = progress::span(day.device_ms.round() as u64);
        [day.day.clone(), day.model.clone(), succeeded, failed, canceled, expired, cached, degraded, device]
    };
    let headings = ["DAY", "MODEL", "SUCCEEDED", "FAILED", "CANCELED", "EXPIRED", "CACHED", "DEGRADED", "DEVICE"];
    table::render(headings, &usage.days.iter().map(cells).collect::<Vec<_>>())
}

/// The form alone: whether there is such a day, the service knows.
fn day(text: &str) -> Result<String, String> {
    let fits = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if fits { Ok(text.to_owned()) } else { Err("write a day as 2026-11-22".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_one_form() {
        for (text, fine) in [("2026-11-22", true), ("2026-1-2", false), ("20261122xx", false), ("2026-11-2é", false)] {
            assert_eq!(day(text).is_ok(), fine, "{text}");
        }
    }
}

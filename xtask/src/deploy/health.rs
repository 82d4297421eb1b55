//! Whether the edge is well, from outside.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{console::Console, process::interrupt};

/// How often the edge is asked while a share is looked at, and how many answers in a row may be bad: a new deployment takes
/// seconds to be everywhere.
const EVERY: Duration = Duration::from_secs(5);
const BAD_IN_A_ROW: u32 = 3;

/// What the edge answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// 0 where nothing did.
    pub(super) status: u16,
    pub(super) body: String,
}

/// A version of the Worker that is asked by name, whatever its share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version<'a> {
    pub(super) worker: &'a str,
    pub(super) id: &'a str,
}

/// One question. curl asks it, for this program brings no TLS of its own.
pub(super) fn ask(url: &str, version: Option<Version<'_>>) -> Result<Answer> {
    interrupt::check()?;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}"]);
    if let Some(version) = version {
        curl.args(["--header", &header(version)]);
    }
    let output = curl.arg(url).output().context("curl, which asks the edge, is not there: install it")?;
    let answer = parse(&String::from_utf8_lossy(&output.stdout));
    let nothing = || Answer { status: 0, body: String::from_utf8_lossy(&output.stderr).trim().to_owned() };
    Ok(answer.filter(|answer| answer.status != 0).unwrap_or_else(nothing))
}

/// <https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/>
fn header(version: Version<'_>) -> String {
    format!("Cloudflare-Workers-Version-Overrides: {}=\"{}\"", version.worker, version.id)
}

fn parse(said: &str) -> Option<Answer> {
    let (body, status) = said.rsplit_once('\n')?;
    Some(Answer { status: status.parse().ok()?, body: body.trim().to_owned() })
}

/// The answers of a while, as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Watch {
    asked: u32,
    bad: u32,
    bad_in_a_row: u32,
}

impl Watch {
    /// Whether one may go on.
    fn note(&mut self, answer: &Answer) -> bool {
        self.asked += 1;
        if answer.status == 200 {
            self.bad_in_a_row = 0;
        } else {
            self.bad += 1;
            self.bad_in_a_row += 1;
        }
        self.bad_in_a_row < BAD_IN_A_ROW
    }
}

/// Asks `/healthz` for `period`; what came of it, or why the edge is not well.
pub(super) fn watch(url: &str, version: Version<'_>, period: Duration) -> Result<String> {
    let (began, mut watch, url) = (Instant::now(), Watch::default(), format!("{url}/healthz"));
    loop {
        let answer = ask(&url, Some(version))?;
        if !watch.note(&answer) {
            bail!("{url} answered {} {:.500}, {BAD_IN_A_ROW} times in a row", answer.status, answer.body);
        }
        if began.elapsed() >= period && watch.bad_in_a_row == 0 {
            return Ok(format!("{} of {} answers were 200", watch.asked - watch.bad, watch.asked));
        }
        pause(EVERY)?;
    }
}

/// Asks until the answer is 200; what it was at last where it never is.
pub(super) fn wait(console: Console, url: &str, patience: Duration) -> Result<Result<(), Answer>> {
    let began = Instant::now();
    let mut last = String::new();
    loop {
        let answer = ask(url, None)?;
        if answer.status == 200 {
            return Ok(Ok(()));
        }
        if began.elapsed() >= patience {
            return Ok(Err(answer));
        }
        let said = format!("{url}: {} {:.200}", answer.status, answer.body);
        if said != last {
            console.note("edge", &said);
            last = said;
        }
        pause(EVERY)?;
    }
}

fn pause(period: Duration) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < period {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_body_and_a_status() {
        assert_eq!(parse("{\"missing\":[]}\n503"), Some(Answer { status: 503, body: "{\"missing\":[]}".to_owned() }));
        assert_eq!(parse("\n000").map(|answer| answer.status), Some(0));
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_version_is_asked_by_name() {
        let version = Version { worker: "forebay-edge-production", id: "a-b" };
        assert_eq!(header(version), "Cloudflare-Workers-Version-Overrides: forebay-edge-production=\"a-b\"");
    }

    #[test]
    fn one_bad_answer_is_passed_over_and_three_in_a_row_are_not() {
        let answer = |status| Answer { status, body: String::new() };
        let mut watch = Watch::default();
        let goes_on = [200, 0, 503, 200, 503, 503].map(|status| watch.note(&answer(status)));
        assert_eq!(goes_on, [true; 6]);
        assert!(!watch.note(&answer(500)));
        assert_eq!((watch.asked, watch.bad), (7, 5));
    }
}

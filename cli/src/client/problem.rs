use std::{fmt, time::Duration};

use serde::Deserialize;

/// The most of a foreign answer that is shown, in characters.
const MOST_SHOWN: usize = 200;

/// Problem details (RFC 9457), read leniently: a newer service may say things that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The HTTP status that it came with.
    #[serde(skip)]
    pub status: u16,
    /// One line for people, the same for every occurrence.
    pub title: String,
    /// What to do about this occurrence.
    pub detail: String,
    /// Which of the service's closed list; empty when something else answered.
    pub code: String,
    /// Whether the same request may succeed later; `None` when nothing is said about it.
    pub retryable: Option<bool>,
    /// The id that the service's log knows the request by.
    pub request_id: String,
    /// The limits that refused.
    pub violated_policies: Vec<String>,
    /// The plans that would have let it pass.
    pub admitting_plans: Vec<String>,
    /// The earliest deadline that can be met, in milliseconds since the epoch.
    pub earliest_feasible_ms: Option<u64>,
    /// How long to wait before asking again, as `Retry-After` says.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// Reads the body of a refusal; whatever is no problem is shown as it is.
    pub fn of(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(Self { title, code, .. }) if title.is_empty() && code.is_empty() => Self::foreign(status, body),
            Ok(problem) => Self { status, ..problem },
            Err(_) => Self::foreign(status, body),
        }
    }

    fn foreign(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let detail = text.chars().take(MOST_SHOWN).collect();
        Self { status, title: format!("Status {status}, and not from Forebay"), detail, ..Self::default() }
    }
}

/// `title: detail (code, request id)`, on one line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |text: &str| text.replace(char::is_control, " ");
        f.write_str(&plain(&self.title))?;
        if !self.detail.is_empty() {
            write!(f, ": {}", plain(&self.detail))?;
        }
        match (self.code.is_empty(), self.request_id.is_empty()) {
            (true, _) => Ok(()),
            (false, true) => write!(f, " ({})", plain(&self.code)),
            (false, false) => write!(f, " ({}, request {})", plain(&self.code), plain(&self.request_id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_with_its_code_and_request() {
        let body = br#"{"type":"urn:x","title":"There is no such API key","status":404,"detail":"list them",
                        "code":"key-not-found","retryable":false,"request_id":"r1","news":1}"#;
        let shown = Problem::of(404, body).to_string();
        assert_eq!(shown, "There is no such API key: list them (key-not-found, request r1)");
    }

    #[test]
    fn what_is_no_problem_is_shown_short_and_printable() {
        for body in ["<html>\u{1b}[2J\nBad gateway".to_owned() + &"x".repeat(1000), "{}".to_owned(), String::new()] {
            let shown = Problem::of(502, body.as_bytes()).to_string();
            assert!(shown.starts_with("Status 502"), "{shown}");
            assert!(shown.len() < 250 && !shown.contains(char::is_control), "{shown}");
        }
    }
}

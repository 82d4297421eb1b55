use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The longest that anything is kept.
const LONGEST_MS: u64 = 365 * DAY_MS;

/// For how long what a plan's jobs consist of is kept, each counted from the job's end; what is not said is kept as long as
/// jobs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// What was sent in: a span, or `end`, with the job's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub input: Option<InputKept>,
    /// What came of it, and all else that says what it was about: a span, or `once`, until it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub result: Option<ResultKept>,
    /// The job's own row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub job: Option<Span>,
}

/// A span of time: whole hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// How long an input is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKept {
    /// Until the job has ended.
    End,
    /// For so long after that.
    For(Span),
}

/// How long a result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKept {
    /// Until it was delivered whole, once; a day where nobody fetches it.
    Once,
    /// For so long after the job's end.
    For(Span),
}

impl Retention {
    /// How long a result lies at most that is kept until it is delivered.
    pub const UNFETCHED_MS: u64 = DAY_MS;

    /// For how long the input is kept after the job's end, in milliseconds.
    pub fn input_ms(&self) -> Option<u64> {
        self.input.map(|kept| match kept {
            InputKept::End => 0,
            InputKept::For(span) => span.ms(),
        })
    }

    /// The same of the result.
    pub fn result_ms(&self) -> Option<u64> {
        self.result.map(|kept| match kept {
            ResultKept::Once => Self::UNFETCHED_MS,
            ResultKept::For(span) => span.ms(),
        })
    }

    /// Whether a result goes with its first delivery.
    pub fn is_once(&self) -> bool {
        self.result == Some(ResultKept::Once)
    }

    /// What is wrong with it: the key, what was found and what is allowed.
    pub(super) fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut complaints = Vec::new();
        if let (Some(job), Some(result_ms)) = (self.job, self.result_ms())
            && job.ms() < result_ms
        {
            complaints.push(("job", format!("found \"{job}\"; allowed is no less than its result is kept")));
        }
        if let (Some(job), Some(input_ms)) = (self.job, self.input_ms())
            && job.ms() < input_ms
        {
            complaints.push(("job", format!("found \"{job}\"; allowed is no less than its input is kept")));
        }
        complaints
    }
}

impl Span {
    /// In milliseconds.
    pub fn ms(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(DAY_MS) {
            write!(f, "{}d", self.0 / DAY_MS)
        } else {
            write!(f, "{}h", self.0 / HOUR_MS)
        }
    }
}

impl FromStr for Span {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, unit_ms) = match text.as_bytes() {
            [number @ .., b'h'] => (number, HOUR_MS),
            [number @ .., b'd'] => (number, DAY_MS),
            _ => return Err(()),
        };
        let number = std::str::from_utf8(number).map_err(drop)?;
        // One span, one spelling.
        if number.starts_with(['0', '+']) {
            return Err(());
        }
        let ms = number.parse::<u64>().map_err(drop)?.checked_mul(unit_ms).ok_or(())?;
        if (HOUR_MS..=LONGEST_MS).contains(&ms) { Ok(Self(ms)) } else { Err(()) }
    }
}

/// A span, or the word that stands in its place.
fn written<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    word: &str,
    at_word: Option<T>,
    of_span: fn(Span) -> T,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    match at_word {
        Some(kept) if text == word => Ok(kept),
        _ => text.parse().map(of_span).map_err(|()| {
            let or = if word.is_empty() { String::new() } else { format!(", or \"{word}\"") };
            de::Error::custom(format!("found \"{text}\"; allowed are 1h to 365d such as 12h or 7d{or}"))
        }),
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        written(deserializer, "", None, |span| span)
    }
}

impl<'de> Deserialize<'de> for InputKept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        written(deserializer, "end", Some(Self::End), Self::For)
    }
}

impl<'de> Deserialize<'de> for ResultKept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        written(deserializer, "once", Some(Self::Once), Self::For)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for InputKept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::End => serializer.serialize_str("end"),
            Self::For(span) => serializer.collect_str(span),
        }
    }
}

impl Serialize for ResultKept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Once => serializer.serialize_str("once"),
            Self::For(span) => serializer.collect_str(span),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_written_again() {
        for (text, input_ms, result_ms, is_once) in [
            (json!({}), None, None, false),
            (json!({"input": "end", "result": "once", "job": "30d"}), Some(0), Some(DAY_MS), true),
            (json!({"input": "12h", "result": "7d"}), Some(12 * HOUR_MS), Some(7 * DAY_MS), false),
            (json!({"result": "365d"}), None, Some(LONGEST_MS), false),
        ] {
            let retention: Retention = serde_json::from_value(text.clone()).unwrap();
            let found = (retention.input_ms(), retention.result_ms(), retention.is_once());
            assert_eq!(found, (input_ms, result_ms, is_once), "{text}");
            assert_eq!(serde_json::to_value(retention).unwrap(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused_with_what_is_allowed() {
        for (key, text) in [
            ("input", "once"),
            ("result", "end"),
            ("job", "end"),
            ("job", "0d"),
            ("job", "07d"),
            ("job", "366d"),
            ("input", "30m"),
            ("input", "99999999999999999999d"),
            ("result", "7 d"),
            ("result", "\u{e9}d"),
            ("result", ""),
        ] {
            let error = serde_json::from_value::<Retention>(json!({ key: text })).unwrap_err().to_string();
            assert!(error.contains(&format!("found \"{text}\"; allowed are 1h to 365d")), "{error}");
        }
        assert!(serde_json::from_value::<Retention>(json!({"results": "7d"})).is_err());
    }

    #[test]
    fn a_job_outlasts_what_belongs_to_it() {
        for (text, keys) in [
            (json!({"job": "1d", "result": "once", "input": "end"}), vec![]),
            (json!({"job": "23h", "result": "once"}), vec!["job"]),
            (json!({"job": "1d", "result": "2d", "input": "3d"}), vec!["job", "job"]),
        ] {
            let retention: Retention = serde_json::from_value(text).unwrap();
            assert_eq!(retention.complaints().iter().map(|(key, _)| *key).collect::<Vec<_>>(), keys);
        }
    }
}

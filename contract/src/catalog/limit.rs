use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One limit: `quantity` units a `window`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// The name that refusals and the RateLimit fields give.
    pub name: String,
    /// What is counted together.
    pub dimension: Dimension,
    /// How it is counted.
    pub algorithm: Algorithm,
    /// How many units a window.
    pub quantity: u64,
    /// The window; every algorithm but [`Algorithm::InFlight`] has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What one submission counts as.
    pub unit: Unit,
    /// What happens to a submission beyond the limit.
    #[serde(default, skip_serializing_if = "Beyond::is_reject")]
    pub beyond: Beyond,
}

/// What a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// All of an account's submissions.
    Account,
    /// Each API key of an account by itself.
    Key,
    /// Each address prefix that an account calls from by itself (/32 of IPv4, /64 of IPv6).
    Ip,
    /// Each endpoint of an account by itself.
    Endpoint,
    /// Everybody's submissions to one model.
    Model,
    /// Everybody's submissions to one lane.
    Lane,
    /// Everybody's submissions.
    Global,
}

impl Dimension {
    /// Whether many accounts count together.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Model | Self::Lane | Self::Global)
    }
}

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// A bucket of `quantity` tokens that refills evenly over the window: bursts up to the quantity (GCRA).
    TokenBucket,
    /// A bucket that leaks one unit each window ÷ quantity and holds one submission: no bursts, an even pace.
    LeakyBucket,
    /// A count that starts anew with each window; windows begin at multiples of their length, days and months at
    /// midnight UTC.
    FixedWindow,
    /// The count of this window and that of the last one, weighted by how much of it the sliding window still covers.
    SlidingWindow,
    /// Every submission of the last window by its own time: exact, and as large as its quantity.
    SlidingLog,
    /// Jobs that have not ended.
    InFlight,
}

/// How long a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// So many seconds.
    Seconds(u64),
    /// The calendar's day, in UTC.
    Day,
    /// The calendar's month, in UTC.
    Month,
}

impl Window {
    /// The window in seconds; the longest month for months.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Day => 86_400,
            Self::Month => 31 * 86_400,
        }
    }

    /// Whether the calendar says when it begins.
    pub fn is_calendar(self) -> bool {
        matches!(self, Self::Day | Self::Month)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day => f.write_str("day"),
            Self::Month => f.write_str("month"),
            Self::Seconds(seconds) => {
                let (count, unit) = match seconds {
                    seconds if seconds % 86_400 == 0 => (seconds / 86_400, "d"),
                    seconds if seconds % 3600 == 0 => (seconds / 3600, "h"),
                    seconds if seconds % 60 == 0 => (seconds / 60, "m"),
                    seconds => (*seconds, "s"),
                };
                write!(f, "{count}{unit}")
            }
        }
    }
}

/// The text is no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a window; allowed are 1s to 31d such as 10s, 5m, 1h, 7d, or day, or month")]
pub struct WindowParseError;

impl FromStr for Window {
    type Err = WindowParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "day" => return Ok(Self::Day),
            "month" => return Ok(Self::Month),
            _ => {}
        }
        let unit = text.chars().last().ok_or(WindowParseError)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(WindowParseError),
        };
        let digits = text.strip_suffix(unit).unwrap_or_default();
        let count: u64 = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
            .ok_or(WindowParseError)?;
        let seconds = count.saturating_mul(factor);
        if (1..=31 * 86_400).contains(&seconds) { Ok(Self::Seconds(seconds)) } else { Err(WindowParseError) }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What one submission counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// One.
    Requests,
    /// Its predicted device milliseconds, rounded up.
    Cost,
}

/// What happens to a submission beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Beyond {
    /// 429, with when to come back.
    #[default]
    Reject,
    /// It waits its turn for up to so many milliseconds, first come, first served; then 429.
    #[serde(rename = "wait_ms")]
    Wait(u64),
    /// A stale result or a lighter model answers, labelled as such; 429 where there is neither.
    Degrade,
    /// 403 until the caller has solved a challenge.
    Challenge,
}

impl Beyond {
    fn is_reject(&self) -> bool {
        *self == Self::Reject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_written_as_people_say_them() {
        for (text, window) in [
            ("10s", Window::Seconds(10)),
            ("5m", Window::Seconds(300)),
            ("1h", Window::Seconds(3600)),
            ("31d", Window::Seconds(31 * 86_400)),
            ("day", Window::Day),
            ("month", Window::Month),
        ] {
            assert_eq!(text.parse(), Ok(window));
            assert_eq!(window.to_string(), text);
        }
        assert_eq!("60s".parse::<Window>().unwrap().to_string(), "1m");
        for text in ["", "s", "0s", "32d", "-1s", "1.5h", "+5m", "5", "5 m", "5é", "week"] {
            assert_eq!(text.parse::<Window>(), Err(WindowParseError), "{text}");
        }
    }

    #[test]
    fn a_limit_is_one_line() {
        let line = r#"{"name":"submit","dimension":"ip","algorithm":"sliding-log","quantity":5,"window":"1m","unit":"cost","beyond":{"wait_ms":500}}"#;
        let limit: LimitSpec = serde_json::from_str(line).unwrap();
        assert_eq!(limit.beyond, Beyond::Wait(500));
        assert_eq!(serde_json::to_string(&limit).unwrap(), line);
    }
}

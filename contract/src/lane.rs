use std::{borrow::Cow, cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use tinystr::{TinyAsciiStr, tinystr};

/// How lanes and classes are called: in paths, queue names and labels as they are.
type Name = TinyAsciiStr<32>;

/// What a dead-letter queue's name ends with.
const DEAD_LETTERS: &str = "-dlq";

/// Who pays: the half of a lane that a plan decides. Plans and lanes of the same class belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct PlanClass(Name);

impl PlanClass {
    /// Plans that pay, as they are shipped.
    pub const PAID: Self = Self(tinystr!(32, "paid"));
    /// Free and anonymous plans, as they are shipped.
    pub const FREE: Self = Self(tinystr!(32, "free"));

    /// The name in catalogs.
    pub fn name(&self) -> &str {
        self.0.as_str()
    }
}

/// How heavy one job is: the half of a lane that a model decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WorkClass {
    /// Milliseconds of device time.
    Light,
    /// Seconds of device time.
    Heavy,
}

impl WorkClass {
    /// Every kind there is.
    pub const ALL: [Self; 2] = [Self::Light, Self::Heavy];

    /// The name in catalogs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Heavy => "heavy",
        }
    }
}

/// The name of one SQS queue with one weight. Which lanes there are the catalog says: a message or a row may name one that
/// it no longer has.
///
/// Lanes sort from Z to A. So those that are shipped stand paid before free and light before heavy, which every list shows
/// and every tie is broken by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct Lane(Name);

impl Lane {
    /// Paying callers, light work, as it is shipped.
    pub const PAID_LIGHT: Self = Self(tinystr!(32, "paid-light"));
    /// Paying callers, heavy work, as it is shipped.
    pub const PAID_HEAVY: Self = Self(tinystr!(32, "paid-heavy"));
    /// Other callers, light work, as it is shipped.
    pub const FREE_LIGHT: Self = Self(tinystr!(32, "free-light"));
    /// Other callers, heavy work, as it is shipped.
    pub const FREE_HEAVY: Self = Self(tinystr!(32, "free-heavy"));

    /// The lanes that are shipped, and that every catalog had before lanes were in it.
    pub const SHIPPED: [Self; 4] = [Self::PAID_LIGHT, Self::PAID_HEAVY, Self::FREE_LIGHT, Self::FREE_HEAVY];

    /// The name in queue names and JSON.
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    /// The queue URL of this lane: infra names the queues `<prefix>-<lane>`.
    pub fn queue_url(&self, url_prefix: &str) -> String {
        format!("{url_prefix}-{self}")
    }
}

impl Ord for Lane {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.cmp(&self.0)
    }
}

impl PartialOrd for Lane {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As the variant of an enumeration, which lanes were once: histories of the simulation stay comparable.
impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.name().split('-') {
            let mut letters = part.chars();
            letters.next().map_or(Ok(()), |first| write!(f, "{}{}", first.to_ascii_uppercase(), letters.as_str()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for PlanClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text can be the name of no lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a lane's name; allowed are 2 to 32 of a-z 0-9 -, from a letter to a letter or digit, not ending with -dlq"
)]
pub struct LaneParseError;

/// The text can be the name of no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a class of plans; allowed are 2 to 32 of a-z 0-9 -, from a letter to a letter or digit, such as paid or free"
)]
pub struct PlanClassParseError;

/// `[a-z][a-z0-9-]{0,30}[a-z0-9]`
fn name(text: &str) -> Option<Name> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = text.len() >= 2
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-');
    is_name.then(|| Name::try_from_str(text).ok()).flatten()
}

impl FromStr for Lane {
    type Err = LaneParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A queue of that name would be another lane's dead letters.
        name(text).filter(|_| !text.ends_with(DEAD_LETTERS)).map(Self).ok_or(LaneParseError)
    }
}

impl FromStr for PlanClass {
    type Err = PlanClassParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        name(text).map(Self).ok_or(PlanClassParseError)
    }
}

impl TryFrom<Cow<'_, str>> for Lane {
    type Error = LaneParseError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<Cow<'_, str>> for PlanClass {
    type Error = PlanClassParseError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Lane> for String {
    fn from(lane: Lane) -> Self {
        lane.name().to_owned()
    }
}

impl From<PlanClass> for String {
    fn from(class: PlanClass) -> Self {
        class.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_json() {
        for name in ["paid-light", "paid-heavy", "free-light", "free-heavy", "acme", "a1", "a-b-2", &"a".repeat(32)] {
            let lane: Lane = name.parse().unwrap();
            assert_eq!((lane.name(), lane.to_string().as_str()), (name, name));
            assert_eq!(serde_json::to_value(lane).unwrap(), name);
            assert_eq!(serde_json::from_value::<Lane>(name.into()).unwrap(), lane);
            assert_eq!(lane.queue_url("http://q/forebay"), format!("http://q/forebay-{name}"));
            assert_eq!(name.parse::<PlanClass>().unwrap().name(), name);
        }
        assert_eq!(Lane::SHIPPED.map(|lane| lane.name().parse()), Lane::SHIPPED.map(Ok));
        assert_eq!(format!("{:?}", Lane::SHIPPED), "[PaidLight, PaidHeavy, FreeLight, FreeHeavy]");
        let classes = [("paid", PlanClass::PAID), ("free", PlanClass::FREE)];
        assert!(classes.iter().all(|(name, class)| name.parse() == Ok(*class)));
    }

    #[test]
    fn what_cannot_be_part_of_a_queues_name_is_no_lane() {
        for text in
            ["", "a", "Paid", "paid_light", "paid light", "-acme", "acme-", "1acme", "ä1", "a\0b", &"a".repeat(33)]
        {
            assert_eq!(text.parse::<Lane>(), Err(LaneParseError), "{text}");
            assert_eq!(text.parse::<PlanClass>(), Err(PlanClassParseError), "{text}");
        }
        assert_eq!("acme-dlq".parse::<Lane>(), Err(LaneParseError));
        let error = serde_json::from_str::<Lane>("\"acme-dlq\"").unwrap_err().to_string();
        assert!(error.contains("allowed are 2 to 32 of a-z"), "{error}");
    }

    #[test]
    fn lanes_sort_paid_before_free_and_light_before_heavy() {
        let mut lanes = Lane::SHIPPED;
        lanes.reverse();
        lanes.sort_unstable();
        assert_eq!(lanes, Lane::SHIPPED);
    }
}

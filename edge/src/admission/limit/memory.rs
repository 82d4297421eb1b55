use serde::{Deserialize, Serialize};

use super::{
    fixed_window::FixedWindow,
    leaky_bucket::LeakyBucket,
    rule::{Level, Method, Rule},
    sliding_log::SlidingLog,
    sliding_window::SlidingWindow,
    token_bucket::TokenBucket,
};

/// What a limit remembers between submissions. As JSON it is text: nanoseconds are more digits than a double has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Memory {
    /// When the bucket is full.
    TokenBucket(TokenBucket),
    /// When the bucket is free.
    LeakyBucket(LeakyBucket),
    /// A window's count.
    FixedWindow(FixedWindow),
    /// A window's count, and that of the one before.
    SlidingWindow(SlidingWindow),
    /// What was taken when.
    SlidingLog(SlidingLog),
}

/// One algorithm, as its memory.
pub(super) trait Counting: Sized {
    /// The memory of a limit that nobody has touched.
    fn untouched(rule: Rule, now_ms: u64) -> Self;

    /// The latest memory that a clock one window ahead could have left, when this one is from further ahead.
    fn settled(&self, rule: Rule, now_ms: u64) -> Option<Self>;

    /// The memory after `amount` of 1 to the rule's quantity, or the milliseconds to wait, at least 1.
    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64>;

    /// See [`Rule::give_back`].
    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, now_ms: u64) -> Self;

    /// See [`Rule::level`].
    fn level(&self, rule: Rule, now_ms: u64) -> Level;

    /// See [`Rule::is_spent`].
    fn is_spent(&self, rule: Rule, now_ms: u64) -> bool;
}

impl Memory {
    /// Whether `method` made it.
    pub(super) fn is_of(&self, method: Method) -> bool {
        method
            == match self {
                Self::TokenBucket(_) => Method::TokenBucket,
                Self::LeakyBucket(_) => Method::LeakyBucket,
                Self::FixedWindow(_) => Method::FixedWindow,
                Self::SlidingWindow(_) => Method::SlidingWindow,
                Self::SlidingLog(_) => Method::SlidingLog,
            }
    }
}

/// `$do` with the algorithm's own memory.
macro_rules! each {
    ($memory:expr, $counted:ident => $do:expr) => {
        match $memory {
            Memory::TokenBucket($counted) => $do,
            Memory::LeakyBucket($counted) => $do,
            Memory::FixedWindow($counted) => $do,
            Memory::SlidingWindow($counted) => $do,
            Memory::SlidingLog($counted) => $do,
        }
    };
}

impl Counting for Memory {
    fn untouched(rule: Rule, now_ms: u64) -> Self {
        match rule.method {
            Method::TokenBucket => TokenBucket::untouched(rule, now_ms).into(),
            Method::LeakyBucket => LeakyBucket::untouched(rule, now_ms).into(),
            Method::FixedWindow => FixedWindow::untouched(rule, now_ms).into(),
            Method::SlidingWindow => SlidingWindow::untouched(rule, now_ms).into(),
            Method::SlidingLog => SlidingLog::untouched(rule, now_ms).into(),
        }
    }

    fn settled(&self, rule: Rule, now_ms: u64) -> Option<Self> {
        each!(self, counted => counted.settled(rule, now_ms).map(Self::from))
    }

    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
        each!(self, counted => counted.take(rule, amount, now_ms).map(Self::from))
    }

    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, now_ms: u64) -> Self {
        each!(self, counted => counted.give_back(rule, amount, taken_ms, now_ms).into())
    }

    fn level(&self, rule: Rule, now_ms: u64) -> Level {
        each!(self, counted => counted.level(rule, now_ms))
    }

    fn is_spent(&self, rule: Rule, now_ms: u64) -> bool {
        each!(self, counted => counted.is_spent(rule, now_ms))
    }
}

/// `Memory::$name` from its algorithm's own memory.
macro_rules! memory_from {
    ($($name:ident),*) => {
        $(impl From<$name> for Memory {
            fn from(counted: $name) -> Self {
                Self::$name(counted)
            }
        })*
    };
}

memory_from!(TokenBucket, LeakyBucket, FixedWindow, SlidingWindow, SlidingLog);

#[cfg(test)]
mod tests {
    use forebay_contract::catalog::Window;

    use super::*;

    #[test]
    fn memory_is_short_json_that_keeps_every_digit() {
        let now_ms = 1_800_000_000_123;
        for (method, json) in [
            (Method::TokenBucket, r#"{"token-bucket":{"full_at_ns":1800000001551571429}}"#),
            (Method::LeakyBucket, r#"{"leaky-bucket":{"since_ms":1800000000123,"free_at_ns":1800000001551571429}}"#),
            (Method::FixedWindow, r#"{"fixed-window":{"start_ms":1800000000000,"count":1}}"#),
            (Method::SlidingWindow, r#"{"sliding-window":{"start_ms":1800000000000,"count":1,"previous":0}}"#),
            (Method::SlidingLog, r#"{"sliding-log":[[1800000000123,1]]}"#),
        ] {
            let rule = Rule::new(method, 7, Window::Seconds(10));
            let memory = rule.take(None, 1, now_ms).unwrap();
            assert_eq!(serde_json::to_string(&memory).unwrap(), json);
            assert_eq!(serde_json::from_str::<Memory>(json).unwrap(), memory);
        }
    }
}

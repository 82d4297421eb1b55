use forebay_contract::catalog::Algorithm;
use serde::{Deserialize, Serialize};

use super::{
    fixed_window::FixedWindow,
    leaky_bucket::LeakyBucket,
    rule::{Level, Rule},
    sliding_log::SlidingLog,
    sliding_window::SlidingWindow,
    token_bucket::TokenBucket,
};

/// One algorithm, as its memory.
pub(super) trait Counting: Sized {
    /// The memory of a limit that nobody has touched.
    fn untouched(rule: Rule, now_ms: u64) -> Self;

    /// The latest memory that a clock one window ahead could have left, when this one is from further ahead.
    fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self>;

    /// The memory after `amount` of 1 to the rule's quantity, or the milliseconds to wait, at least 1.
    fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64>;

    /// See [`Rule::give_back`].
    fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, now_ms: u64) -> Self;

    /// See [`Rule::level`].
    fn level(&self, rule: Rule, now_ms: u64) -> Level;

    /// See [`Rule::is_spent`].
    fn is_spent(&self, rule: Rule, now_ms: u64) -> bool;
}

/// Every algorithm that counts a rate, once: the name that the catalog has for it is that of its memory's type.
macro_rules! algorithms {
    ($($(#[$meaning:meta])* $name:ident;)*) => {
        /// How a rate counts: [`Algorithm`] without the one that is no rate.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Method {
            $($name,)*
        }

        impl Method {
            /// `None` for in-flight, which is a count of jobs and no rate.
            pub(super) fn of(algorithm: Algorithm) -> Option<Self> {
                match algorithm {
                    $(Algorithm::$name => Some(Self::$name),)*
                    Algorithm::InFlight => None,
                }
            }
        }

        /// What a limit remembers between submissions. As JSON it is text: nanoseconds are more digits than a double has.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Memory {
            $($(#[$meaning])* $name($name),)*
        }

        impl Memory {
            /// Whether `method` made it.
            pub(super) fn is_of(&self, method: Method) -> bool {
                match self {
                    $(Self::$name(_) => method == Method::$name,)*
                }
            }
        }

        impl Counting for Memory {
            fn untouched(rule: Rule, now_ms: u64) -> Self {
                match rule.method {
                    $(Method::$name => Self::$name($name::untouched(rule, now_ms)),)*
                }
            }

            fn normalized(&self, rule: Rule, now_ms: u64) -> Option<Self> {
                match self {
                    $(Self::$name(counted) => counted.normalized(rule, now_ms).map(Self::$name),)*
                }
            }

            fn take(&self, rule: Rule, amount: u64, now_ms: u64) -> Result<Self, u64> {
                match self {
                    $(Self::$name(counted) => counted.take(rule, amount, now_ms).map(Self::$name),)*
                }
            }

            fn give_back(&self, rule: Rule, amount: u64, taken_ms: u64, now_ms: u64) -> Self {
                match self {
                    $(Self::$name(counted) => Self::$name(counted.give_back(rule, amount, taken_ms, now_ms)),)*
                }
            }

            fn level(&self, rule: Rule, now_ms: u64) -> Level {
                match self {
                    $(Self::$name(counted) => counted.level(rule, now_ms),)*
                }
            }

            fn is_spent(&self, rule: Rule, now_ms: u64) -> bool {
                match self {
                    $(Self::$name(counted) => counted.is_spent(rule, now_ms),)*
                }
            }
        }
    };
}

algorithms! {
    /// When the bucket is full.
    TokenBucket;
    /// When the bucket is free.
    LeakyBucket;
    /// A window's count.
    FixedWindow;
    /// A window's count, and that of the one before.
    SlidingWindow;
    /// What was taken when.
    SlidingLog;
}

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

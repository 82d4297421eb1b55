//! How long a job stays away whose model cannot be had or loaded here.

use std::time::Duration;

use crate::model::AGAIN_AFTER;

/// Doubled no more often.
const DOUBLINGS: u32 = 5;

/// How long the message of a job's `attempt`th delivery is hidden: as long as the model is left alone, twice as long each
/// time. Its receives are counted, and what is away for minutes must not use them up.
pub(crate) fn stays_away(attempt: u32) -> Duration {
    AGAIN_AFTER * 2_u32.pow(attempt.saturating_sub(1).min(DOUBLINGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_twice_as_long_up_to_a_quarter_of_an_hour() {
        let seconds = [0, 1, 2, 3, 6, 7, u32::MAX].map(|attempt| stays_away(attempt).as_secs());
        assert_eq!(seconds, [30, 30, 60, 120, 960, 960, 960]);
    }
}

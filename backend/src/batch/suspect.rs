//! A job whose run ended with its worker may be what ended it.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// So long a job that runs alone lets others gather first, in microseconds. Deliveries that ended together come again
/// within about as much, and who is not there yet when a culprit begins stands behind it whatever the order says.
pub const GATHER_US: u64 = 1_000_000;

/// The position among the jobs that run alone.
///
/// A worker that dies takes the deliveries of all its jobs with it, also of those that only waited behind the culprit.
/// So each delivery turns the order round: whoever stood behind it in one stands before it in the next, and is done.
pub fn position_alone(id: impl Hash, attempt: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let position = hasher.finish();
    if attempt.is_multiple_of(2) { !position } else { position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delivery_turns_the_order_round() {
        let order = |attempt: u32| {
            let mut jobs: Vec<u32> = (0..20).collect();
            jobs.sort_by_key(|job| position_alone(job, attempt));
            jobs
        };
        let turned: Vec<u32> = order(4).into_iter().rev().collect();
        assert_eq!((order(3), order(5)), (turned.clone(), turned));
    }
}

//! Who wants a job: whoever made it and whoever joined it. It is canceled when nobody is left.
//!
//! The job's row keeps a line for each: a mark (`+` wants it, `-` did), what names the idempotency key, a space, the caller.

use sha2::{Digest as _, Sha256};

/// Beyond so many nobody is distinguished any more, and the job runs to its end.
const MOST: usize = 64;
/// Stands for all beyond. Ids of keys are letters and digits.
const CROWD: &str = "+ *";
/// Whoever made a job before it was written down who.
const UNKNOWN: &str = "+ ?";

/// What becomes of a job that a caller cancels.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    /// Nobody wants it any more.
    Last,
    /// Others do: these lines.
    Others(String),
    /// Others do, and this caller has said so before.
    Again,
}

/// The line of one submission. Callers without an API key are one a account: their key is empty.
fn line(caller: &str, key: Option<&str>) -> String {
    let mut line = String::from("+");
    if let Some(key) = key {
        line.push_str(&forebay_contract::hex(Sha256::digest(key).get(..8).unwrap_or_default()));
    }
    line.push(' ');
    line.push_str(caller);
    line
}

/// A new job's.
pub(crate) fn first(caller: &str, key: Option<&str>) -> String {
    line(caller, key)
}

/// With one more; `None` where nothing changes.
pub(crate) fn add(lines: Option<&str>, caller: &str, key: Option<&str>) -> Option<String> {
    let mut all: Vec<&str> = lines.unwrap_or(UNKNOWN).lines().collect();
    let new = line(caller, key);
    if let Some(known) = all.iter_mut().find(|known| known.get(1..) == new.get(1..)) {
        if *known == new {
            return None;
        }
        *known = &new;
    } else if all.len() < MOST {
        all.push(&new);
    } else if all.len() == MOST {
        all.push(CROWD);
    } else {
        return None;
    }
    Some(all.join("\n"))
}

/// Without those of a caller: the one of `key` where that is known, else all of them. A caller who has none speaks for
/// whoever made the job, as long as nobody joined it.
pub(crate) fn withdraw(lines: Option<&str>, caller: &str, key: Option<&str>) -> Withdrawal {
    let Some(lines) = lines else { return Withdrawal::Last };
    let all: Vec<&str> = lines.lines().collect();
    let of = |known: &&str| known.split_once(' ').is_some_and(|(_, name)| name == caller);
    let exact = line(caller, key);
    let is_exact = |known: &&str| known.get(1..) == exact.get(1..);
    let is_unknown = |known: &&str| known.get(1..) == UNKNOWN.get(1..);
    let is_meant: &dyn Fn(&&str) -> bool = match () {
        () if key.is_some() && all.iter().any(is_exact) => &is_exact,
        () if all.iter().any(of) => &of,
        () if all.len() > 1 => &is_unknown,
        () => &|_| true,
    };
    let wants = |known: &&str| known.starts_with('+');
    if all.iter().any(is_meant) && !all.iter().filter(|known| is_meant(known)).any(wants) {
        return Withdrawal::Again;
    }
    if !all.iter().any(|known| wants(known) && !is_meant(known)) {
        return Withdrawal::Last;
    }
    let left = all.iter().map(|known| if is_meant(known) { known.replacen('+', "-", 1) } else { (*known).to_owned() });
    Withdrawal::Others(left.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Whoever joined after `a`, who made it.
    fn joined(others: &[(&str, Option<&str>)]) -> String {
        let mut lines = first("a", None);
        for (caller, key) in others {
            lines = add(Some(&lines), caller, *key).unwrap_or(lines);
        }
        lines
    }

    fn left(withdrawal: Withdrawal) -> String {
        let Withdrawal::Others(lines) = withdrawal else { panic!("{withdrawal:?}") };
        lines
    }

    #[test]
    fn a_job_of_one_caller_stops_at_the_first_word_whoever_says_it() {
        for lines in [None, Some(first("a", None)), Some(first("a", Some("k"))), Some(first("", None))] {
            for (caller, key) in [("a", None), ("a", Some("k")), ("a", Some("other")), ("b", None), ("", Some("k"))] {
                assert_eq!(withdraw(lines.as_deref(), caller, key), Withdrawal::Last, "{lines:?} {caller} {key:?}");
            }
        }
    }

    #[test]
    fn a_repeat_counts_once_and_a_later_join_counts_anew() {
        let lines = left(withdraw(Some(&joined(&[("b", None)])), "b", None));
        assert_eq!(withdraw(Some(&lines), "b", None), Withdrawal::Again);
        let lines = add(Some(&lines), "b", None).unwrap();
        assert_eq!(add(Some(&lines), "b", None), None);
        let lines = left(withdraw(Some(&lines), "a", None));
        assert_eq!(withdraw(Some(&lines), "b", None), Withdrawal::Last);
    }

    #[test]
    fn an_idempotency_key_that_is_known_names_one_and_any_other_all_of_the_caller() {
        let lines = joined(&[("b", Some("x")), ("b", Some("y"))]);
        let one = left(withdraw(Some(&lines), "b", Some("x")));
        assert_eq!(withdraw(Some(&one), "b", Some("x")), Withdrawal::Again);
        let both = left(withdraw(Some(&one), "b", Some("never sent")));
        assert_eq!(both, left(withdraw(Some(&lines), "b", None)));
        assert_eq!(withdraw(Some(&both), "a", None), Withdrawal::Last);
    }

    #[test]
    fn who_never_wanted_it_takes_it_from_nobody_that_joined() {
        let lines = joined(&[("b", None)]);
        assert_eq!(withdraw(Some(&lines), "c", None), Withdrawal::Others(lines.clone()));
        // Of a job older than its lines nobody knows who made it.
        let old = add(None, "b", None).unwrap();
        assert_eq!(withdraw(Some(&left(withdraw(Some(&old), "a", None))), "b", None), Withdrawal::Last);
        assert_eq!(withdraw(Some(&left(withdraw(Some(&old), "b", None))), "a", None), Withdrawal::Last);
    }

    #[test]
    fn a_crowd_is_bounded_and_not_taken_from() {
        let mut lines = first("a", None);
        for n in 0..2 * MOST {
            lines = add(Some(&lines), &format!("k{n}"), None).unwrap_or(lines);
        }
        assert_eq!(lines.lines().count(), MOST + 1);
        for caller in ["a".to_owned()].into_iter().chain((0..MOST - 1).map(|n| format!("k{n}"))) {
            lines = left(withdraw(Some(&lines), &caller, None));
        }
        assert_eq!(withdraw(Some(&lines), "late", None), Withdrawal::Others(lines.clone()));
    }

    proptest! {
        /// Joined and withdrawn in any order: it stops with the last who wants it, and not before.
        #[test]
        fn a_job_stops_with_the_last(steps in prop::collection::vec((0u8..4, 0u8..3, any::<bool>()), 1..40)) {
            let mut lines = first("0", None);
            let mut wants = BTreeSet::from([("0".to_owned(), None)]);
            let mut known = wants.clone();
            for (caller, key, joins) in steps {
                let caller = caller.to_string();
                let key = Some(key).filter(|key| *key > 0).map(|key| key.to_string());
                if joins {
                    lines = add(Some(&lines), &caller, key.as_deref()).unwrap_or(lines);
                    wants.insert((caller.clone(), key.clone()));
                    known.insert((caller, key));
                    continue;
                }
                if !known.iter().any(|(name, _)| *name == caller) {
                    continue;
                }
                let one = key.is_some() && known.contains(&(caller.clone(), key.clone()));
                let before = wants.len();
                wants.retain(|(name, own)| *name != caller || one && *own != key);
                let withdrawn = withdraw(Some(&lines), &caller, key.as_deref());
                if wants.is_empty() {
                    prop_assert_eq!(withdrawn, Withdrawal::Last);
                    break;
                }
                match withdrawn {
                    Withdrawal::Others(left) => lines = left,
                    Withdrawal::Again => prop_assert_eq!(before, wants.len()),
                    Withdrawal::Last => prop_assert!(false, "stopped while {:?} want it", wants),
                }
            }
        }
    }
}

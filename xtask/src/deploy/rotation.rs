//! What a rotation does next, by what is there: run again, it goes on where it stopped. Pure.

use serde::{Deserialize, Serialize};

/// For how long objects that are awake keep signing with the old access key, in seconds: five minutes, and as much again.
pub(super) const OLD_KEY_S: u64 = 600;

/// The next thing of a secret that two values are taken of meanwhile.
///
/// The new value waits as AWSPENDING until the edge takes it, as it does in rotations by Secrets Manager itself:
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing is under way: a new value is drawn.
    Begin,
    /// A value was drawn that not everybody has: the edge is given it beside the old one, then it is the one that counts.
    Send,
    /// The edge takes both: the old one ends.
    Finish,
}

/// By whether Secrets Manager has a value that waits, and whether the edge takes an old one.
pub(super) fn next(is_pending: bool, takes_previous: bool) -> Next {
    match (is_pending, takes_previous) {
        (true, _) => Next::Send,
        (false, true) => Next::Finish,
        (false, false) => Next::Begin,
    }
}

/// An access key of the edge's user, as IAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: String,
    /// As ISO 8601 has it, which sorts as time does.
    pub(super) made: String,
}

/// What is written down of a rotation of the access key: IAM shows the secret half once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    /// The new key.
    pub(super) id: String,
    /// When the edge had it, in seconds since 1970; `None` while it may not.
    pub(super) sent_s: Option<u64>,
}

/// The next thing of the access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NextKey {
    /// Another one is made and given to the edge.
    Make { old: String },
    /// A new one was made, and nobody knows whether the edge got it: it is deleted, and another one made.
    Anew { old: String, lost: String },
    /// The edge has the new one: the old one ends when nothing signs with it any more.
    End { old: String, sent_s: u64 },
}

/// By the keys that there are and what was written down; or why a person must look.
pub(super) fn next_key(mut listed: Vec<Listed>, record: Option<&KeyRecord>) -> Result<NextKey, String> {
    listed.sort_by(|one, other| one.made.cmp(&other.made));
    let ids: Vec<String> = listed.into_iter().map(|key| key.id).collect();
    match (ids.as_slice(), record) {
        ([], _) => Err("the user has no access key, so no edge has one: cargo xtask deploy makes it".to_owned()),
        ([old], _) => Ok(NextKey::Make { old: old.clone() }),
        ([one, other], Some(KeyRecord { id, sent_s })) if [one, other].contains(&id) => {
            let old = if id == one { other } else { one }.clone();
            Ok(match sent_s {
                Some(sent_s) => NextKey::End { old, sent_s: *sent_s },
                None => NextKey::Anew { old, lost: id.clone() },
            })
        }
        (ids, _) => Err(format!(
            "the user has the access keys {}, and this command made none of them; IAM allows two.\n  what to do: aws iam \
             get-access-key-last-used --access-key-id ID says which is not used; delete that one, then run the same command \
             again",
            ids.join(" and ")
        )),
    }
}

/// For how many seconds the old key must still be left.
pub(super) fn left_s(sent_s: u64, now_s: u64, leaked: bool) -> u64 {
    if leaked { 0 } else { sent_s.saturating_add(OLD_KEY_S).saturating_sub(now_s) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_that_broke_off_goes_on_where_it_stopped() {
        let found = [(false, false), (true, false), (true, true), (false, true)].map(|(one, other)| next(one, other));
        assert_eq!(found, [Next::Begin, Next::Send, Next::Send, Next::Finish]);
    }

    #[test]
    fn an_access_key_ends_only_when_the_edge_has_the_other() {
        let listed = |ids: &[&str]| {
            let made =
                |(number, id): (usize, &&str)| Listed { id: (*id).to_owned(), made: format!("2026-12-0{number}") };
            ids.iter().enumerate().map(made).rev().collect::<Vec<_>>()
        };
        let record = |id: &str, sent_s| KeyRecord { id: id.to_owned(), sent_s };
        let old = "A".to_owned();
        assert_eq!(next_key(listed(&["A"]), None), Ok(NextKey::Make { old: old.clone() }));
        // One that was ended by hand meanwhile.
        assert_eq!(next_key(listed(&["A"]), Some(&record("B", Some(7)))), Ok(NextKey::Make { old: old.clone() }));
        let lost = Ok(NextKey::Anew { old: old.clone(), lost: "B".to_owned() });
        assert_eq!(next_key(listed(&["A", "B"]), Some(&record("B", None))), lost);
        assert_eq!(next_key(listed(&["A", "B"]), Some(&record("B", Some(7)))), Ok(NextKey::End { old, sent_s: 7 }));
        for (ids, record) in [(&["A", "B"][..], None), (&["A", "B"], Some(record("C", Some(7)))), (&[], None)] {
            assert!(next_key(listed(ids), record.as_ref()).is_err(), "{ids:?}");
        }
    }

    #[test]
    fn the_old_key_is_left_for_as_long_as_objects_may_sign_with_it_unless_it_leaked() {
        assert_eq!([left_s(100, 100, false), left_s(100, 650, false), left_s(100, 701, false)], [600, 50, 0]);
        assert_eq!(left_s(100, 100, true), 0);
    }
}

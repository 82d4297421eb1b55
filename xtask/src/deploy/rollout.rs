//! How traffic comes to a new version of the edge, step by step.

use serde_json::Value;

use super::{aws::text_at, migrations::Pending};

/// A version and its share of the traffic, in percent.
pub(super) type Share = (String, u32);

/// What is to be done with the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// Deployed whole: there is none yet, or classes of objects change, which nothing can do by halves.
    AtOnce,
    /// This very one has all the traffic.
    Nothing,
    /// A new version is uploaded and takes the place of this one by and by.
    Gradually { old: String },
    /// A rollout that stopped goes on.
    GoOn { old: String, new: String, at: u32 },
}

/// The versions that have traffic, by `wrangler deployments status --json`.
pub(super) fn shares(status: &Value) -> Vec<Share> {
    let versions = status.get("versions").and_then(Value::as_array);
    let share = |one: &Value| {
        let percent = one.get("percentage")?.as_f64()?;
        Some((text_at(one, "/version_id")?, percent.round().clamp(0.0, 100.0) as u32))
    };
    versions.into_iter().flatten().filter_map(share).collect()
}

/// The version that was uploaded with a tag, by `wrangler versions list --json`, if it has traffic or is the newest: any
/// other may have other secrets by now.
pub(super) fn of_tag(versions: &Value, tag: &str, shares: &[Share]) -> Option<String> {
    let versions = versions.as_array()?;
    let number = |one: &Value| one.get("number").and_then(Value::as_u64).unwrap_or_default();
    let newest = versions.iter().map(number).max()?;
    let has_tag = |one: &&Value| one.pointer("/annotations/workers~1tag").and_then(Value::as_str) == Some(tag);
    let has_traffic = |id: &str| shares.iter().any(|(version, _)| version == id);
    let tagged = versions.iter().filter(has_tag).filter_map(|one| Some((number(one), text_at(one, "/id")?)));
    let usable = tagged.filter(|(number, id)| *number == newest || has_traffic(id));
    usable.max().map(|(_, id)| id)
}

/// Decides by what has traffic, which version of that has this code and configuration, and what else is to be brought.
pub(super) fn decide(shares: &[Share], same: Option<&str>, pending: &Pending, has_new_secrets: bool) -> Move {
    let most = shares.iter().max_by_key(|(_, share)| *share);
    let Some((most, _)) = most else { return Move::AtOnce };
    if *pending != Pending::None {
        return Move::AtOnce;
    }
    let Some(same) = same.filter(|_| !has_new_secrets) else { return Move::Gradually { old: most.clone() } };
    let at = shares.iter().find(|(version, _)| version == same).map(|(_, share)| *share);
    let other = shares.iter().find(|(version, _)| version != same);
    match (at, other) {
        (Some(_), None) => Move::Nothing,
        (at, Some((old, _))) => Move::GoOn { old: old.clone(), new: same.to_owned(), at: at.unwrap_or(0) },
        (None, None) => Move::Gradually { old: most.clone() },
    }
}

/// The shares that the new version is still to have. It begins with none: a request may ask for it by name even so.
/// <https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/>
pub(super) fn steps(percent: &[u32], at: u32) -> Vec<u32> {
    let begin = (at == 0).then_some(0);
    begin.into_iter().chain(percent.iter().copied().filter(|share| *share > at)).collect()
}

/// The versions as `wrangler versions deploy` takes them, always in the same order: objects then keep the version that they
/// were given. It is promised at
/// <https://developers.cloudflare.com/workers/versions-and-deployments/gradual-deployments/with-durable-objects/>.
pub(super) fn arguments(old: &str, new: &str, share: u32) -> Vec<String> {
    match share {
        100 => vec![format!("{new}@100")],
        share => vec![format!("{old}@{}", 100 - share), format!("{new}@{share}")],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_traffic_and_what_was_uploaded_is_read() {
        let status = json!({"id": "d", "versions": [
            {"version_id": "a", "percentage": 90}, {"version_id": "b", "percentage": 10.0},
        ]});
        assert_eq!(shares(&status), [("a".to_owned(), 90), ("b".to_owned(), 10)]);
        let versions = json!([
            {"id": "a", "number": 1, "annotations": {"workers/tag": "x"}},
            {"id": "c", "number": 3, "annotations": {"workers/tag": "y"}},
            {"id": "b", "number": 2, "annotations": {}},
        ]);
        let of_tag = |tag, shares: &[Share]| of_tag(&versions, tag, shares);
        assert_eq!(of_tag("y", &[]), Some("c".to_owned()));
        assert_eq!(of_tag("x", &[]), None, "secrets may have changed since");
        assert_eq!(of_tag("x", &[("a".to_owned(), 100)]), Some("a".to_owned()));
        assert_eq!((of_tag("z", &[]), super::of_tag(&Value::Null, "x", &[])), (None, None));
    }

    #[test]
    fn what_is_done_hangs_on_what_has_traffic() {
        let share = |version: &str, percent| (version.to_owned(), percent);
        let none = Pending::None;
        let these = Pending::These(vec!["v3".to_owned()]);
        let gradually = |old: &str| Move::Gradually { old: old.to_owned() };
        let go_on = |at| Move::GoOn { old: "a".to_owned(), new: "b".to_owned(), at };
        for (shares, same, pending, has_secrets, wanted) in [
            (vec![], None, &Pending::Unknown, true, Move::AtOnce),
            (vec![share("a", 100)], None, &these, false, Move::AtOnce),
            (vec![share("a", 100)], Some("a"), &Pending::Unknown, false, Move::AtOnce),
            (vec![share("a", 100)], Some("a"), &none, false, Move::Nothing),
            (vec![share("a", 100)], Some("a"), &none, true, gradually("a")),
            (vec![share("a", 100)], None, &none, false, gradually("a")),
            // It was uploaded and has no traffic yet.
            (vec![share("a", 100)], Some("b"), &none, false, go_on(0)),
            (vec![share("a", 50), share("b", 50)], Some("b"), &none, false, go_on(50)),
            // A rollout of something else was left half-way.
            (vec![share("a", 90), share("c", 10)], None, &none, false, gradually("a")),
        ] {
            assert_eq!(decide(&shares, same, pending, has_secrets), wanted, "{shares:?} {same:?} {pending:?}");
        }
    }

    #[test]
    fn shares_rise_and_a_rollout_goes_on_where_it_stopped() {
        assert_eq!(steps(&[10, 50, 100], 0), [0, 10, 50, 100]);
        assert_eq!(steps(&[10, 50, 100], 10), [50, 100]);
        assert_eq!(steps(&[100], 0), [0, 100]);
        assert_eq!(arguments("a", "b", 0), ["a@100", "b@0"]);
        assert_eq!(arguments("a", "b", 10), ["a@90", "b@10"]);
        assert_eq!(arguments("a", "b", 100), ["b@100"]);
    }
}

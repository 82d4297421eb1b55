//! Classes of objects that are made, renamed or deleted: what a deployment would do to them, and what cannot be undone.
//!
//! A version with such a change cannot be rolled out step by step, only deployed at once, and no rollback goes past it:
//! <https://developers.cloudflare.com/workers/versions-and-deployments/gradual-deployments/with-durable-objects/>,
//! <https://developers.cloudflare.com/workers/versions-and-deployments/rollbacks/>. `wrangler versions upload` is refused with
//! error 10211: <https://github.com/cloudflare/workers-sdk/issues/15387>.

use anyhow::{Result, bail};
use serde_json::Value;

/// The migrations that a deployment would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pending {
    None,
    /// Those of these tags, in this order.
    These(Vec<String>),
    /// What is deployed is not known, so any of them.
    Unknown,
    /// What is deployed has one that this checkout does not know: it is older.
    Newer(String),
}

/// The tags of `migrations` in wrangler's configuration.
pub(super) fn tags(configuration: &Value) -> Vec<String> {
    let migrations = configuration.get("migrations").and_then(Value::as_array);
    migrations.into_iter().flatten().filter_map(|one| one.get("tag")?.as_str().map(str::to_owned)).collect()
}

/// What stands between the deployed version, of which the last tag is `deployed`, and this one.
pub(super) fn pending(tags: &[String], deployed: Option<&str>) -> Pending {
    let Some(deployed) = deployed else { return Pending::Unknown };
    match tags.iter().position(|tag| tag == deployed) {
        None => Pending::Newer(deployed.to_owned()),
        Some(at) => match tags.get(at + 1..).unwrap_or_default() {
            [] => Pending::None,
            more => Pending::These(more.to_vec()),
        },
    }
}

/// Whether one may go back from a version to another: to one of the same classes alone.
pub(super) fn check_way_back(from: Option<&str>, to: Option<&str>) -> Result<()> {
    match (from, to) {
        (Some(from), Some(to)) if from == to => Ok(()),
        (Some(from), Some(to)) => bail!(
            "a class of objects was made, renamed or deleted between the two (migration {to} there, {from} now): Cloudflare \
             refuses to go back past that. Nothing was changed.\n  what to do: go forward. Take the change out of the code, leave \
             the entry of `migrations`, and deploy"
        ),
        _ => bail!(
            "which migration one of the two versions has is not known, so whether one may go back is not. Nothing was changed.\n  \
             what to do: look at `npx wrangler versions list`, and go back by `npx wrangler rollback VERSION`, as OPERATING.md says"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_between_two_versions_is_told() {
        let tags = tags(&json!({"migrations": [{"tag": "v1"}, {"tag": "v2"}, {"tag": "v3"}]}));
        let these = |tags: &[&str]| Pending::These(tags.iter().map(|tag| (*tag).to_owned()).collect());
        for (deployed, wanted) in [
            (Some("v3"), Pending::None),
            (Some("v2"), these(&["v3"])),
            (Some("v1"), these(&["v2", "v3"])),
            (Some("v4"), Pending::Newer("v4".to_owned())),
            (None, Pending::Unknown),
        ] {
            assert_eq!(pending(&tags, deployed), wanted, "{deployed:?}");
        }
    }

    #[test]
    fn no_way_leads_back_past_a_migration() {
        assert!(check_way_back(Some("v2"), Some("v2")).is_ok());
        for (from, to) in [(Some("v2"), Some("v1")), (Some("v1"), Some("v2")), (None, Some("v1")), (Some("v1"), None)] {
            let refused = check_way_back(from, to).unwrap_err().to_string();
            assert!(refused.contains("Nothing was changed") && refused.contains("what to do"), "{refused}");
        }
    }

    #[test]
    fn the_committed_configuration_has_tags() {
        let configuration =
            crate::deploy::edge_config::committed(include_str!("../../../edge/wrangler.jsonc")).unwrap();
        assert!(!tags(&configuration).is_empty());
    }
}

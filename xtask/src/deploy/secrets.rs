//! Secrets: made where there are none, and never shown. They pass through pipes and a file of one's own, never through the
//! arguments of a program, which every user of the machine can read.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::aws::{Aws, text_at};

/// What the edge cannot be without, and the operator's token.
pub(super) const OF_THE_EDGE: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "REPORT_SECRET", "ADMIN_TOKEN"];

/// The name of the operator's token in Secrets Manager.
pub(super) fn admin_token(prefix: &str) -> String {
    format!("{prefix}/admin-token")
}

/// Whether the secret is there and has a value: one that was made without any is half there.
pub(super) fn exists(aws: &Aws, name: &str) -> Result<Existence> {
    let Some(said) = aws.find(&["secretsmanager", "describe-secret", "--secret-id", name])? else {
        return Ok(Existence::Absent);
    };
    if said.get("DeletedDate").is_some_and(|date| !date.is_null()) {
        return Ok(Existence::Deleted);
    }
    let has_value = version_at(&said, "AWSCURRENT").is_some();
    Ok(if has_value { Existence::There } else { Existence::Empty })
}

/// How a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existence {
    There,
    /// Without a value.
    Empty,
    Absent,
    /// It is deleted, and can be had back for some days.
    Deleted,
}

/// Makes the secret of 32 random bytes where there is none; whether it did.
pub(super) fn ensure(aws: &Aws, name: &str) -> Result<bool> {
    match exists(aws, name)? {
        Existence::There => return Ok(false),
        Existence::Absent => {
            aws.ask(&["secretsmanager", "create-secret", "--name", name, "--secret-string", &drawn()?])?
        }
        Existence::Empty => {
            aws.ask(&["secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", &drawn()?])?
        }
        Existence::Deleted => bail!(
            "the secret {name} is deleted, and its name is taken until it is gone.\n  what to do: aws secretsmanager \
             restore-secret --secret-id {name}, then run the same command again"
        ),
    };
    Ok(true)
}

/// 32 random bytes, as text.
fn drawn() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(hex::encode(bytes))
}

/// Gives the secret another value, which waits: whoever asks is answered with the current one.
pub(super) fn put_pending(aws: &Aws, name: &str) -> Result<()> {
    let put = ["secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", &drawn()?];
    aws.ask(&[&put[..], &["--version-stages", "AWSPENDING"]].concat()).map(drop)
}

/// The version that has this stage, by `describe-secret`.
pub(super) fn version_at(described: &Value, stage: &str) -> Option<String> {
    let versions = described.get("VersionIdsToStages")?.as_object()?;
    let has = |stages: &Value| stages.as_array().is_some_and(|list| list.iter().any(|one| one == stage));
    versions.iter().find(|(_, stages)| has(stages)).map(|(version, _)| version.clone())
}

/// A secret's value, without what a file may have ended it with.
pub(super) fn value(aws: &Aws, name: &str) -> Result<String> {
    value_at(aws, name, "AWSCURRENT")
}

/// That of one stage.
pub(super) fn value_at(aws: &Aws, name: &str, stage: &str) -> Result<String> {
    let said = aws.ask(&["secretsmanager", "get-secret-value", "--secret-id", name, "--version-stage", stage])?;
    let text = text_at(&said, "/SecretString").with_context(|| format!("the secret {name} is no text"))?;
    Ok(text.trim().to_owned())
}

/// An access key of the edge's user that was made just now. Where nobody took it, it is to be deleted again. No Debug: it
/// would show the secret.
pub(super) struct AccessKey {
    user: String,
    id: String,
    secret: String,
}

impl AccessKey {
    pub(super) fn make(aws: &Aws, user: &str) -> Result<Self> {
        let known = aws.ask(&["iam", "list-access-keys", "--user-name", user])?;
        let known = known.get("AccessKeyMetadata").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if known.len() >= 2 {
            let ids: Vec<String> = known.iter().filter_map(|key| text_at(key, "/AccessKeyId")).collect();
            bail!(
                "the user {user} has two access keys already, {}, which is all that IAM allows, and the edge has neither.\n  what \
                 to do: aws iam get-access-key-last-used --access-key-id ID says which is not used; delete that one (aws iam \
                 delete-access-key --user-name {user} --access-key-id ID), then run the same command again",
                ids.join(" and ")
            );
        }
        let made = aws.ask(&["iam", "create-access-key", "--user-name", user])?;
        let text = |name: &str| text_at(&made, &format!("/AccessKey/{name}")).context("IAM made no access key");
        Ok(Self { user: user.to_owned(), id: text("AccessKeyId")?, secret: text("SecretAccessKey")? })
    }

    pub(super) fn delete(&self, aws: &Aws) -> Result<()> {
        aws.ask(&["iam", "delete-access-key", "--user-name", &self.user, "--access-key-id", &self.id]).map(drop)
    }

    fn entries(&self) -> [(String, String); 2] {
        [("AWS_ACCESS_KEY_ID".to_owned(), self.id.clone()), ("AWS_SECRET_ACCESS_KEY".to_owned(), self.secret.clone())]
    }
}

/// The names in an answer of `wrangler secret list`.
pub(super) fn names(listed: Option<&Value>) -> Vec<String> {
    listed.and_then(Value::as_array).into_iter().flatten().filter_map(|one| text_at(one, "/name")).collect()
}

/// Those of the edge's secrets that it lacks. Of an access key both halves or none.
pub(super) fn missing(listed: Option<&Value>) -> Vec<&'static str> {
    let listed = names(listed);
    let has = |name: &str| listed.iter().any(|one| one == name);
    let lacks_half = !has("AWS_ACCESS_KEY_ID") || !has("AWS_SECRET_ACCESS_KEY");
    OF_THE_EDGE.into_iter().filter(|name| if name.starts_with("AWS_") { lacks_half } else { !has(name) }).collect()
}

/// The file that wrangler takes them from, as JSON.
pub(super) fn file(key: Option<&AccessKey>, others: &[(&str, String)]) -> String {
    let mut entries: BTreeMap<String, String> = key.into_iter().flat_map(AccessKey::entries).collect();
    entries.extend(others.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    json!(entries).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_edge_lacks_is_told_by_name() {
        let listed = |names: &[&str]| {
            json!(names.iter().map(|name| json!({"name": name, "type": "secret_text"})).collect::<Vec<_>>())
        };
        assert_eq!(missing(None), OF_THE_EDGE);
        assert_eq!(missing(Some(&listed(&OF_THE_EDGE))), <[&str; 0]>::default());
        assert_eq!(
            missing(Some(&listed(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "REPORT_SECRET"]))),
            ["ADMIN_TOKEN"]
        );
        // Half a key is none.
        let half = listed(&["AWS_ACCESS_KEY_ID", "REPORT_SECRET", "ADMIN_TOKEN"]);
        assert_eq!(missing(Some(&half)), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    }

    #[test]
    fn both_halves_of_a_key_and_the_others_go_into_one_version() {
        let key = AccessKey { user: "u".to_owned(), id: "AKIA".to_owned(), secret: "s".to_owned() };
        let text = file(Some(&key), &[("REPORT_SECRET", "r".to_owned())]);
        let wanted = json!({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "REPORT_SECRET": "r"});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
    }
}

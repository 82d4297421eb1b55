//! What CloudFormation says that it would do.

use std::fmt;

use serde_json::Value;

use super::aws::text_at;

/// One resource that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Add, Modify, Remove, Import or Dynamic.
    action: String,
    resource: String,
    kind: String,
    /// True, False, Conditional; empty unless modified.
    replacement: String,
    /// What of it, where that is said.
    properties: Vec<String>,
}

impl Change {
    /// Whether what is there is lost, or left beside a new one.
    pub(super) fn loses(&self) -> bool {
        self.action == "Remove" || self.replacement == "True"
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match (self.action.as_str(), self.replacement.as_str()) {
            ("Add", _) => "make",
            ("Remove", _) => "DELETE",
            (_, "True") => "REPLACE",
            (_, "Conditional") => "change or replace",
            ("Import", _) => "take over",
            _ => "change",
        };
        write!(f, "{verb} {} ({})", self.resource, self.kind)?;
        if !self.properties.is_empty() {
            write!(f, ": {}", self.properties.join(", "))?;
        }
        Ok(())
    }
}

/// Those of a page of `describe-change-set`.
pub(super) fn changes(described: &Value) -> Vec<Change> {
    let changes = described.get("Changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let change = |change: &Value| {
        let text = |name: &str| text_at(change, &format!("/ResourceChange/{name}")).unwrap_or_default();
        let details = change.pointer("/ResourceChange/Details").and_then(Value::as_array);
        let mut properties: Vec<String> =
            details.into_iter().flatten().filter_map(|detail| text_at(detail, "/Target/Name")).collect();
        properties.dedup();
        Change {
            action: text("Action"),
            resource: text("LogicalResourceId"),
            kind: text("ResourceType"),
            replacement: text("Replacement"),
            properties,
        }
    };
    changes.iter().map(change).collect()
}

/// How the making of a change set stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Making {
    UnderWay,
    Made,
    /// The stack is so already.
    Nothing,
    Failed(String),
}

/// By what `describe-change-set` says.
pub(super) fn making(described: &Value) -> Making {
    let reason = text_at(described, "/StatusReason").unwrap_or_default();
    match text_at(described, "/Status").unwrap_or_default().as_str() {
        "CREATE_COMPLETE" => Making::Made,
        "FAILED" if reason.contains("didn't contain changes") || reason.contains("No updates are to be performed") => {
            Making::Nothing
        }
        "FAILED" | "DELETE_FAILED" => Making::Failed(reason),
        _ => Making::UnderWay,
    }
}

/// Why a change set is not executed by itself.
pub(super) fn refusal(stack: &str, changes: &[Change]) -> Option<String> {
    let lost: Vec<String> =
        changes.iter().filter(|change| change.loses()).map(|change| format!("    {change}")).collect();
    (!lost.is_empty()).then(|| {
        format!(
            "{stack}: the update would lose what is there:\n{}\n  The stack was not changed. Queues, bucket and log groups \
             stay beside what replaces them, with what they hold; everything else goes.\n  what to do: where that is what you \
             want, run the command again with --allow-replacement",
            lost.join("\n")
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described() -> Value {
        let change = |action: &str, id: &str, replacement: Option<&str>, property: Option<&str>| {
            json!({"Type": "Resource", "ResourceChange": {
                "Action": action, "LogicalResourceId": id, "ResourceType": "AWS::SQS::Queue", "Replacement": replacement,
                "Details": property.map(|name| vec![json!({"Target": {"Attribute": "Properties", "Name": name}})]),
            }})
        };
        json!({"Status": "CREATE_COMPLETE", "Changes": [
            change("Add", "A", None, None),
            change("Modify", "B", Some("False"), Some("VisibilityTimeout")),
            change("Modify", "C", Some("True"), Some("QueueName")),
            change("Modify", "D", Some("Conditional"), None),
            change("Remove", "E", None, None),
        ]})
    }

    #[test]
    fn what_would_be_done_is_read_and_shown() {
        let shown: Vec<String> = changes(&described()).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "make A (AWS::SQS::Queue)",
                "change B (AWS::SQS::Queue): VisibilityTimeout",
                "REPLACE C (AWS::SQS::Queue): QueueName",
                "change or replace D (AWS::SQS::Queue)",
                "DELETE E (AWS::SQS::Queue)",
            ]
        );
    }

    #[test]
    fn what_would_be_lost_stops_the_update() {
        let refused = refusal("forebay", &changes(&described())).unwrap();
        assert!(refused.contains("REPLACE C") && refused.contains("DELETE E") && !refused.contains(" B "), "{refused}");
        assert_eq!(refusal("forebay", &changes(&described())[..2]), None);
    }

    #[test]
    fn nothing_to_do_is_no_failure() {
        let said = |status: &str, reason: &str| making(&json!({"Status": status, "StatusReason": reason}));
        assert_eq!(said("CREATE_IN_PROGRESS", ""), Making::UnderWay);
        assert_eq!(making(&described()), Making::Made);
        for reason in [
            "The submitted information didn't contain changes. Submit different information to create a change set.",
            "No updates are to be performed.",
        ] {
            assert_eq!(said("FAILED", reason), Making::Nothing);
        }
        assert_eq!(said("FAILED", "Transform failed"), Making::Failed("Transform failed".to_owned()));
    }
}

//! Calls as the released version makes them: `account/golden` has its words.

use std::collections::BTreeSet;

use serde_json::Value;

macro_rules! released {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../account/golden/v1/account/", $name, ".json")))),*]
    };
}

/// The calls of Account objects that clients make here.
const RELEASED: [(&str, &str); 4] = released!["Submit", "Job", "Cancel", "Retry"];

/// The call without whatever that version does not know; `None` for one that it makes as this one does.
pub(crate) fn as_released(call: &str) -> Option<String> {
    let mut call: Value = serde_json::from_str(call).ok()?;
    let name = call.as_object()?.keys().next()?.clone();
    let (_, golden) = RELEASED.iter().find(|(known, _)| *known == name)?;
    let golden: Value = serde_json::from_str(golden).ok()?;
    let mut known = BTreeSet::new();
    names(golden.get("call")?, &mut known);
    retain(&mut call, &known);
    Some(call.to_string())
}

fn names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                into.insert(name.clone());
                names(value, into);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

fn retain(value: &mut Value, known: &BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| known.contains(name));
            fields.values_mut().for_each(|value| retain(value, known));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| retain(value, known)),
        _ => {}
    }
}

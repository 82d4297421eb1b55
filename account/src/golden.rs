//! Old and new code meet while a version rolls out: what released versions said is read by this one.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use super::{Call, LaneCall, WebhookAnswer};

/// A call and every kind of answer to it, as a version said them.
struct Golden {
    name: String,
    call: Value,
    answers: Vec<Value>,
}

/// Of each version that there is a folder of, the calls of one class.
fn versions(class: &str) -> Vec<(String, Vec<Golden>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut versions: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| (entry.file_name().into_string().unwrap(), read(&entry.path().join(class))))
        .collect();
    versions.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(!versions.is_empty());
    versions
}

fn read(folder: &std::path::Path) -> Vec<Golden> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let golden = files.map(|path| {
        let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let Value::Array(answers) = file["answers"].take() else { panic!("{}", path.display()) };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Golden { name, call: file["call"].take(), answers }
    });
    golden.collect()
}

/// With a field more in each object of several: an object of one alone is the name of what it holds.
fn with_more(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(with_more).collect(),
        // A limit that is not understood whole would be kept by half: that call is refused.
        Value::Object(fields) if !fields.contains_key("algorithm") => {
            let mut fields: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), with_more(value))).collect();
            if fields.len() > 1 {
                fields.insert("added_later".to_owned(), Value::Array(vec![Value::Null]));
            }
            Value::Object(fields)
        }
        value => value.clone(),
    }
}

/// The only name in an enum's JSON: what the call is.
fn kind(call: &Value) -> &str {
    call.as_str().or_else(|| call.as_object()?.keys().next().map(String::as_str)).unwrap()
}

fn check(
    class: &str,
    reads: impl Fn(&Value) -> Result<Value, serde_json::Error>,
    answer: impl Fn(&str, &str) -> Result<(), serde_json::Error>,
) {
    for (version, calls) in versions(class) {
        for Golden { name, call, answers } in calls {
            assert_eq!(kind(&call), name);
            for call in [&call, &with_more(&call)] {
                let read = reads(call).unwrap_or_else(|error| panic!("{version} {name}: {error}\n{call:#}"));
                assert_eq!(kind(&read), name);
            }
            assert!(!answers.is_empty(), "{version} {name}");
            for told in answers.iter().flat_map(|told| [told.clone(), with_more(told)]) {
                let read = answer(&name, &told.to_string());
                read.unwrap_or_else(|error| panic!("{version} {name}: {error}\n{told:#}"));
            }
        }
    }
}

#[test]
fn what_released_versions_said_is_read_and_what_later_ones_add_is_passed_over() {
    let call = |call: &Value| serde_json::to_value(serde_json::from_value::<Call>(call.clone())?);
    check("account", call, Call::read_answer);
    let call = |call: &Value| serde_json::to_value(serde_json::from_value::<LaneCall>(call.clone())?);
    check("lane", call, LaneCall::read_answer);
}

#[test]
fn texts_about_webhooks_are_read() {
    for (version, calls) in versions("account") {
        let golden = calls.iter().find(|golden| golden.name == "Webhooks").unwrap();
        for answer in &golden.answers {
            assert!(WebhookAnswer::read(answer.as_str().unwrap()).is_some(), "{version}: {answer}");
        }
    }
}

/// A call that is new has its file in the newest folder: `golden/README.md` says how.
#[test]
fn every_call_is_kept() {
    for (class, names) in [("account", Call::NAMES), ("lane", LaneCall::NAMES)] {
        let kept: BTreeSet<String> =
            versions(class).into_iter().flat_map(|(_, calls)| calls.into_iter().map(|golden| golden.name)).collect();
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(kept, names, "{class}: a call without a file in golden/, or a file without a call");
    }
}

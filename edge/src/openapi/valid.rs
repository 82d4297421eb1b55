//! What stands in the document against its own schemas.

use boon::{Compiler, Draft, Schemas};
use serde_json::{Map, Value};

use super::document::document;

/// A name for the document; nobody fetches it.
const HERE: &str = "http://forebay/openapi.json";

/// The document with every object closed: an example may hold nothing that is not described.
fn closed(mut document: Value) -> Value {
    fn close(value: &mut Value) {
        if let Value::Object(members) = value
            && members.contains_key("properties")
            && members.contains_key("type")
            && !members.contains_key("additionalProperties")
        {
            // What alternatives describe counts as well.
            members.insert("unevaluatedProperties".to_owned(), false.into());
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::Array(parts) if name == "oneOf" => parts.iter_mut().for_each(close_below),
                        member => close(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    /// An alternative is part of an object that is closed itself.
    fn close_below(value: &mut Value) {
        value.as_object_mut().into_iter().flat_map(|members| members.values_mut()).for_each(close);
    }
    close(&mut document["components"]["schemas"]);
    document
}

/// Every `{schema, examples}` below, with where it stands.
fn contents<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Map<String, Value>)>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("schema") && members.contains_key("examples") {
                found.push((at.to_owned(), members));
            }
            members.iter().for_each(|(name, member)| contents(&format!("{at}/{}", segment(name)), member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| contents(at, item, found)),
        _ => {}
    }
}

/// A member's name in a JSON pointer (RFC 6901) within a URL's fragment.
fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D")
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = closed(serde_json::to_value(document()).unwrap());
    let mut found = Vec::new();
    contents("/paths", &document["paths"], &mut found);
    contents("/webhooks", &document["webhooks"], &mut found);
    contents("/components/responses", &document["components"]["responses"], &mut found);
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.add_resource(HERE, document.clone()).unwrap();
    let mut looked_at = 0;
    for (at, content) in found {
        let schema = compiler.compile(&format!("{HERE}#{at}/schema"), &mut schemas).unwrap();
        for (name, example) in content["examples"].as_object().unwrap() {
            let example = match example["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
                Some(pointer) => document.pointer(pointer).unwrap(),
                None => example,
            };
            if let Err(wrong) = schemas.validate(&example["value"], schema) {
                panic!("{at}, {name}: {wrong}");
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 50, "only {looked_at} examples");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(document()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    assert!(found.len() > 100, "only {} references", found.len());
}

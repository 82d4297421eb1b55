//! Schemas as readers and their tools like them.

use serde_json::{Map, Value, json};

/// Folds lists of words into one `enum` with their meanings in its description, and takes rustdoc's brackets away.
pub fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            fold_words(members);
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Of an enumeration without data, a variant with a comment is an alternative of its own: `{"const", "description"}`.
fn fold_words(schema: &mut Map<String, Value>) {
    let Some(Value::Array(alternatives)) = schema.get("oneOf") else { return };
    let mut words = Vec::new();
    let mut meanings = String::new();
    let mut others = Vec::new();
    for alternative in alternatives {
        match (alternative.get("const").and_then(Value::as_str), alternative.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => {
                if let Some(meaning) = alternative.get("description").and_then(Value::as_str) {
                    meanings.push_str(&format!("\n* `{word}`: {meaning}"));
                }
                words.push(json!(word));
            }
            (None, Some(list)) => words.extend(list.iter().cloned()),
            (None, None) => others.push(alternative.clone()),
        }
    }
    if words.is_empty() {
        return;
    }
    let mut folded = Map::from_iter([("type".to_owned(), json!("string")), ("enum".to_owned(), json!(words))]);
    if others.is_empty() {
        schema.remove("oneOf");
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = format!("{description}\n{meanings}").trim().to_owned();
        schema.append(&mut folded);
        schema.insert("description".to_owned(), description.into());
        return;
    }
    folded.insert("description".to_owned(), meanings.trim().into());
    others.insert(0, folded.into());
    schema.insert("oneOf".to_owned(), others.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_list_beside_what_holds_data() {
        let mut schema = json!({"description": "Which [`Way`].", "oneOf": [
            {"type": "string", "const": "up", "description": "Against the stream."},
            {"type": "string", "enum": ["down"]},
        ]});
        tidy(&mut schema);
        let description = "Which `Way`.\n\n* `up`: Against the stream.";
        assert_eq!(schema, json!({"type": "string", "enum": ["up", "down"], "description": description}));

        let mut mixed = json!({"oneOf": [{"type": "string", "const": "up"}, {"type": "object"}]});
        tidy(&mut mixed);
        let words = json!({"type": "string", "enum": ["up"], "description": ""});
        assert_eq!(mixed, json!({"oneOf": [words, {"type": "object"}]}));

        let objects = json!({"oneOf": [{"type": "object", "properties": {"type": {"const": "x"}}}]});
        let mut same = objects.clone();
        tidy(&mut same);
        assert_eq!(same, objects);
    }
}

//! `-p name=value`

use serde_json::{Map, Value};

/// One parameter: what reads as JSON is that, everything else is a text.
pub(crate) fn parse(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok((name.to_owned(), value))
        }
        _ => Err("write name=value, such as top_k=3".to_owned()),
    }
}

/// All of them; none twice.
pub(crate) fn all(given: &[(String, Value)]) -> Result<Map<String, Value>, String> {
    let mut parameters = Map::new();
    for (name, value) in given {
        if parameters.insert(name.clone(), value.clone()).is_some() {
            return Err(format!("the parameter {name:?} is given twice"));
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_typed_as_json_types_them() {
        for (text, expect) in [
            ("k=3", Some(json!(3))),
            ("k=-0.5e3", Some(json!(-500.0))),
            ("k=true", Some(json!(true))),
            ("k=plain", Some(json!("plain"))),
            ("k=\"3\"", Some(json!("3"))),
            ("k=a=b", Some(json!("a=b"))),
            ("k=", Some(json!(""))),
            ("k=[1,2]", Some(json!([1, 2]))),
            ("k=NaN", Some(json!("NaN"))),
            ("k=03", Some(json!("03"))),
            ("k", None),
            ("=3", None),
        ] {
            assert_eq!(parse(text).ok().map(|(_, value)| value), expect, "{text}");
        }
        let twice = [("k".to_owned(), json!(1)), ("k".to_owned(), json!(2))];
        assert!(all(&twice).unwrap_err().contains("twice"));
    }
}

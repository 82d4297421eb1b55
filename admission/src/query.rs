//! Query parameters.

use forebay_contract::ProblemCode;
use serde_json::{Map, Value};

use super::{Refusal, refusal::quoted};

/// The longest a request may be held open, in seconds.
pub const MAX_WAIT_S: u64 = 60;

/// The seconds of `?wait=N`; 0 when it is not there.
pub fn wait_s(query: &str) -> Result<u64, Refusal> {
    let mut wait = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "wait" {
            return Err(unknown(&name, "wait"));
        }
        if wait.is_some() {
            return Err(invalid("`wait` is given twice"));
        }
        let seconds = value.parse().ok().filter(|seconds| *seconds <= MAX_WAIT_S && !value.starts_with('+'));
        wait = Some(seconds.ok_or_else(|| invalid(format!("`wait` must be a whole number from 0 to {MAX_WAIT_S}")))?);
    }
    Ok(wait.unwrap_or(0))
}

/// What a bare submission says in its query.
#[derive(Debug, Default, PartialEq)]
pub struct Asked {
    /// The model parameters of `p.NAME=VALUE`.
    pub parameters: Map<String, Value>,
    /// The text of `deadline_ms`.
    pub deadline: Option<String>,
    /// The text of `not_before_ms`.
    pub not_before: Option<String>,
}

/// Reads the query of a bare submission.
pub fn asked(query: &str) -> Result<Asked, Refusal> {
    let mut asked = Asked::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.strip_prefix("p.") {
            Some(parameter) => add_parameter(parameter, &value, &mut asked.parameters)?,
            None => {
                let time = match name.as_ref() {
                    "deadline_ms" => &mut asked.deadline,
                    "not_before_ms" => &mut asked.not_before,
                    _ => return Err(unknown(&name, "p.NAME for each model parameter, deadline_ms and not_before_ms")),
                };
                if time.replace(value.into_owned()).is_some() {
                    return Err(invalid(format!("{} is given twice", quoted(&name))));
                }
            }
        }
    }
    Ok(asked)
}

/// One query parameter `p.NAME=VALUE` as the JSON it stands for: what reads as a number or truth value is one.
fn add_parameter(name: &str, value: &str, parameters: &mut Map<String, Value>) -> Result<(), Refusal> {
    let scalar = serde_json::from_str(value).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
    let value = scalar.unwrap_or_else(|| Value::String(value.to_owned()));
    match parameters.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(invalid(format!("{} is given twice", quoted(&format!("p.{name}"))))),
    }
}

/// For paths that take none.
pub fn none(query: &str) -> Result<(), Refusal> {
    match form_urlencoded::parse(query.as_bytes()).next() {
        None => Ok(()),
        Some((name, _)) => Err(unknown(&name, "none")),
    }
}

fn unknown(name: &str, allowed: &str) -> Refusal {
    invalid(format!("unknown query parameter {}; allowed: {allowed}", quoted(name)))
}

fn invalid(detail: impl Into<String>) -> Refusal {
    Refusal::new(ProblemCode::InvalidQuery, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waits_are_whole_seconds_up_to_a_minute() {
        for (query, expect) in [
            ("", Some(0)),
            ("wait=0", Some(0)),
            ("wait=60", Some(60)),
            ("wait=61", None),
            ("wait=-1", None),
            ("wait=+1", None),
            ("wait=1.5", None),
            ("wait=", None),
            ("wait=1&wait=2", None),
            ("Wait=1", None),
            ("weight=1", None),
        ] {
            assert_eq!(wait_s(query).ok(), expect, "{query}");
        }
        assert_eq!(wait_s("x%20y=1").unwrap_err().detail, "unknown query parameter `x y`; allowed: wait");
    }

    #[test]
    fn parameters_are_prefixed() {
        let parameters = |query| asked(query).map(|asked| Value::Object(asked.parameters));
        assert_eq!(parameters("p.top_k=3&p.t=a%26b").unwrap(), json!({"top_k": 3, "t": "a&b"}));
        for query in ["top_k=3", "p.k=3&p.k=3", "deadline_ms=1&deadline_ms=1", "not_before=1"] {
            assert_eq!(parameters(query).unwrap_err().code, ProblemCode::InvalidQuery);
        }
        assert_eq!(asked("deadline_ms=7").unwrap().deadline.as_deref(), Some("7"));
        assert_eq!(none("").ok(), Some(()));
        assert_eq!(none("a").unwrap_err().code, ProblemCode::InvalidQuery);
    }

    #[test]
    fn query_parameters_are_typed_by_how_they_read() {
        let mut parameters = Map::new();
        for (name, value) in [("k", "3"), ("s", "0.5"), ("f", "true"), ("t", "bold"), ("q", "\"3\"")] {
            add_parameter(name, value, &mut parameters).unwrap();
        }
        assert_eq!(Value::Object(parameters.clone()), json!({"k": 3, "s": 0.5, "f": true, "t": "bold", "q": "\"3\""}));
        let twice = add_parameter("k", "4", &mut parameters).unwrap_err();
        assert_eq!(twice.code, ProblemCode::InvalidQuery);
    }
}

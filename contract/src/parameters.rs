use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ordered;

/// A job's parameters after the model's specification was applied: every parameter present, each of its declared type.
///
/// A sorted map, so that its JSON is canonical and can be digested.
pub type Parameters = BTreeMap<String, ParameterValue>;

/// One parameter's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ParameterValue {
    /// A truth value.
    Boolean(bool),
    /// A whole number; the catalog keeps it within ±2⁵³, what JSON clients can hold.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What a model says of one of its parameters, in `model.toml` under `[model.parameters.NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ParameterSpec {
    /// A whole number.
    Integer {
        /// The smallest allowed.
        min: i64,
        /// The largest allowed, at most 2⁵³ − 1.
        max: i64,
        /// What is used when the client says nothing. Without a default the edge draws one at random between `min`
        /// and `max`, before the digest is made: so a seed is part of the result's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<i64>,
    },
    /// A finite number.
    Number {
        /// The smallest allowed.
        min: f64,
        /// The largest allowed.
        max: f64,
        /// What is used when the client says nothing.
        default: f64,
    },
    /// True or false.
    Boolean {
        /// What is used when the client says nothing.
        default: bool,
    },
    /// One of a closed list of texts.
    Choice {
        /// What may be said.
        options: Vec<String>,
        /// What is used when the client says nothing.
        default: String,
    },
}

/// Why parameters were refused; the texts are shown to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The model has no such parameter.
    #[error("unknown parameter `{name}`; this model takes {known}")]
    Unknown {
        /// The refused name.
        name: String,
        /// The names the model takes, or «none».
        known: String,
    },
    /// The value is of the wrong type or out of range.
    #[error("parameter `{name}` must be {expected}")]
    Invalid {
        /// The parameter.
        name: String,
        /// The allowed values, in words.
        expected: String,
    },
}

impl ParameterSpec {
    /// Checks `given` against this specification. `draw(n)` gives a number in `0..n` where a default is to be drawn.
    fn resolve(&self, given: Option<&serde_json::Value>, draw: &mut dyn FnMut(u64) -> u64) -> Option<ParameterValue> {
        match self {
            Self::Integer { min, max, default } => match given {
                Some(value) => {
                    integer(value).filter(|number| (*min..=*max).contains(number)).map(ParameterValue::Integer)
                }
                None => {
                    let span = (max.saturating_sub(*min) as u64).saturating_add(1);
                    let value = default.unwrap_or_else(|| min.saturating_add(draw(span) as i64));
                    Some(ParameterValue::Integer(value))
                }
            },
            Self::Number { min, max, default } => {
                let number = match given {
                    Some(value) => value.as_f64()?,
                    None => *default,
                };
                // Adding zero turns -0.0 into 0.0: one number, one digest.
                (*min..=*max).contains(&number).then_some(ParameterValue::Number(number + 0.0))
            }
            Self::Boolean { default } => match given {
                Some(value) => value.as_bool().map(ParameterValue::Boolean),
                None => Some(ParameterValue::Boolean(*default)),
            },
            Self::Choice { options, default } => {
                let text = match given {
                    Some(value) => value.as_str()?,
                    None => default,
                };
                options.iter().any(|option| option == text).then(|| ParameterValue::Text(text.to_owned()))
            }
        }
    }

    /// The allowed values in words, for errors and listings.
    pub fn expected(&self) -> String {
        match self {
            Self::Integer { min, max, .. } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max, .. } => format!("a number from {min} to {max}"),
            Self::Boolean { .. } => "true or false".to_owned(),
            Self::Choice { options, .. } => format!("one of {}", options.join(", ")),
        }
    }
}

/// Whole numbers are taken also as `3.0`: JSON has one number type.
fn integer(value: &serde_json::Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
    })
}

/// Applies `specs` to what the client gave: refuses the unknown and the wrong, fills in what was left out.
pub fn resolve(
    specs: &BTreeMap<String, ParameterSpec>,
    given: &serde_json::Map<String, serde_json::Value>,
    mut draw: impl FnMut(u64) -> u64,
) -> Result<Parameters, ParameterError> {
    if let Some(name) = given.keys().find(|name| !specs.contains_key(*name)) {
        let known = specs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(ParameterError::Unknown {
            name: name.chars().take(64).collect(),
            known: if known.is_empty() { "none".to_owned() } else { known },
        });
    }
    ordered::try_map(specs.iter().map(|(name, spec)| match spec.resolve(given.get(name), &mut draw) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(ParameterError::Invalid { name: name.clone(), expected: spec.expected() }),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn specs() -> BTreeMap<String, ParameterSpec> {
        serde_json::from_value(json!({
            "seed": {"type": "integer", "min": 0, "max": 9_007_199_254_740_991_i64},
            "count": {"type": "integer", "min": 1, "max": 64, "default": 1},
            "scale": {"type": "number", "min": -1.0, "max": 2.0, "default": 1.0},
            "flip": {"type": "boolean", "default": false},
            "style": {"type": "choice", "options": ["plain", "bold"], "default": "plain"},
        }))
        .unwrap()
    }

    fn check(given: Value, expect: Result<Value, &str>) {
        let Value::Object(given) = given else { panic!("an object") };
        let found = resolve(&specs(), &given, |span| span - 1);
        match expect {
            Ok(value) => assert_eq!(serde_json::to_value(found.unwrap()).unwrap(), value),
            Err(text) => assert_eq!(found.unwrap_err().to_string(), text),
        }
    }

    #[test]
    fn defaults_are_filled_in_and_seeds_drawn() {
        check(
            json!({}),
            Ok(json!({"seed": 9_007_199_254_740_991_i64, "count": 1, "scale": 1.0, "flip": false, "style": "plain"})),
        );
    }

    #[test]
    fn one_value_has_one_form() {
        check(
            json!({"seed": 7.0, "count": 2, "scale": -0.0, "flip": true, "style": "bold"}),
            Ok(json!({"seed": 7, "count": 2, "scale": 0.0, "flip": true, "style": "bold"})),
        );
    }

    #[test]
    fn the_wrong_is_refused_with_what_is_allowed() {
        check(json!({"count": 0}), Err("parameter `count` must be a whole number from 1 to 64"));
        check(json!({"count": 1.5}), Err("parameter `count` must be a whole number from 1 to 64"));
        check(json!({"count": "3"}), Err("parameter `count` must be a whole number from 1 to 64"));
        check(json!({"count": null}), Err("parameter `count` must be a whole number from 1 to 64"));
        check(json!({"scale": 1e300}), Err("parameter `scale` must be a number from -1 to 2"));
        check(json!({"flip": 1}), Err("parameter `flip` must be true or false"));
        check(json!({"style": "loud"}), Err("parameter `style` must be one of plain, bold"));
        check(
            json!({"colour": 1}),
            Err("unknown parameter `colour`; this model takes count, flip, scale, seed, style"),
        );
    }
}

use std::{collections::BTreeMap, path::Path};

use clap::{Arg, Command};
use toml::Value;

use super::Unusable;

/// What a settings file says: values as text, by the setting's name.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub(super) path: String,
    values: BTreeMap<String, String>,
}

/// Settings that make no sense in a file.
const NOT_IN_FILES: [&str; 3] = ["action", "config", "print_config"];

impl FileSettings {
    /// Reads `path`, whose keys are the arguments of `command`.
    pub(super) fn read(path: &Path, command: &Command) -> Result<Self, Unusable> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Unusable::Setting(format!("config: found {name}: {error}; allowed is a readable TOML file"))
        })?;
        let table: toml::Table = text.parse().map_err(|error| unreadable(&name, &text, &error))?;
        let known = known(command);
        let mut values = BTreeMap::new();
        for (key, value) in table {
            if !known.contains(&key.as_str()) {
                let known = known.join(", ");
                return Err(Unusable::Setting(format!("{key} in {name}: no such setting; there are {known}")));
            }
            let Some(text) = plain(value) else {
                let words = "found a list or table; allowed is text, a number, true or false";
                return Err(Unusable::Setting(format!("{key} in {name}: {words}")));
            };
            values.insert(key, text);
        }
        Ok(Self { path: name, values })
    }

    pub(super) fn get(&self, setting: &str) -> Option<&str> {
        self.values.get(setting).map(String::as_str)
    }
}

/// The names of the settings that a file may hold, in alphabetical order.
pub(super) fn known(command: &Command) -> Vec<&str> {
    let mut names: Vec<&str> = command.get_arguments().map(Arg::get_id).map(clap::Id::as_str).collect();
    names.retain(|name| !NOT_IN_FILES.contains(name));
    names.sort_unstable();
    names
}

fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// TOML's own message quotes the line, which may hold a secret.
fn unreadable(name: &str, text: &str, error: &toml::de::Error) -> Unusable {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    Unusable::Setting(format!("{name}: line {line} is no TOML: {}", error.message()))
}

use std::fmt;

use clap::{ArgMatches, Command};

use super::{complaint, file, layers::Layers};

/// Every setting as it holds, for people and as a file: with where it comes from, without secrets.
#[derive(Debug, Clone)]
pub struct Effective {
    lines: Vec<String>,
}

impl Effective {
    pub(super) fn of(command: &Command, matches: &ArgMatches, layers: &Layers<'_>) -> Self {
        let known = file::known(command);
        let line = |argument: &clap::Arg| {
            let id = argument.get_id().as_str();
            if !known.contains(&id) {
                return None;
            }
            let value =
                matches.get_raw(id).and_then(|mut values| values.next_back()).map(|value| value.to_string_lossy());
            Some(match value {
                None => format!("# {id} is not set"),
                Some(_) if argument.is_hide_env_values_set() => {
                    format!("# {id} is set and not shown; from {}", complaint::source(argument, layers))
                }
                Some(value) => format!("{id} = {}  # {}", literal(&value), complaint::source(argument, layers)),
            })
        };
        Self { lines: command.get_arguments().filter_map(line).collect() }
    }
}

/// As TOML writes it.
fn literal(value: &str) -> String {
    let number = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    if number || value == "true" || value == "false" {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

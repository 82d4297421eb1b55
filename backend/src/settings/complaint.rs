use clap::{
    Arg, Command, CommandFactory as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Settings, layers::Layers};

/// Why the program does not start.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A setting is wrong: where it stands, what was found, what is allowed.
    #[error("{0}")]
    Setting(String),
    /// Help was asked for, or the command line itself is wrong: clap says it.
    #[error("{0}")]
    Usage(#[from] clap::Error),
}

/// clap's error in words that also hold for variables and files.
pub(super) fn of(error: clap::Error, command: &Command, layers: &Layers<'_>) -> Unusable {
    if matches!(error.kind(), ErrorKind::DisplayHelp) {
        // The command has the variables' names, which the parser's copy lacks.
        return Settings::command().try_get_matches_from(layers.arguments).err().unwrap_or(error).into();
    }
    let named = named(&error, command);
    let words = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            named.first().map(|argument| invalid(&error, argument, layers))
        }
        ErrorKind::MissingRequiredArgument if !named.is_empty() => {
            Some(named.iter().map(|argument| missing(argument)).collect::<Vec<_>>().join("; "))
        }
        _ => None,
    };
    words.map_or(Unusable::Usage(error), Unusable::Setting)
}

/// The arguments that the error is about.
fn named<'a>(error: &clap::Error, command: &'a Command) -> Vec<&'a Arg> {
    let shown: Vec<&str> = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(many)) => many.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let argument = |shown: &&str| {
        let long = shown.strip_prefix("--")?.split([' ', '=']).next()?;
        command.get_arguments().find(|argument| argument.get_long() == Some(long))
    };
    shown.iter().filter_map(argument).collect()
}

fn invalid(error: &clap::Error, argument: &Arg, layers: &Layers<'_>) -> String {
    let found = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if value.is_empty() => "nothing",
        // A secret has no wrong values, but its place must not become one.
        Some(ContextValue::String(_)) if argument.is_hide_env_values_set() => "something that is not shown",
        Some(ContextValue::String(value)) => value,
        _ => "nothing",
    };
    let allowed = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => values.join(", "),
        _ => {
            let value =
                argument.get_value_names().and_then(|names| names.first()).map_or("VALUE", |name| name.as_str());
            match std::error::Error::source(error).map(ToString::to_string) {
                Some(words) if value == "IP:PORT" => format!("an address IP:PORT ({words})"),
                Some(words) => words,
                None => value.to_owned(),
            }
        }
    };
    format!("{}: found {found}; allowed is {allowed}", source(argument, layers))
}

/// The layer that a setting's value comes from, by the name under which it stands there.
pub(super) fn source(argument: &Arg, layers: &Layers<'_>) -> String {
    let (id, flag) = (argument.get_id().as_str(), argument.get_long().map(|long| format!("--{long}")));
    let given = |flag: &String| {
        let with_value = format!("{flag}=");
        layers
            .arguments
            .iter()
            .skip(1)
            .map(|argument| argument.to_string_lossy())
            .any(|argument| argument == *flag || argument.starts_with(&with_value))
    };
    if let Some(flag) = flag.filter(given) {
        return flag;
    }
    if let Some(name) = variable(argument)
        && (layers.variable)(&name).is_some_and(|value| !value.is_empty())
    {
        return name;
    }
    if layers.file.get(id).is_some() { format!("{id} in {}", layers.file.path) } else { "default".to_owned() }
}

/// The variable of a setting. It is taken from the settings' own definition: the parser's copy has none.
fn variable(argument: &Arg) -> Option<String> {
    let command = Settings::command();
    let own = command.get_arguments().find(|other| other.get_id() == argument.get_id())?;
    own.get_env().and_then(|name| name.to_str()).map(str::to_owned)
}

fn missing(argument: &Arg) -> String {
    let id = argument.get_id().as_str();
    let flag = argument.get_long().unwrap_or(id);
    match variable(argument) {
        Some(name) => format!("{id}: found nothing; set --{flag}, {name} or {id} in a file"),
        None => format!("{id}: found nothing; set --{flag} or {id} in a file"),
    }
}

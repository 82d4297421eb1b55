use std::path::PathBuf;

use super::{Connection, config::Config, environment::Environment};

/// Which service, and by which right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) url: String,
    pub(super) key: KeySource,
}

/// Where the key is.
#[derive(PartialEq, Eq)]
pub(super) enum KeySource {
    Nobody,
    Variable(String),
    File(PathBuf),
}

/// Keys are not printed by accident.
impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::Variable(_) => f.write_str("Variable(…)"),
            Self::File(file) => write!(f, "File({})", file.display()),
        }
    }
}

/// One source that may name a service and a key for it.
struct SettingSource<'a> {
    url: Option<&'a str>,
    key: Option<KeySource>,
}

/// Arguments before environment before profile; a profile that an argument names before the environment.
///
/// A source that names a service names its key for that service alone: no key goes where another source points.
pub(super) fn resolve(arguments: &Connection, environment: &Environment, config: &Config) -> Result<Resolved, String> {
    let profile = config.profile(arguments.profile.as_deref().or(environment.profile.as_deref()))?;
    let first = SettingSource { url: arguments.url.as_deref(), key: arguments.key_file.clone().map(KeySource::File) };
    let variable = environment.key.clone().map(KeySource::Variable);
    let second = SettingSource {
        url: environment.url.as_deref(),
        key: variable.or_else(|| environment.key_file.clone().map(KeySource::File)),
    };
    let third = SettingSource { url: profile.url.as_deref(), key: profile.key_file.clone().map(KeySource::File) };
    let sources = if arguments.profile.is_some() { [first, third, second] } else { [first, second, third] };

    let url = sources.iter().find_map(|source| source.url);
    let url = url.ok_or("say where the edge answers: --url, FOREBAY_URL, or a profile's `url`")?.to_owned();
    let same = |named: &str| named.trim_end_matches('/') == url.trim_end_matches('/');
    let key = sources.into_iter().filter(|source| source.url.is_none_or(same)).find_map(|source| source.key);
    Ok(Resolved { key: key.unwrap_or(KeySource::Nobody), url })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CONFIG: &str = "default = \"work\"\n[profiles.work]\nurl = \"https://w\"\nkey_file = \"/w.key\"\n\
                          [profiles.bare]\nurl = \"https://b\"\n";

    /// Arguments and environment as `name=value`; the answer as `url key`.
    fn check(given: &str, expect: &str) {
        let arguments = |name: &str| {
            given
                .split(' ')
                .find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name))
                .map(|(_, value)| value.to_owned())
        };
        let connection = Connection {
            url: arguments("--url"),
            key_file: arguments("--key-file").map(PathBuf::from),
            profile: arguments("--profile"),
            patience: None,
            idle_timeout: 30,
        };
        let environment = Environment::of(|name| arguments(name).map(Into::into));
        let config = Config::read(CONFIG, Path::new("/")).unwrap();
        let found = match resolve(&connection, &environment, &config) {
            Ok(Resolved { url, key: KeySource::Variable(key) }) => format!("{url} {key}"),
            Ok(Resolved { url, key }) => format!("{url} {key:?}"),
            Err(error) => error,
        };
        assert_eq!(found, expect, "{given}");
    }

    #[test]
    fn arguments_go_before_the_environment_and_that_before_profiles() {
        check("", "https://w File(/w.key)");
        check("FOREBAY_PROFILE=bare", "https://b Nobody");
        check("--profile=bare FOREBAY_PROFILE=work", "https://b Nobody");
        check("FOREBAY_URL=https://e FOREBAY_KEY=k", "https://e k");
        check("FOREBAY_URL=https://e FOREBAY_KEY_FILE=/e.key", "https://e File(/e.key)");
        check("--url=https://a --key-file=/a.key FOREBAY_URL=https://e FOREBAY_KEY=k", "https://a File(/a.key)");
        check("--key-file=/a.key FOREBAY_URL=https://e FOREBAY_KEY=k", "https://e File(/a.key)");
        check("--profile=none", "there is no profile \"none\" in the configuration; there are: bare, work");
    }

    #[test]
    fn a_profile_that_is_named_goes_before_the_environment() {
        check("--profile=work FOREBAY_URL=https://e FOREBAY_KEY=k", "https://w File(/w.key)");
        check("FOREBAY_PROFILE=work FOREBAY_URL=https://e FOREBAY_KEY=k", "https://e k");
    }

    #[test]
    fn no_key_goes_where_another_place_points() {
        check("--url=https://elsewhere", "https://elsewhere Nobody");
        check("FOREBAY_URL=https://elsewhere", "https://elsewhere Nobody");
        check("--profile=bare FOREBAY_URL=https://e FOREBAY_KEY=k", "https://b Nobody");
        check("--url=https://w/", "https://w/ File(/w.key)");
        check("--profile=bare FOREBAY_KEY=k", "https://b k");
    }
}

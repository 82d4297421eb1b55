use std::{env, ffi::OsString, fmt, path::PathBuf};

/// What the environment says.
#[derive(Clone, Default)]
pub(super) struct Environment {
    pub(super) url: Option<String>,
    pub(super) key: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    /// Where the configuration file lies, if there is one.
    pub(super) config: Option<PathBuf>,
    /// The folder of what is to be known from one run to the next.
    pub(super) state: Option<PathBuf>,
}

/// Keys are not printed by accident.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(…)")
    }
}

impl Environment {
    /// This process's own.
    pub(super) fn read() -> Self {
        Self::of(|name| env::var_os(name))
    }

    /// Reads these variables; empty ones are as good as none.
    pub(super) fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        // A path need not be text.
        let variable = |name: &str| variable(name).filter(|value| !value.as_encoded_bytes().trim_ascii().is_empty());
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let home = variable("HOME").map(PathBuf::from);
        // XDG Base Directory Specification: relative paths are to be ignored.
        let xdg = |name: &str, below_home: &str| {
            let named = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
            Some(named.or_else(|| Some(home.as_ref()?.join(below_home)))?.join("forebay"))
        };
        Self {
            url: text("FOREBAY_URL"),
            key: text("FOREBAY_KEY"),
            key_file: variable("FOREBAY_KEY_FILE").map(PathBuf::from),
            profile: text("FOREBAY_PROFILE"),
            config: variable("FOREBAY_CONFIG")
                .map(PathBuf::from)
                .or_else(|| Some(xdg("XDG_CONFIG_HOME", ".config")?.join("config.toml"))),
            state: xdg("XDG_STATE_HOME", ".local/state"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_and_state_lie_where_xdg_says() {
        const CONFIG: Option<&str> = Some("/h/.config/forebay/config.toml");
        const STATE: Option<&str> = Some("/h/.local/state/forebay");
        for (variables, config, state) in [
            (&[("HOME", "/h")][..], CONFIG, STATE),
            (&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")], Some("/x/forebay/config.toml"), STATE),
            (&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x"), ("XDG_STATE_HOME", "x")], CONFIG, STATE),
            (&[("HOME", "/h"), ("XDG_STATE_HOME", "/x")], CONFIG, Some("/x/forebay")),
            (&[("HOME", "/h"), ("FOREBAY_CONFIG", "c.toml")], Some("c.toml"), STATE),
            (&[("HOME", "")], None, None),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            let environment = Environment::of(variable);
            assert_eq!(environment.config, config.map(PathBuf::from), "{variables:?}");
            assert_eq!(environment.state, state.map(PathBuf::from), "{variables:?}");
        }
    }
}

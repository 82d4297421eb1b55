use std::{env, fmt, path::PathBuf};

/// What the environment says.
#[derive(Clone, Default)]
pub(super) struct Environment {
    pub(super) url: Option<String>,
    pub(super) key: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    /// The configuration file.
    pub(super) config: Option<PathBuf>,
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
        Self::of(|name| env::var(name).ok())
    }

    /// Of variables; empty ones are as good as none.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let home = variable("HOME").map(PathBuf::from);
        // XDG Base Directory Specification: relative paths are to be ignored.
        let xdg = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = xdg.or_else(|| Some(home?.join(".config")));
        Self {
            url: variable("FOREBAY_URL"),
            key: variable("FOREBAY_KEY"),
            key_file: variable("FOREBAY_KEY_FILE").map(PathBuf::from),
            profile: variable("FOREBAY_PROFILE"),
            config: variable("FOREBAY_CONFIG")
                .map(PathBuf::from)
                .or_else(|| Some(folder?.join("forebay").join("config.toml"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_lies_where_xdg_says() {
        for (variables, expect) in [
            (&[("HOME", "/h")][..], Some("/h/.config/forebay/config.toml")),
            (&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")], Some("/x/forebay/config.toml")),
            (&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")], Some("/h/.config/forebay/config.toml")),
            (&[("HOME", "/h"), ("FOREBAY_CONFIG", "c.toml")], Some("c.toml")),
            (&[("HOME", "")], None),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Environment::of(variable).config, expect.map(PathBuf::from), "{variables:?}");
        }
    }
}

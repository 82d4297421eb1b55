use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::failure::Failure;

/// The configuration file: profiles by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// The profile that holds where none is named.
    default: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

/// One service and who one is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) url: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) admin_token_file: Option<PathBuf>,
}

impl Config {
    /// The file's; without a file nothing is configured.
    pub(super) fn load(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else { return Ok(Self::default()) };
        let wrong = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
        match fs::read_to_string(file) {
            Ok(text) => Self::read(&text, file.parent().unwrap_or(Path::new(""))).map_err(wrong),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Paths are seen from `folder`, and `~/` is not the shell's to read here.
    pub(super) fn read(text: &str, folder: &Path) -> Result<Self, String> {
        let mut config: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        for profile in config.profiles.values_mut() {
            for path in [&mut profile.key_file, &mut profile.admin_token_file].into_iter().flatten() {
                if path.starts_with("~") {
                    return Err(format!("{}: write the whole path, or one beside this file", path.display()));
                }
                *path = folder.join(&*path);
            }
        }
        Ok(config)
    }

    /// The profile `name`, or the default one; the empty one where there is neither.
    pub(super) fn profile(&self, name: Option<&str>) -> Result<Profile, String> {
        let Some(name) = name.or(self.default.as_deref()) else { return Ok(Profile::default()) };
        let known = || match self.profiles.is_empty() {
            true => {
                "none: write it to ~/.config/forebay/config.toml, or say in FOREBAY_CONFIG where they are".to_owned()
            }
            false => self.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        };
        let missing = || format!("there is no profile {name:?} in the configuration; there are: {}", known());
        self.profiles.get(name).cloned().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "default = \"work\"\n[profiles.work]\nurl = \"https://w\"\nkey_file = \"work.key\"\n\
                        [profiles.home]\nurl = \"http://h\"\nadmin_token_file = \"/etc/token\"\n";

    #[test]
    fn profiles_are_read_and_their_files_lie_beside_the_configuration() {
        let config = Config::read(TEXT, Path::new("/c")).unwrap();
        let work = config.profile(None).unwrap();
        assert_eq!((work.url.as_deref(), work.key_file), (Some("https://w"), Some(PathBuf::from("/c/work.key"))));
        let home = config.profile(Some("home")).unwrap();
        assert_eq!(home.admin_token_file, Some(PathBuf::from("/etc/token")));
        assert!(config.profile(Some("wrok")).unwrap_err().contains("home, work"));
        assert_eq!(Config::default().profile(None), Ok(Profile::default()));
        assert!(Config::default().profile(Some("work")).unwrap_err().contains("FOREBAY_CONFIG"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, needle) in [
            ("defualt = \"x\"", "defualt"),
            ("[profiles.a]\nkey = \"fb_0\"", "key_file"),
            ("[profiles.a]\nkey_file = \"~/k\"", "whole path"),
            ("[profiles", "TOML"),
        ] {
            let error = Config::read(text, Path::new("/c")).unwrap_err();
            assert!(error.contains(needle), "{text}: {error}");
        }
    }
}

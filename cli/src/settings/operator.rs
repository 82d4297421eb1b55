use std::path::PathBuf;

use clap::Args;

use super::{
    config::{Config, Profile},
    environment::Environment,
};
use crate::failure::Failure;

/// Which service, and by an operator's right.
#[derive(Debug, Args)]
pub(crate) struct OperatorConnection {
    /// Where the edge answers
    #[arg(long, env = "FOREBAY_URL", value_name = "URL", global = true)]
    pub(crate) url: Option<String>,

    /// A profile of the configuration file; else FOREBAY_PROFILE, or its `default`
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,

    /// The file of the operator's token; without it the variable FOREBAY_ADMIN_TOKEN
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) admin_token_file: Option<PathBuf>,
}

impl OperatorConnection {
    /// The connection with what the profile says of it besides.
    pub(crate) fn resolved(&self) -> Result<Self, Failure> {
        let environment = Environment::read();
        let config = Config::load(environment.config.as_deref())?;
        let name = self.profile.as_deref().or(environment.profile.as_deref());
        let profile = config.profile(name).map_err(Failure::Usage)?;
        Ok(self.or(profile))
    }

    /// Arguments, which hold the environment already, before the profile. The profile's token is for its own service alone.
    fn or(&self, profile: Profile) -> Self {
        let same = |url: &String| {
            profile.url.as_ref().is_some_and(|own| own.trim_end_matches('/') == url.trim_end_matches('/'))
        };
        let own_token = self.url.as_ref().is_none_or(same);
        Self {
            admin_token_file: self.admin_token_file.clone().or(profile.admin_token_file.filter(|_| own_token)),
            url: self.url.clone().or(profile.url),
            profile: self.profile.clone(),
        }
    }
}

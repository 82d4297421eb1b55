//! Which service, and by which right: of arguments, environment and profiles.

mod config;
mod environment;
mod resolve;

use std::{fs, path::Path, time::Duration};

use clap::Args;
use forebay::{Client, Retry};

use self::{
    config::Config,
    environment::Environment,
    resolve::{KeySource, resolve},
};
use crate::{arguments::Service, failure::Failure, span};

/// Which service, and by which right.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct Connection {
    /// Where the edge answers; else FOREBAY_URL, or the profile's
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// The file of the API key; else FOREBAY_KEY, FOREBAY_KEY_FILE, or the profile's. Never an argument: other users of a
    /// machine can read those
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<std::path::PathBuf>,

    /// A profile of the configuration file; else FOREBAY_PROFILE, or its `default`
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// How long to ask again what is refused for a while, or not answered: 0 to 24h
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    pub(crate) patience: Option<u64>,
}

impl Connection {
    /// The client, which asks again for a minute unless said.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.client_with(Retry { patience: self.patience_or(Duration::from_secs(60)), ..Retry::default() })
    }

    /// The client with another way to ask again.
    pub(crate) fn client_with(&self, retry: Retry) -> Result<Client, Failure> {
        let environment = Environment::read();
        let config = Config::load(environment.config.as_deref())?;
        let resolved = resolve(self, &environment, &config).map_err(Failure::Usage)?;
        let key = match resolved.key {
            KeySource::Nobody => String::new(),
            KeySource::Variable(key) => key,
            KeySource::File(file) => secret_of(&file)?,
        };
        Ok(Client::builder(resolved.url).key(key).retry(retry).build()?)
    }

    /// How long to ask again.
    pub(crate) fn patience_or(&self, unless_said: Duration) -> Duration {
        self.patience.map_or(unless_said, |patience_s| Duration::from_secs(patience_s.min(86_400)))
    }
}

/// An operator's service with what a profile says of it.
pub(crate) fn for_operator(service: &Service) -> Result<Service, Failure> {
    let environment = Environment::read();
    let config = Config::load(environment.config.as_deref())?;
    let name = service.profile.as_deref().or(environment.profile.as_deref());
    let profile = config.profile(name).map_err(Failure::Usage)?;
    Ok(resolve::operator(service, profile))
}

/// The secret alone in a file, whatever is around it.
pub(crate) fn secret_of(file: &Path) -> Result<String, Failure> {
    let unread = |why: String| Failure::Usage(format!("the secret cannot be read: {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| unread(error.to_string()))?;
    match text.trim() {
        "" => Err(unread("the file is empty".to_owned())),
        secret => Ok(secret.to_owned()),
    }
}

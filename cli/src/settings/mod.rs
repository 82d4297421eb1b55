//! Which service, and by which right: of arguments, environment and profiles.

mod caller;
mod config;
mod environment;
mod operator;
mod resolve;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use forebay::{Client, Retry};

pub(crate) use self::operator::OperatorConnection;
use self::{
    config::Config,
    environment::Environment,
    resolve::{KeySource, resolve},
};
use crate::{failure::Failure, span};

/// Which service, and by which right.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct Connection {
    /// Where the edge answers; else FOREBAY_URL, or the profile's
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// The file of the API key; else FOREBAY_KEY, FOREBAY_KEY_FILE, or the profile's. Never an argument: other users of a
    /// machine can read those
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// A profile of the configuration file; else FOREBAY_PROFILE, or its `default`
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// How long to ask again what is refused for a while, or not answered: 0 to 24h
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    pub(crate) patience: Option<u64>,

    /// Give a request up when nothing of it moves for so long, 1s to 1h; what moves may take its time
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = idle_timeout)]
    pub(crate) idle_timeout: u64,
}

/// A service that can be asked, and as whom.
pub(crate) struct Reached {
    pub(crate) client: Client,
    /// The service and the caller: the same from one run to the next. A secret, if the key is one.
    pub(crate) whose: [String; 2],
    /// The folder of what is to be known from one run to the next; `None` where the environment names no home.
    pub(crate) state: Option<PathBuf>,
}

impl Connection {
    /// The client, which asks again for a minute unless said.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let retry = Retry { patience: self.patience_or(Duration::from_secs(60)), ..Retry::default() };
        Ok(self.reach(retry)?.client)
    }

    /// The client with another way to ask again, and what is known of who asks whom.
    pub(crate) fn reach(&self, retry: Retry) -> Result<Reached, Failure> {
        let environment = Environment::read();
        let config = Config::load(environment.config.as_deref())?;
        let resolved = resolve(self, &environment, &config).map_err(Failure::Usage)?;
        let key = match resolved.key {
            KeySource::Nobody => String::new(),
            KeySource::Variable(key) => key,
            KeySource::File(file) => secret_of(&file)?,
        };
        let whose = [resolved.url.trim().trim_end_matches('/').to_owned(), caller::caller(&key)];
        let idle_timeout = Duration::from_secs(self.idle_timeout);
        let client = Client::builder(resolved.url).key(key).retry(retry).idle_timeout(idle_timeout).build()?;
        Ok(Reached { client, whose, state: environment.state })
    }

    /// How long to ask again.
    pub(crate) fn patience_or(&self, unless_said: Duration) -> Duration {
        self.patience.map_or(unless_said, |patience_s| Duration::from_secs(patience_s.min(86_400)))
    }
}

fn idle_timeout(text: &str) -> Result<u64, String> {
    span::parse(text).and_then(|span_s| match span_s {
        1..=3_600 => Ok(span_s),
        _ => Err("write 1s to 1h".to_owned()),
    })
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

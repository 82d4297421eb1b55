//! The secret that signs reports: as it was given, or read from Secrets Manager by its name.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::error::DisplayErrorContext;

use forebay_contract::SECRET_MIN_CHARS;

use crate::{aws, settings::Settings};

/// The secret is named and cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ReportSecretError {
    /// Secrets Manager does not answer with it; its own words are behind.
    #[error(
        "report_secret_id: {name} cannot be read ({why}); allowed is a secret of this region that this role may read \
         (secretsmanager:GetSecretValue)"
    )]
    Unreadable {
        /// Its name.
        name: String,
        /// What went wrong.
        why: String,
    },
    /// It holds bytes, or nothing.
    #[error("report_secret_id: {0} holds no text; allowed is the edge's REPORT_SECRET as plain text")]
    NoText(String),
    /// It is short enough to be guessed.
    #[error(
        "report_secret_id: {name} holds {chars} characters; allowed are {SECRET_MIN_CHARS} and more, as on the edge"
    )]
    Short {
        /// Its name.
        name: String,
        /// How long it is.
        chars: usize,
    },
}

/// The secret that the settings say or name; `None` where they do neither. What was given itself wins, and nothing is asked.
pub async fn find(settings: &Settings, config: &SdkConfig) -> Result<Option<String>, ReportSecretError> {
    match (&settings.report_secret, &settings.report_secret_id) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(name)) => read(name, config).await.map(Some),
        (None, None) => Ok(None),
    }
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
async fn read(name: &str, config: &SdkConfig) -> Result<String, ReportSecretError> {
    let answer = aws::secrets(config).get_secret_value().secret_id(name).send().await;
    let answer = answer.map_err(|error| ReportSecretError::Unreadable {
        name: name.to_owned(),
        why: DisplayErrorContext(error).to_string(),
    })?;
    // An editor or `echo` ends a file with a new line, which the edge's own copy has not.
    let secret = answer.secret_string().unwrap_or_default().trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(ReportSecretError::NoText(name.to_owned()));
    }
    match secret.chars().count() {
        SECRET_MIN_CHARS.. => Ok(secret.to_owned()),
        chars => Err(ReportSecretError::Short { name: name.to_owned(), chars }),
    }
}

use clap::{Args, Subcommand};

use crate::{settings::OperatorConnection, span};

#[derive(Debug, Args)]
pub(crate) struct KeysArguments {
    #[command(flatten)]
    pub(super) connection: OperatorConnection,

    /// Write JSON, for machines
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: KeysCommand,
}

impl KeysArguments {
    /// Whether it only shows something.
    pub(crate) fn only_shows(&self) -> bool {
        matches!(self.command, KeysCommand::List { .. })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key; its secret is written once, to standard output
    #[command(after_help = "Example: forebay keys create --account acme --plan pro --name laptop --expires-in 90d")]
    Create(CreateKeyArguments),

    /// List all secrets of all keys, without the secrets themselves
    #[command(after_help = "Example: forebay keys list --account acme")]
    List {
        /// Only those of one account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },

    /// Make a new secret for a key; the older ones go on for a while
    #[command(after_help = "Example: forebay keys rotate 3f1c0ab92d47 --grace 24h")]
    Rotate {
        /// The key's id
        #[arg(value_parser = parse_id)]
        id: String,

        /// How long the older secrets go on: 0 to 30d
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
        grace: u64,
    },

    /// End a key with all its secrets, for good
    #[command(after_help = "Example: forebay keys revoke 3f1c0ab92d47")]
    Revoke {
        /// The key's id
        #[arg(value_parser = parse_id)]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateKeyArguments {
    /// Who is billed and limited: a-z 0-9 . _ -
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: String,

    /// A plan of the catalog
    #[arg(long, value_name = "PLAN")]
    pub(super) plan: String,

    /// What to call the key
    #[arg(long, value_name = "NAME", default_value = "", allow_hyphen_values = true)]
    pub(super) name: String,

    /// A group that its callers are in; may be given again
    #[arg(long = "group", value_name = "GROUP")]
    pub(super) groups: Vec<String>,

    /// How long the key lives: 1m and more; without it until it is revoked
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    pub(super) expires_in: Option<u64>,
}

/// Ids become a part of a path.
fn parse_id(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(text.to_owned())
    } else {
        Err("an id is 12 of 0-9 a-f; `forebay keys list` shows them".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        for (id, fine) in [("3f1c0ab92d47", true), ("3F1C0AB92D47", false), ("../../v1/jobs", false), ("", false)] {
            assert_eq!(parse_id(id).is_ok(), fine, "{id}");
        }
    }
}

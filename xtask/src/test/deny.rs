use std::{env, process::Command};

use crate::{console::Console, process::answer, repository::Repository, setup::CARGO_DENY};

/// Licences, sources and duplicates always; known weaknesses where their database can be fetched. In CI it must be.
pub(super) fn commands(repository: &Repository) -> Vec<Command> {
    let deny = |arguments: &[&str]| {
        let mut deny = Command::new(CARGO_DENY.path(repository));
        deny.current_dir(repository.root()).args(arguments);
        deny
    };
    let mut commands = vec![deny(&["check", "bans", "licenses", "sources"])];
    // git has no bound of its own for a host that is silent.
    let mut fetch = Command::new("timeout");
    fetch.arg("60").arg(CARGO_DENY.path(repository)).args(["fetch", "db"]).current_dir(repository.root());
    if env::var_os("CI").is_some() {
        commands.push(deny(&["check", "advisories"]));
    } else if answer(&mut fetch).is_some() {
        commands.push(deny(&["check", "--disable-fetch", "advisories"]));
    } else {
        Console::stdout()
            .warning("deny: advisories were not looked at, because the RustSec database cannot be reached");
    }
    commands
}

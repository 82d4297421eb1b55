use std::{env, process::Command};

use crate::{console::Console, process::answer, repository::Repository, setup::CARGO_DENY};

/// Set to `required`, the database of known weaknesses must be within reach; otherwise a warning says that it was not.
const ADVISORIES: &str = "FOREBAY_ADVISORIES";

/// Licences, sources and duplicates always; known weaknesses where their database can be fetched. Whether it must be
/// is said by its own variable and not by `CI`, which is also set where GitHub cannot be reached.
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
    if env::var_os(ADVISORIES).is_some_and(|value| value == "required") {
        commands.push(deny(&["check", "advisories"]));
    } else if answer(&mut fetch).is_some() {
        commands.push(deny(&["check", "--disable-fetch", "advisories"]));
    } else {
        Console::stdout()
            .warning("deny: advisories were not looked at, because the RustSec database cannot be reached");
    }
    commands
}

//! Promises that speak of seconds, on machines that may take seconds for a request.

use std::time::Duration;

use anyhow::Result;

use crate::client::Client;

/// An answer that took longer says something about the machine.
const IN_TIME: Duration = Duration::from_millis(800);
const TRIES: usize = 5;

/// What `check` finds with a new client that counts for nobody else. Where it fails and an answer was late, the machine
/// may be why, and it is tried again with another client; what fails although every answer came in time has failed.
pub fn in_time(new_client: impl Fn(usize) -> Result<Client>, check: impl Fn(Client) -> Result<()>) -> Result<()> {
    let mut tried = 0;
    loop {
        let client = new_client(tried)?;
        tried += 1;
        let outcome = check(client.clone());
        let slowest = client.slowest();
        match outcome {
            Err(_) if slowest > IN_TIME && tried < TRIES => {}
            outcome => {
                return outcome.map_err(|error| error.context(format!("try {tried}, slowest answer {slowest:?}")));
            }
        }
    }
}
